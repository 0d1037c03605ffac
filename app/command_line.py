"""`earshot`: the engine's command line with this machine's loudspeaker and microphone."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.audio.devices import PortAudio
    from app.audio.microphone import Microphone
    from app.audio.playback import Playback
    from engine.events import Samples
    from engine.serving.history import FoundConversation

_LOOKED_S = 0.02  # how often it is looked whether the last sample has been heard
_POLLED_S = 0.03
_SERVER_S = 0.25  # a sound server has samples on their way that a device does not know of
RATE_HZ = 24_000
_MOST_FOUND = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from app import conversations_cli
    from engine import cli

    return cli.main(arguments, SystemSound(), search_history, more=(conversations_cli,))


def search_history(query: str) -> list[FoundConversation]:
    """Saved conversations in which all words of the query were said, newest first; none where nothing was saved."""
    import sqlite3

    from app.paths import Paths
    from app.talk import salvage, search
    from engine.errors import StorageError
    from engine.serving.history import FoundConversation

    file = Paths.of_user().store
    if not file.exists():
        return []
    try:
        with salvage.reading(file) as db:
            found = search.find(db, query, _MOST_FOUND)
    except (sqlite3.Error, OSError):
        raise StorageError("The saved conversations cannot be read: open Earshot, which looks after them.") from None
    marks = str.maketrans("", "", "\x02\x03")
    return [FoundConversation(each.title, each.when, each.snippet.translate(marks)) for each in found]


class SystemSound:
    """The system's default loudspeaker and microphone; nothing of them is touched before it is used."""

    def play(self, pieces_24k: Iterable[Samples]) -> None:
        """Play pieces (n,) as they come; returns when the last sample was heard. Raises DeviceError."""
        from app.audio.devices import DeviceError, chosen
        from app.audio.playback import Playback

        system, playback = self._system(), Playback()
        device = chosen(system.outputs(), "")
        if device is None:
            raise DeviceError("There is no loudspeaker: plug one in, or write the speech into a file with -o FILE.")
        with closing(system.open_output(device, playback.fill)) as stream:
            playback.attach(stream)
            if not _play_to_the_end(playback, pieces_24k, stream.latency_s + _SERVER_S):
                raise DeviceError(f"The loudspeaker {device.name} went away.")

    def listen(self, wait: Callable[[], None]) -> Samples:
        """Record until `wait` returns; mono samples (n,) at 16 kHz. Raises DeviceError."""
        from app.audio.devices import DeviceError, chosen
        from app.audio.microphone import Microphone

        system, microphone = self._system(), Microphone(pre_roll_s=0.0)
        device = chosen(system.inputs(), "")
        if device is None:
            raise DeviceError("There is no microphone: plug one in, or type instead.")
        with closing(system.open_input(device, microphone.on_block)) as stream:
            microphone.attach(stream)
            with _Recorder(microphone) as recorder:
                wait()
        if not microphone.delivering:
            raise DeviceError(f"{device.name} gives no sound. Is it muted?")
        return recorder.samples

    def _system(self) -> PortAudio:
        from app.audio.devices import PortAudio

        return PortAudio()


def _play_to_the_end(playback: Playback, pieces_24k: Iterable[Samples], on_the_way_s: float) -> bool:
    """Whether all was heard; False when the loudspeaker went away. Silence pushes out what is on the way to it."""
    import numpy as np

    sound = playback.begin()
    silence = np.zeros(round(on_the_way_s * RATE_HZ), np.float32)
    for piece in itertools.chain(pieces_24k, (silence,)):
        if not playback.write(sound, piece, lambda: playback.lost):
            return False
    playback.finish(sound, lambda: playback.lost)
    waiting = threading.Event()
    while not playback.over:
        if playback.lost:
            return False
        waiting.wait(_LOOKED_S)
    return True


class _Recorder:
    """Records for the time of the block, on a thread of its own: what the device gives has to be taken in time."""

    def __init__(self, microphone: Microphone) -> None:
        self.samples: Samples
        self._microphone = microphone
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._record, name="microphone", daemon=True)

    def __enter__(self) -> _Recorder:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _record(self) -> None:
        self._microphone.start()
        while not self._over.wait(_POLLED_S):
            self._microphone.poll()
        self.samples = self._microphone.stop()


if __name__ == "__main__":
    sys.exit(main())
