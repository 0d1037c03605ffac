"""What a made-up conversation is, and the choices every topic needs: held-out phrasings and held-out numbers."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

ASSISTANT = "You are a helpful assistant."
READER = "Read this paragraph at a natural pace."
TRANSCRIBER = "请记录下你所听到的语音内容。"
DESCRIBER = "Please briefly explain the important events involved in this audio clip."
ANALYST = "You are an expert in audio analysis, please analyze the audio content and answer the questions accurately."
REMINDER = "\n\n\nPut the result into spoken words and answer the user's question briefly."
_INDIRECTLY = 0.25
_LEADS = (
    *("Tell me {q}.", "Please tell me {q}.", "Can you tell me {q}?", "Could you tell me {q}?"),
    *("Do you know {q}?", "I want to know {q}."),
)
_ORDERS = ("Tell me {q}.", "Name {q}.", "Give me {q}.", "Please tell me {q}.")
_VERB_MOVES = re.compile(r"(What|How \w+|Where|Who|What color)(?: (is|are)|'s) ([^?,]+?)( called| made of)?\?")
_VERB_STAYS = re.compile(
    r"((?:How many|Which|What)(?: \w+)+? (?:is|are|has|comes|says|barks|cannot|follows) [^?]+"
    r"|(?:What comes|Who made|Who built|Who wrote|Who says|Who barks)\b[^?]*)\?"
)
_THING = re.compile(r"What is the [^,?]+\?")
_NOT_INDIRECT = re.compile(r"\b(do|does|did|can|there|you|your|I|we|it|today|like|news|more than)\b|How many \w+ has")
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
        """One of the ways to say something. With four or more, the last is kept for the tests.

        Training also asks indirectly ("Please tell me what …"), but never as the tests do.
        """
        if len(choices) < 4:
            return self.chance.choice(choices)
        if self.test and self.chance.random() < self.new_phrasings:
            self.used_new_phrasing = True
            return choices[-1]
        if not self.test and self.chance.random() < _INDIRECTLY:
            more = indirectly(tuple(choices))
            if more:
                return self.chance.choice(more)
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


@lru_cache(maxsize=2000)
def indirectly(choices: tuple[str, ...]) -> tuple[str, ...]:
    """The questions asked within another sentence, without the last of them and what sounds like it."""
    kept = _plain(choices[-1])
    found = [lead.format(q=inner) for ask in choices[:-1] if (inner := _inner(ask)) for lead in _LEADS]
    found += [order.format(q=ask[8:-1]) for ask in choices[:-1] if _THING.fullmatch(ask) for order in _ORDERS]
    return tuple(ask for ask in dict.fromkeys(found) if _plain(ask) != kept)


def _inner(ask: str) -> str:
    """What a question becomes after "tell me"; nothing where that takes more than moving the verb to the end."""
    if _NOT_INDIRECT.search(ask):
        return ""
    if moves := _VERB_MOVES.fullmatch(ask):
        asked, verb, subject, end = moves.groups()
        return f"{asked[0].lower()}{asked[1:]} {subject} {verb or 'is'}{end or ''}"
    stays = _VERB_STAYS.fullmatch(ask)
    return stays[1][0].lower() + stays[1][1:] if stays else ""


def _plain(text: str) -> str:
    return text.casefold().rstrip(".?!")
