"""The command line: `earshot COMMAND …`. Results go to stdout, everything else to stderr.

`earshot` itself is `app/command_line.py`, which gives it this machine's loudspeaker and microphone."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from engine.commands.console import Help, drop_stdout, result, version
from engine.commands.files import with_values
from engine.commands.sound_door import SoundDoor
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.serving.history import History

# Modules of engine.commands in the order in which --help shows them. Each has add_parser(subparsers), which sets
# func(args) -> exit code, and imports what is slow only when it is run.
COMMANDS = (
    *("chat", "say", "transcribe", "translate", "ask", "describe", "voice"),
    *("serve", "mcp", "benchmark", "models", "doctor"),
)

_EXIT_CODES = """\
exit codes: 0 done, 2 something needs your attention (said in one sentence), 130 stopped with Ctrl-C.
`earshot COMMAND --help` says more. Everything runs on this machine
and nothing leaves it, unless you say --web, --tool-server or --connect."""

OK, FAILED, STOPPED, PIPE_CLOSED = 0, 2, 130, 141


class Command(Protocol):
    """A module with a command of its own."""

    def add_parser(self, subparsers: argparse._SubParsersAction) -> None:
        """Declare the command."""


def main(
    argv: Sequence[str] | None = None,
    sound: SoundDoor | None = None,
    history: History | None = None,
    more: Sequence[Command] = (),
) -> int:
    """Run one command; returns the exit code. Prints one sentence on stderr for an EngineError.

    `sound` is what may be used of this machine's sound devices, `history` searches what was said in the window,
    `more` are commands that the engine does not know.
    """
    _prepare_streams()
    try:
        code = _run(argv, sound, history, more)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        drop_stdout()  # the reader of our output has gone: `earshot … | head`
        return PIPE_CLOSED


def _prepare_streams() -> None:
    """Closed streams become empty ones, whose numbers no file may take; no sign that is read or shown is an error."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def build_parser(more: Sequence[Command] = ()) -> argparse.ArgumentParser:
    """The parser with every command of COMMANDS, and `more`."""
    parser = argparse.ArgumentParser(
        prog="earshot",
        description="Earshot transcribes, translates and answers speech with a model that runs on this machine.",
        epilog=_EXIT_CODES,
        formatter_class=Help,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"engine.commands.{name}").add_parser(subparsers)
    for command in more:
        command.add_parser(subparsers)
    return parser


def _run(argv: Sequence[str] | None, sound: SoundDoor | None, history: History | None, more: Sequence[Command]) -> int:
    parser = build_parser(more)
    args = parser.parse_args(with_values(sys.argv[1:] if argv is None else argv))
    args.sound, args.history = sound, history
    try:
        if args.version:
            result(f"earshot {version()}")
        elif args.command is None:
            result(parser.format_help(), end="")
        else:
            with ExitStack() as args.at_the_end:
                return int(args.func(args))
        return OK
    except EngineError as error:
        print(f"earshot: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as stopped:
        print(f"\nearshot: stopped. {stopped}".rstrip(), file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
