"""The model in memory: loaded on the engine's thread, and closed there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.translations import sentence
from engine.errors import RequestError
from engine.events import Progress
from engine.remote.address import Address

Loader = Callable[[Path, bool], Generator[Progress, None, Any]]


@dataclass(frozen=True)
class Elsewhere:
    """A model on another machine: where, and the token by which it lets Earshot in."""

    address: str
    token: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What people call the machine."""
        return Address.of(self.address).place

    def __str__(self) -> str:
        return self.address


Place = Path | Elsewhere  # where a model is


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
    place: str = ""  # the other machine that it is on


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

    def load(self, place: Place, insist: bool) -> Iterator[Progress]:
        """Load a model, until it can speak too, or connect with one. Raises CheckpointError or RemoteError, then there
        is none.
        """
        if isinstance(place, Elsewhere):
            yield Progress("connect", 0, 0)
            self._engine = _connected(place)
        else:
            self._engine = yield from self._loader(place, insist)
        if self._engine.capabilities.speaks:
            yield Progress("voice", 0, 0)
            _ = self._engine.speaking

    @property
    def facts(self) -> Loaded:
        """What the window wants to know of it."""
        engine = self.engine
        return Loaded(
            Path(engine.folder), engine.name, engine.memory_bytes, _total_memory(), engine.capabilities.thinks,
            engine.capabilities.speaks, dict(engine.about), engine.capabilities.chats, engine.place,
        )  # fmt: skip

    def close(self) -> None:
        """Give the memory back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _connected(elsewhere: Elsewhere) -> Any:
    from engine.engine import Engine

    return Engine.connect(elsewhere.address, elsewhere.token)


def _total_memory() -> int:
    from engine.checkpoints.memory import memory_budget

    return memory_budget().total
