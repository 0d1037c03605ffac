"""A server of tools for programs that speak the Model Context Protocol, over stdin and stdout.

It offers transcribe_file, speak and ask_recording, and search_history, which asks you each time. The program starts it
by itself: give it the command `earshot mcp`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from engine.commands.console import Help, add_model_option, ctrl_c_waits
from engine.commands.serve import leave, loaded

_EXAMPLES = """\
example, in the settings of a program:
  {"mcpServers": {"earshot": {"command": "earshot", "args": ["mcp"]}}}"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "mcp",
        help="offer tools to programs that speak MCP",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> NoReturn:
    """Answer on stdout until stdin ends, which ends the process with 0."""
    with ctrl_c_waits():
        import anyio

        from engine.checkpoints import catalogue
        from engine.commands.voice import library
        from engine.serving import Voices, Worker
        from engine.serving.mcp_tools import McpTools
        from engine.serving.transcribing import Transcribing

    folder = args.model or catalogue.best()
    with Worker(lambda: loaded(folder, args)) as worker:
        tools = McpTools(worker, Voices(library()), Transcribing(worker), history=args.history)
        anyio.run(tools.server().run_stdio_async)
    leave(0)
