"""Turns speech tokens into sound while the language model goes on writing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.conversation.remembering.records import SpokenPiece
from engine.conversation.speaking_along.alignment import Alignment
from engine.conversation.speaking_along.long_text import most_speech_tokens
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.stepping import Made, Synthesizer, stepping
from engine.events import Speech

RATE_HZ = 24_000


@dataclass(frozen=True)
class Place:
    """Where a passage begins within the whole answer: its first character and its first speech token."""

    character: int = 0
    token: int = 0


class Voicing:
    """The speech of one passage. Feed text and tokens, take pieces with `along` while writing and `rest` at the end.

    To be closed before anybody else uses the synthesizer.
    """

    def __init__(self, synthesizer: Synthesizer, pace: Pace, place: Place | None = None, scale: float = 1.0) -> None:
        self._steps = stepping(synthesizer)
        self._pace = pace
        pace.beside = synthesizer.thread is not None
        pace.learn(synthesizer.measured)
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

    @property
    def runs_on(self) -> bool:
        """Whether there is more speech than the text can take: the model speaks on without saying anything."""
        return self._fed > most_speech_tokens(len(self._alignment.text))

    def add_text(self, text: str) -> None:
        """More of the passage's text."""
        self._alignment.add_text(text)

    def add_token(self, token: int) -> None:
        """One more speech token."""
        self._fed += 1
        self._steps.push(token)

    def along(self) -> Iterator[Speech]:
        """Pieces that can be had now without holding up the writing more than it helps."""
        while self._pace.speaks_along() and (made := self._steps.next(wait=False)) is not None:
            yield self._speech(made, writing=True)

    def rest(self) -> Iterator[Speech]:
        """Everything that is still to be said, once nothing more is written."""
        self._alignment.end(self._fed)
        self._steps.finish()
        while (made := self._steps.next(wait=True)) is not None:
            yield self._speech(made, writing=False)

    def close(self) -> None:
        """Wait for a piece that is being made, at most; nothing more is made."""
        self._steps.close()

    def _speech(self, made: Made, *, writing: bool) -> Speech:
        chunk, seconds = made
        self._pace.spoke(seconds, chunk.tokens)
        self._voiced = chunk.first_token + chunk.tokens
        start, self._character = self._character, self._alignment.character_at(self._voiced)
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
            self._pace.wait_s(writing=writing, made=self._voiced, waiting=self._fed - self._voiced),
        )
