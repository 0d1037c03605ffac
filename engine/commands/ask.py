"""Ask a question and get a written answer: about a recording, or about anything.

The answer comes word by word; a model that can think does so first where it helps. Recordings of some
minutes are heard whole; for hours there is `earshot transcribe`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.console import Help, add_connect_options, add_model_option, load_model, result, result_json
from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.engine import AnyModel
    from engine.events import Turn

_EXAMPLES = """\
examples:
  earshot ask interview.wav "How do the two speakers differ in mood?"
  earshot ask "What is a log-mel spectrogram?\""""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "ask",
        help="ask about a recording, or anything, and read the answer",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the recording (may be left out)")
    parser.add_argument("question", metavar="QUESTION", help="in quotes")
    add_answer_options(parser)
    parser.set_defaults(func=run)


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """The options of the commands that answer in writing."""
    parser.add_argument("--max-tokens", type=int, default=1024, metavar="N", help="longest answer (default: 1024)")
    parser.add_argument("--json", action="store_true", help="print one JSON object when the answer is complete")
    add_connect_options(parser)
    add_model_option(parser)


def run(args: argparse.Namespace) -> int:
    """Answer the question on stdout."""
    from engine.commands.sounds import read_sound
    from engine.conversation.prompting.tasks import ASK_ABOUT_SOUND, HELPFUL
    from engine.events import Thinking, Turn
    from engine.samples import probe

    if not args.question.strip():
        raise RequestError('There is no question: write it in quotes, such as "Who is speaking?".')
    if args.file is None and os.path.isfile(args.question):  # a question may be longer than any file's name
        raise RequestError(f'There is no question about {args.question}: add it in quotes, such as "Who is speaking?".')
    if args.file is not None:
        probe(args.file)
    engine = load_model(args)
    sound = read_sound(args.file, engine) if args.file is not None else None
    turn = Turn(
        samples_16k=sound,
        text=args.question,
        spoken_answer=False,
        thinking=Thinking.AUTO if engine.capabilities.thinks else Thinking.OFF,
        max_tokens=args.max_tokens,
    )
    facts = {"file": str(args.file) if args.file else None, "question": args.question}
    return answer(args, engine, ASK_ABOUT_SOUND if sound is not None else HELPFUL, turn, facts)


def answer(args: argparse.Namespace, engine: AnyModel, persona: str, turn: Turn, facts: dict) -> int:
    """Print the model's written answer to one turn as it comes, or as JSON together with `facts`."""
    from engine.events import AnswerText, ReplyEnded
    from engine.session import SessionSettings

    text = ""
    seconds = 0.0
    for event in engine.session(settings=SessionSettings(persona=persona)).ask(turn):
        match event:
            case AnswerText(text=more):
                text += more
                if not args.json:
                    result(more, end="")
            case ReplyEnded(statistics=statistics):
                seconds = statistics.total_s
    if args.json:
        result_json({**facts, "answer": text.strip(), "model": engine.name, "seconds": round(seconds, 3)})
    elif text and not text.endswith("\n"):
        result("")
    if not text.strip():
        raise RequestError(f"{engine.name} gave no answer: ask in other words or try another model.")
    return 0
