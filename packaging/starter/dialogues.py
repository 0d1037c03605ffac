"""What a made-up conversation is, and the choices every topic needs: held-out phrasings and held-out numbers."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ASSISTANT = "You are a helpful assistant."
READER = "Read this paragraph at a natural pace."
TRANSCRIBER = "请记录下你所听到的语音内容。"
DESCRIBER = "Please briefly explain the important events involved in this audio clip."
ANALYST = "You are an expert in audio analysis, please analyze the audio content and answer the questions accurately."
REMINDER = "\n\n\nPut the result into spoken words and answer the user's question briefly."
TOOLS = ("calculator", "date_and_time", "convert_units", "set_timer", "list_timers", "cancel_timer")


@dataclass(frozen=True)
class Call:
    """A tool call and what came back."""

    name: str
    arguments: Mapping[str, Any]
    result: str


@dataclass(frozen=True)
class Turn:
    """One exchange. `question` is how it is said, `typed` how it may be typed instead.

    `thinking` is what the model may think first; where `thinks` is true it does so on its own account.
    """

    question: str
    answer: str
    thinking: str = ""
    thinks: bool = False
    calls: tuple[Call, ...] = ()
    typed: str = ""


@dataclass(frozen=True)
class Dialogue:
    """A conversation in one topic; `tools` are the names offered."""

    topic: str
    turns: tuple[Turn, ...]
    persona: str = ASSISTANT
    tools: tuple[str, ...] = ()


@dataclass
class Draw:
    """Random choices for one split: training never sees what `held_out` says is kept for the tests.

    In the test split every choice of numbers is a held-out one, and about half of the phrasings are.
    """

    chance: random.Random
    test: bool = False
    new_phrasings: float = 0.5
    used_new_phrasing: bool = field(default=False, init=False)

    def phrasing(self, choices: Sequence[str]) -> str:
        """One of the ways to say something. With four or more, the last is kept for the tests."""
        if len(choices) < 4:
            return self.chance.choice(choices)
        if self.test and self.chance.random() < self.new_phrasings:
            self.used_new_phrasing = True
            return choices[-1]
        return self.chance.choice(choices[:-1])

    def allows(self, *key: object) -> bool:
        """Whether this combination (of numbers, say) belongs to this split: one in twenty is for the tests."""
        return held_out(*key) == self.test

    def choice(self, choices: Sequence[Any]) -> Any:
        """Any one of them."""
        return self.chance.choice(choices)

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return self.chance.randint(low, high)


def held_out(*key: object) -> bool:
    """Whether a combination is kept for the tests."""
    return zlib.crc32(repr(key).encode()) % 20 == 0
