"""Describe a sound in words: what happens in it, speech or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.ask import add_answer_options, answer
from engine.commands.console import Help, load_model


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "describe", help="say what happens in a sound", description=__doc__, formatter_class=Help
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a sound or film file of a few minutes")
    add_answer_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the description on stdout."""
    from engine.commands.sounds import read_sound
    from engine.conversation.prompting.tasks import DESCRIBE
    from engine.events import Turn
    from engine.samples import probe

    probe(args.file)
    engine = load_model(args)
    sound = read_sound(args.file, engine)
    turn = Turn(samples_16k=sound, spoken_answer=False, max_tokens=args.max_tokens)
    return answer(args, engine, DESCRIBE, turn, {"file": str(args.file)})
