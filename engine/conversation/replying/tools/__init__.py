"""Tools that the language model may call: typed Python functions, and servers that speak MCP."""

from engine.conversation.replying.tools.registry import Tool, ToolError, ToolRegistry, tool

__all__ = ["Tool", "ToolError", "ToolRegistry", "tool"]
