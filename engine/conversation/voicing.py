"""Turns speech tokens into sound while the language model goes on writing, on the same thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from engine.conversation.alignment import Alignment
from engine.conversation.history import SpokenPiece
from engine.conversation.pace import TOKENS_PER_SECOND, Pace
from engine.events import Samples, Speech

RATE_HZ = 24_000


class Chunk(Protocol):
    """What a synthesizer makes in one step."""

    @property
    def samples_24k(self) -> Samples: ...
    @property
    def first_token(self) -> int: ...
    @property
    def tokens(self) -> int: ...


class Synthesizer(Protocol):
    """What is needed of `engine.speaking.Synthesizer`."""

    def push(self, tokens: list[int]) -> None: ...
    def finish(self) -> None: ...
    def ready(self) -> bool: ...
    def step(self) -> Chunk | None: ...
    def reset(self) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where a passage begins within the whole answer: its first character and its first speech token."""

    character: int = 0
    token: int = 0


class Voicing:
    """The speech of one passage. Feed text and tokens, take pieces with `along` while writing and `rest` at the end."""

    def __init__(self, synthesizer: Synthesizer, pace: Pace, place: Place | None = None, scale: float = 1.0) -> None:
        synthesizer.reset()
        self._synthesizer = synthesizer
        self._pace = pace
        self._place = place or Place()
        self._alignment = Alignment(scale)
        self._fed = 0
        self._voiced = 0  # tokens turned into sound
        self._character = 0
        self.pieces: list[SpokenPiece] = []

    @property
    def scale(self) -> float:
        """How slowly this voice speaks, learned from this passage."""
        return self._alignment.learned_scale()

    def add_text(self, text: str) -> None:
        """More of the passage's text."""
        self._alignment.add_text(text)

    def add_token(self, token: int) -> None:
        """One more speech token."""
        self._fed += 1
        self._synthesizer.push([token])

    def along(self) -> Iterator[Speech]:
        """Pieces that can be made now without holding up the writing more than it helps."""
        while self._pace.speaks_along() and self._synthesizer.ready():
            speech = self._step(writing=True)
            if speech is None:
                return
            yield speech

    def rest(self) -> Iterator[Speech]:
        """Everything that is still to be said, once nothing more is written."""
        self._alignment.end(self._fed)
        self._synthesizer.finish()
        while (speech := self._step(writing=False)) is not None:
            yield speech

    def _step(self, *, writing: bool) -> Speech | None:
        began = time.perf_counter()
        chunk = self._synthesizer.step()
        if chunk is None:
            return None
        length_s = len(chunk.samples_24k) / RATE_HZ
        place = len(self.pieces)
        self._pace.spoke(time.perf_counter() - began, length_s, place)
        self._voiced = chunk.first_token + chunk.tokens
        start, self._character = self._character, self._alignment.character_at(self._voiced)
        left_s = (self._fed - self._voiced) / TOKENS_PER_SECOND
        hold_s = self._pace.hold_s(
            writing=writing, made_s=length_s, left_s=left_s, next_s=self._pace.piece_s(place + 1)
        )
        piece = SpokenPiece(
            len(chunk.samples_24k), self._place.token + self._voiced, self._place.character + self._character
        )
        self.pieces.append(piece)
        return Speech(
            chunk.samples_24k,
            self._place.character + start,
            piece.character,
            self._place.token + chunk.first_token,
            chunk.tokens,
            hold_s if place == 0 else 0.0,
        )
