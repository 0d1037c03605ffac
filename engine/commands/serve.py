"""Let other programs use the model: OpenAI's routes over HTTP, for this machine alone unless --host says otherwise.

Programs show the token that is printed once; it is kept, so that it stays the same."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.commands.console import (
    Help,
    add_model_option,
    ctrl_c_waits,
    progress_bar,
    remark,
    result,
    run_to_end,
)
from engine.commands.serve_ranks import follow_until_the_end, launch, leave_lost, started_by_launcher
from engine.errors import RequestError
from engine.remote.address import DEFAULT_PORT

if TYPE_CHECKING:
    from engine.conversation.replying.tools import Tool
    from engine.engine import Engine
    from engine.ranks import Ranks

OWN_TOOLS = ("calculator", "date_and_time", "convert_units")  # those that need nothing of the person

_EXAMPLES = """\
examples:
  earshot serve
  earshot serve --port 9000 --model models/Step-Audio-2-mini
  earshot serve --ranks 2                             # the model shared by two processes; or hosts: 10.0.0.1,10.0.0.2
  earshot serve --host 0.0.0.0 --name studio.local    # other machines too: the sound of what is said passes the network
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8765/v1/models"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "serve",
        help="let other programs use the model, as they use OpenAI's",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"port to listen on; 0 takes any that is free (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that programs may call this machine by",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the token (default: one that Earshot keeps)")
    parser.add_argument(
        "--tools",
        nargs="*",
        default=[],
        choices=OWN_TOOLS,
        metavar="NAME",
        help=f"tools that the model may use in chats, answered here: {', '.join(OWN_TOOLS)}",
    )
    parser.add_argument(
        "--ranks",
        metavar="N|HOSTS",
        help="share the model: a number of processes here, machines separated by commas, or a host file",
    )
    parser.add_argument(
        "--ranks-over",
        default="ring",
        choices=("ring", "jaccl", "nccl"),
        help="how the machines talk (default: ring, over TCP)",
    )
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> NoReturn:
    """Serve until Ctrl-C or SIGTERM, which end the process with 0; a rank that is lost ends it with 3."""
    if not 0 <= args.port <= 65_535:
        raise RequestError(f"A port is a number from 0 to 65535, not {args.port}.")
    if args.ranks and not started_by_launcher():
        launch(args.ranks, args.ranks_over)
    with ctrl_c_waits():
        from engine.checkpoints import catalogue
        from engine.checkpoints.catalogue import models_folder
        from engine.commands.voice import library
        from engine.ranks import join
        from engine.serving import Access, Server, Voices, Worker, routes_of
        from engine.serving.mcp_tools import McpTools
        from engine.serving.tokens import kept_token
        from engine.serving.transcribing import Transcribing

    folder = args.model or catalogue.best()
    ranks = join() if args.ranks else None
    if ranks is not None and ranks.rank > 0:
        follow_until_the_end(folder, ranks)
    token = kept_token(args.token_file or models_folder().parent / "server-token")
    explained = None if ranks is None else ranks.explained
    with Worker(lambda: loaded(folder, args, ranks), explained) as worker:
        voices, transcribing = Voices(library()), Transcribing(worker)
        tools = McpTools(worker, voices, transcribing, _is_this_machine(args.host), args.history)
        mcp, around = tools.routes()
        access = Access(token, frozenset(name.lower() for name in args.name))
        routes = [*routes_of(worker, voices, transcribing, _own_tools(args.tools)), *mcp]
        server = Server(routes, access, host=args.host, port=args.port, around=around)
        server.start()
        if ranks is not None:
            ranks.when_lost = partial(leave_lost, ranks, worker, server)
        result(f"{server.address}/v1")
        remark(f"{worker.about.name} is served there. Token: {token}\nCtrl-C ends it.")
        _wait_for_the_end(alone=ranks is None)
        server.stop()
    leave(0)


def loaded(folder: Path, args: argparse.Namespace, ranks: Ranks | None = None) -> Engine:
    """The model, with a progress bar, on whatever thread this is."""
    from engine.engine import Engine

    with progress_bar("Loading the model", quiet=args.quiet) as bar:
        return run_to_end(Engine.loading(folder, insist=args.insist, backend=args.backend, ranks=ranks), bar)


def _own_tools(names: Sequence[str]) -> list[Tool]:
    from engine.conversation.replying.tools.builtin import builtin_tools

    return [tool for tool in builtin_tools() if tool.name in names] if names else []


def _is_this_machine(host: str) -> bool:
    """Whether only programs of this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wait_for_the_end(*, alone: bool) -> None:
    """Until Ctrl-C or SIGTERM; both end the server in an orderly way. SIGTERM among ranks is the launcher's, when
    another one ended: that is noticed and told without it.
    """
    over = threading.Event()
    ending: dict[signal.Signals, Any] = {signal.SIGINT: lambda number, frame: over.set()}
    ending[signal.SIGTERM] = ending[signal.SIGINT] if alone else signal.SIG_IGN
    before = {each: signal.signal(each, handler) for each, handler in ending.items()}
    try:
        over.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def leave(code: int) -> NoReturn:
    """End the process: MLX aborts one that is taken apart after another thread than the first has used it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
