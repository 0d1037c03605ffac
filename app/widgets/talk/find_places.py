"""Where words stand in a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.shown.talk import TurnView


class Part(Enum):
    """The part of a turn that words stand in."""

    QUESTION = auto()
    ANSWER = auto()


@dataclass(frozen=True)
class Place:
    """The number of the turn, the part of it, and which of the places there it is."""

    turn: int
    part: Part
    number: int


def find_places(turns: Sequence[TurnView], words: str) -> Iterator[Place]:
    """Where the words stand, from the first turn on, whatever their case."""
    pattern = re.compile(re.escape(words), re.IGNORECASE)
    for index, turn in enumerate(turns):
        question = "\n".join(part for part in (turn.attachment, turn.text) if part)
        for part, text in ((Part.QUESTION, question), (Part.ANSWER, turn.answer + turn.unspoken)):
            for number, _found in enumerate(pattern.finditer(text)):
                yield Place(index, part, number)
