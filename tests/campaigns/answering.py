"""A small real engine for the app: a real session, cache and network, whose words are numbered answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from random import Random
from typing import Any

from engine.events import Progress
from engine.session import Session
from tests.fakes import SmallEngine, SmallSpeaking

_SHORTEST, _LONGEST = 4, 40  # speech tokens of an answer, 25 a second


class Answers:
    """In place of a list of scripts: whatever the network begins to write is the next numbered answer."""

    def __init__(self, engine: SmallEngine, label: str, chance: Random) -> None:
        self._engine, self._label, self._chance, self._number = engine, label, chance, 0

    def pop(self, _place: int) -> list[int]:
        """The ids of the next answer: text and speech in turns."""
        self._number += 1
        words = self._engine.vocabulary
        tokens = self._chance.randint(_SHORTEST, _LONGEST)
        speech = [words.speech[self._chance.randrange(len(words.speech))] for _ in range(tokens)]
        ids: list[int] = []
        for place, id in enumerate(words.encode(f"Answer {self._label} {self._number}.")):
            ids += [id, *speech[place : place + 1]]
        return [*ids, *speech[len(ids) // 2 :], words.tts_end, words.eot]


class OneVoice(SmallSpeaking):
    """It has a name."""

    def voice_names(self) -> tuple[str, ...]:
        return ("built-in",)

    def voice(self, name: str) -> str:
        return name


class AnsweringEngine(SmallEngine):
    """What the app asks of an engine, on small random networks."""

    def __init__(self, folder: Path, label: str, chance: Random) -> None:
        super().__init__()
        self.folder, self.name = folder, folder.name
        self.speaking = OneVoice()
        self.llm.scripts = Answers(self, label, chance)  # type: ignore[assignment]
        self.memory_bytes = 1_000_000

    def session(self, settings: Any = None, saved: Path | None = None) -> Session:
        """A conversation, or a saved one."""
        return Session(self, settings, saved)  # type: ignore[arg-type]

    def warming_up(self, _settings: Any, _tools: tuple[str, ...]) -> Iterator[Progress]:
        """Nothing is compiled."""
        yield from ()

    def close(self) -> None:
        """Nothing to give back."""


class AnsweringLoader:
    """Loads one; the answers say `label`, so that those of two processes differ."""

    def __init__(self, label: str, seed: int) -> None:
        self._label, self._seed = label, seed

    def __call__(self, folder: Path, _insist: bool) -> Generator[Progress, None, AnsweringEngine]:
        """On the engine's thread."""
        yield Progress("read", 1, 1, "bytes")
        return AnsweringEngine(folder, self._label, Random(f"answers {self._seed}"))
