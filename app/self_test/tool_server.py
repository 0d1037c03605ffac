"""A little tool server over stdio, which the self-test starts and asks."""

from __future__ import annotations


def serve() -> int:
    """Serve until the input ends; returns the exit code."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("self-test")

    @server.tool()
    def echo(text: str) -> str:
        """Say the same again."""
        return text

    server.run()
    return 0


if __name__ == "__main__":
    serve()
