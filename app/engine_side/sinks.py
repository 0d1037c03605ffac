"""Where the sound of an answer goes while it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.audio.playback import Playback, Sound
from app.engine_side.requests import Request
from engine.events import Samples


class Sink(Protocol):
    """Takes the sound of an answer on the engine's thread; waits while it is full."""

    def write(self, samples_24k: Samples, wait_s: float) -> bool:
        """Queue samples; False when they are not wanted any more."""

    def finish(self) -> None:
        """Nothing more comes."""


class PlaybackSink:
    """Leads to the loudspeaker; a full buffer holds the engine back, which is no hanging."""

    def __init__(self, playback: Playback, sound: Sound, beat: Callable[[], None]) -> None:
        self._playback, self._sound, self._beat = playback, sound, beat
        self.request: Request | None = None

    def _cancelled(self) -> bool:
        self._beat()
        return self.request is not None and self.request.cancelled

    def write(self, samples_24k: Samples, wait_s: float) -> bool:
        """Queue samples; False when the sound was stopped."""
        return self._playback.write(self._sound, samples_24k, self._cancelled, wait_s)

    def finish(self) -> None:
        """Nothing more comes."""
        self._playback.finish(self._sound, self._cancelled)


class SilentSink:
    """For what is not played."""

    def write(self, samples_24k: Samples, wait_s: float) -> bool:
        """Take anything."""
        return True

    def finish(self) -> None:
        """Nothing to do."""
