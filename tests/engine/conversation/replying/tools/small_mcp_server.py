"""A real tool server over stdio, run as a program by the tests."""

from __future__ import annotations

import os

try:
    from mcp.server.mcpserver import MCPServer
except ImportError:  # before version 2
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("small")


@server.tool()
def shout(text: str, times: int = 1) -> str:
    """Say something loudly."""
    return " ".join([text.upper()] * times)


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("the kettle is cold")


@server.tool()
def leave() -> str:
    """End the server at once."""
    os._exit(3)


if __name__ == "__main__":
    server.run()
