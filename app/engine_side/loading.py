"""The model in memory: loaded on the engine's thread, and closed there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.translations import sentence
from engine.errors import RequestError
from engine.events import Progress

Loader = Callable[[Path, bool], Generator[Progress, None, Any]]


@dataclass(frozen=True)
class Loaded:
    """A model is in memory."""

    folder: Path
    name: str
    memory: int
    total_memory: int
    thinks: bool
    speaks: bool
    about: dict[str, Any]
    chats: bool = True


class LoadedModel:
    """Holds the engine, if there is one."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._engine: Any = None

    @property
    def engine(self) -> Any:
        """The loaded engine. Raises RequestError while there is none."""
        if self._engine is None:
            raise RequestError(sentence("No model is loaded: choose one on the models page of the settings."))
        return self._engine

    def holds(self, engine: Any) -> bool:
        """Whether this engine is the one in use."""
        return self._engine is engine

    def load(self, folder: Path, insist: bool) -> Iterator[Progress]:
        """Load a model, until it can speak too. Raises CheckpointError, then there is none."""
        self._engine = yield from self._loader(folder, insist)
        if self._engine.capabilities.speaks:
            yield Progress("voice", 0, 0)
            _ = self._engine.speaking

    @property
    def facts(self) -> Loaded:
        """What the window wants to know of it."""
        engine = self.engine
        return Loaded(
            Path(engine.folder), engine.name, engine.memory_bytes, _total_memory(), engine.capabilities.thinks,
            engine.capabilities.speaks, dict(engine.about), engine.capabilities.chats,
        )  # fmt: skip

    def close(self) -> None:
        """Give the memory back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _total_memory() -> int:
    from engine.checkpoints.memory import memory_budget

    return memory_budget().total
