"""The sound devices that the command line may use: the engine knows none, but whoever starts it may."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.events import Samples


class SoundDoor(Protocol):
    """A loudspeaker and a microphone."""

    def play(self, pieces_24k: Iterable[Samples]) -> None:
        """Play pieces (n,) as they come; returns when the last sample was heard. Raises EngineError."""

    def listen(self, wait: Callable[[], None]) -> Samples:
        """Record until `wait` returns; mono samples (n,) at 16 kHz. Raises EngineError."""


def door_of(args: argparse.Namespace, instead: str) -> SoundDoor:
    """The door that the command line was given. Raises RequestError, which says what to do `instead`."""
    door: SoundDoor | None = args.sound
    if door is None:
        raise RequestError(f"`python -m engine` uses no sound device: {instead}, or run `earshot`.")
    return door
