"""Plays a recording of any length: from any moment, slower or faster at the same pitch, without the window waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.audio.playback import RATE_HZ, Playback
from app.audio.sound_devices import SoundDevices
from app.audio.speed import Stretch
from app.shown.talk import State
from app.talk.state_machine import StateMachine
from app.talk.states import Happening
from app.translations import told
from engine import samples as sounds
from engine.errors import EngineError
from engine.events import Samples

_BLOCK_S = 0.25
_AT_END_S = 0.05


class RecordingPlayer(QObject):
    """One recording, at one place of it. Whatever else begins to sound or to listen makes it pause there."""

    changed = Signal()  # it began or ended to play, or is at another place
    failed = Signal(str)

    def __init__(self, machine: StateMachine, sound: SoundDevices) -> None:
        super().__init__()
        self._machine, self._sound = machine, sound
        self._path: Path | None = None
        self._duration_s = 0.0
        self._from_s = 0.0
        self._speed = 1.0
        self._stream: _Stream | None = None
        machine.silencing.connect(self._interrupt)

    @property
    def path(self) -> Path | None:
        """The recording it has."""
        return self._path

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._stream is not None

    @property
    def speed(self) -> float:
        """How many seconds of the recording a second takes."""
        return self._speed

    @property
    def position_s(self) -> float:
        """Where in the recording it is."""
        played_s = self._sound.playback.samples_played / RATE_HZ if self._stream is not None else 0.0
        return min(self._from_s + played_s * self._speed, self._duration_s)

    def open(self, path: Path, duration_s: float) -> None:
        """Have another recording, at its beginning."""
        if path != self._path:
            self.pause()
            self._path, self._from_s = path, 0.0
        self._duration_s = duration_s
        self.changed.emit()

    def play(self) -> None:
        """Go on from where it is, unless something more important goes on; from the beginning at the end."""
        if self._path is None or self.playing or self._machine.state not in (State.IDLE, State.SPEAKING):
            return
        self._machine.silence()
        if self._from_s >= self._duration_s - _AT_END_S:
            self._from_s = 0.0
        self._begin(self._path)
        self._machine.happen(Happening.REPLAYED)
        self.changed.emit()

    def pause(self) -> None:
        """Stay where it is."""
        if self.playing:
            self._machine.stop()

    def toggle(self) -> None:
        """Play, or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def seek(self, seconds: float) -> None:
        """Go to a place; it goes on playing from there if it played."""
        self._go_on(min(max(seconds, 0.0), self._duration_s), self._speed)

    def set_speed(self, speed: float) -> None:
        """Play slower or faster from here on."""
        self._go_on(self.position_s, speed)

    def _go_on(self, from_s: float, speed: float) -> None:
        playing = self.playing
        self._drop_stream()
        self._from_s, self._speed = from_s, speed
        if playing and self._path is not None:
            self._begin(self._path)
        self.changed.emit()

    def _begin(self, path: Path) -> None:
        self._sound.open(microphone=False)
        self._stream = _Stream(self._sound.playback, path, self._from_s, self._speed)
        self._stream.failed.connect(self._on_failed)

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None
            self._sound.playback.stop()

    def _interrupt(self) -> None:
        if self._stream is not None:
            self._from_s = self.position_s
            self._drop_stream()
            self.changed.emit()

    def _on_failed(self, stream: _Stream, words: str) -> None:
        if stream is self._stream:
            self._machine.stop()
            self.failed.emit(words)

    def poll(self) -> None:
        """Follow the loudspeaker; called about 30 times a second."""
        if self._stream is None:
            return
        if self._sound.playback.over:
            self._from_s = self._duration_s
            self._drop_stream()
            self._machine.happen(Happening.QUIET)
        self.changed.emit()


class _Stream(QObject):
    """A recording on its way to the loudspeaker, on a thread of its own."""

    failed = Signal(object, str)  # itself, why

    def __init__(self, playback: Playback, path: Path, from_s: float, speed: float) -> None:
        super().__init__()
        self._playback, self._path, self._from_s, self._speed = playback, path, from_s, speed
        self._cancelled = threading.Event()
        self._sound = playback.begin()
        threading.Thread(target=self._run, name="recording player", daemon=True).start()

    def cancel(self) -> None:
        """Read no further."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            for piece in self._pieces():
                if not self._playback.write(self._sound, piece, self._cancelled.is_set):
                    return
        except EngineError as error:
            if not self._cancelled.is_set():
                self.failed.emit(self, told(error))
            return
        self._playback.finish(self._sound, self._cancelled.is_set)

    def _pieces(self) -> Iterator[Samples]:
        with closing(sounds.stream(self._path, RATE_HZ, _BLOCK_S, from_s=self._from_s)) as blocks:
            try:
                if self._speed == 1.0:
                    yield from blocks
                    return
                stretch = Stretch(self._speed, RATE_HZ)
                for block in blocks:
                    yield stretch.push(block)
                yield stretch.finish()
            except sounds.BrokenOffError:
                return  # it is played as far as it goes; its transcript says so
