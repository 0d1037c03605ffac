"""Turns speech tokens into sound while the language model goes on writing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from engine.conversation.remembering.records import SpokenPiece
from engine.conversation.speaking_along.alignment import Alignment
from engine.conversation.speaking_along.long_text import most_speech_tokens
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.schedule import Schedule
from engine.conversation.speaking_along.stepping import Chunk, Synthesizer, stepping
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
        pace.beside = synthesizer.thread is not None
        pace.shared = pace.beside and synthesizer.first_alone
        pace.learn(synthesizer.measured)
        self._schedule = Schedule(pace, synthesizer.pieces, synthesizer.look_ahead)
        self._steps = stepping(synthesizer, self._schedule)
        self._place = place or Place()
        self._alignment = Alignment(scale)
        self._character = 0
        self.pieces: list[SpokenPiece] = []

    @property
    def scale(self) -> float:
        """How slowly this voice speaks, learned from this passage."""
        return self._alignment.learned_scale()

    @property
    def runs_on(self) -> bool:
        """Whether there is more speech than the text can take: the model speaks on without saying anything."""
        return self._schedule.written > most_speech_tokens(len(self._alignment.text))

    def add_text(self, text: str) -> None:
        """More of the passage's text."""
        self._alignment.add_text(text)

    def add_token(self, token: int) -> None:
        """One more speech token."""
        self._alignment.add_token()
        self._steps.push(token)

    def along(self) -> Iterator[Speech]:
        """Pieces that are due now, while the writing goes on."""
        while (chunk := self._steps.next(wait=False)) is not None:
            yield self._speech(chunk)

    def rest(self) -> Iterator[Speech]:
        """Everything that is still to be said, once nothing more is written."""
        self._alignment.end(self._schedule.written)
        self._steps.finish()
        while (chunk := self._steps.next(wait=True)) is not None:
            yield self._speech(chunk)

    def close(self) -> None:
        """Wait for a piece that is being made, at most; nothing more is made."""
        self._steps.close()

    def _speech(self, chunk: Chunk) -> Speech:
        voiced = chunk.first_token + chunk.tokens
        start, self._character = self._character, self._alignment.character_at(voiced)
        piece = SpokenPiece(len(chunk.samples_24k), self._place.token + voiced, self._place.character + self._character)
        self.pieces.append(piece)
        return Speech(
            chunk.samples_24k,
            self._place.character + start,
            piece.character,
            self._place.token + chunk.first_token,
            chunk.tokens,
            self._schedule.wait_s,
        )


def voiced(synthesizer: Synthesizer, tokens: Iterator[int]) -> Generator[Speech | None]:
    """The sound of speech tokens without a text, while they are written; None after each, where others may act."""
    pace = Pace()
    with closing(Voicing(synthesizer, pace)) as voicing:
        for token in pace.writing(tokens):
            voicing.add_token(token)
            yield from voicing.along()
            yield None
        yield from voicing.rest()
