"""A spoken conversation without a display: recordings that come with Earshot stand in for the microphone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from engine.resources import resource


def recordings() -> list[Path]:
    """The bundled recordings to talk with, in their order."""
    return sorted([*resource("examples").glob("*.wav"), *resource("examples").glob("*.flac")])


def converse() -> int:
    """Hold a conversation in the terminal; the spoken answers become files. Returns the exit code."""
    from engine.cli import main

    answers = Path(tempfile.mkdtemp(prefix="earshot-answers-"))
    write = sys.stdout.write
    write(
        "There is no display here, so Earshot cannot open its window; the same conversation follows in the terminal.\n"
    )
    questions = recordings()
    if not questions:
        write("No recordings are bundled: type a question instead, or end with Ctrl-D.\n")
        return main(["chat", "--text", "--speak", "-o", str(answers)])
    write(f"What is said comes from {len(questions)} recordings; the spoken answers go to {answers}.\n\n")
    sys.stdout.flush()
    return main(["chat", "--wav", *map(str, questions), "--speak", "-o", str(answers)])
