"""Records for as long as one wants, straight to the disk; what was recorded is to be transcribed."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.audio.growing_recording import PIECE_S, RECORDED, SUFFIX, GrowingRecording, write_whole
from app.talk.microphone_use import MicrophoneUse
from app.talk.notices import Notices, explain
from app.talk.state_machine import StateMachine
from app.worker import Worker
from engine.errors import EngineError
from engine.events import Samples
from engine.storage import storage_error

log = logging.getLogger(__name__)

_LONGEST_S = 36 * 3600.0  # a sound file of this format holds no more than 37 hours


@dataclass(frozen=True)
class LongRecording:
    """A recording that is on the disk. `began_s` is in seconds since 1970; one that is not `wanted` was discarded."""

    key: str
    path: Path
    seconds: float
    began_s: float
    wanted: bool = True


class LongRecorder(QObject):
    """One recording at a time; nobody can talk to Earshot meanwhile. The file that grows is there until whoever takes
    the recording has written down that it has it, so a crash at any moment loses no more than half a second.
    """

    changed = Signal()  # it began, or is over
    progressed = Signal(float, float)  # seconds so far, loudness from 0 to 1
    recorded = Signal(LongRecording)
    trouble = Signal(str)

    def __init__(
        self, machine: StateMachine, notices: Notices, microphone_use: MicrophoneUse, disk: Worker, folder: Path
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._use = machine, notices, microphone_use
        self._disk, self._folder = disk, folder
        self._growing: GrowingRecording | None = None
        self._began_s = 0.0
        microphone_use.lost.connect(self._on_lost)

    @property
    def recording(self) -> bool:
        """Whether it records."""
        return self._growing is not None

    @property
    def silent(self) -> bool:
        """Whether the microphone gives nothing but silence."""
        return self.recording and self._use.microphone.silent

    def start(self) -> None:
        """Record from now on, unless somebody is talking to Earshot."""
        if self.recording:
            return
        if self._use.wanted:
            self.trouble.emit(self.tr("Earshot is listening: finish talking before you record."))
            return
        if not self._use.may_record():
            if self._notices.shown.trouble:
                self.trouble.emit(self._notices.shown.text)
            return
        self._machine.stop()
        self._use.reserved = self.tr("A recording is being made: stop it on the Transcribe page before you talk.")
        self._began_s = time.time()
        self._growing = GrowingRecording(self._folder / f"{uuid.uuid4().hex}{RECORDED}{SUFFIX}", self._disk)
        self._use.take()
        self.changed.emit()

    def stop(self) -> None:
        """It is over, and wanted."""
        self._end(wanted=True)

    def discard(self) -> None:
        """It is over, and not wanted; it can be brought back like any other recording."""
        self._end(wanted=False)

    def leave(self) -> None:
        """Earshot ends: what was recorded until now is found at the next start."""
        self._let_go()

    def _let_go(self) -> GrowingRecording | None:
        growing, self._growing = self._growing, None
        if growing is not None:
            rest = self._use.finish()
            self._use.reserved = ""
            if len(rest):
                growing.append(rest)
            self.changed.emit()
        return growing

    def _end(self, *, wanted: bool) -> None:
        growing = self._let_go()
        if growing is None:
            return
        if not growing.seconds:
            self.trouble.emit(self.tr("The microphone gave no sound yet: try once more."))
            return
        whole, began_s = _whole_of(growing.path), self._began_s

        def written(seconds: float | None, error: Exception | None) -> None:
            if seconds:
                self.recorded.emit(LongRecording(_key_of(whole), whole, seconds, began_s, wanted))
            elif error is not None:  # what grew is still there, and found at the next start
                self.trouble.emit(explain(error))

        self._disk.run(lambda: _written(growing.path), written)

    def _on_lost(self, words: str) -> None:
        if self.recording:
            self.stop()
            self.trouble.emit(words + " " + self.tr("What was recorded until then is kept."))

    def _on_appended(self, growing: GrowingRecording, _result: None, error: Exception | None) -> None:
        if error is not None and growing is self._growing:
            self.stop()
            full = storage_error(growing.path, error) if isinstance(error, OSError) else error
            self.trouble.emit(explain(full) + " " + self.tr("What was recorded until then is kept."))

    def poll(self) -> None:
        """Follow the microphone; called about 30 times a second."""
        growing, microphone = self._growing, self._use.microphone
        if growing is None:
            return
        if microphone.recorded_s >= PIECE_S:
            self._append(growing, microphone.take_recorded())
        if growing.seconds > _LONGEST_S:
            self.stop()
            return
        self.progressed.emit(growing.seconds + microphone.recorded_s, microphone.level)

    def _append(self, growing: GrowingRecording, samples_16k: Samples) -> None:
        growing.append(samples_16k, partial(self._on_appended, growing))

    def find_left_behind(self, kept: Collection[str]) -> None:
        """Take what was being recorded when Earshot ended, apart from recordings with these keys."""
        self._disk.run(lambda: _left_behind(self._folder, kept), self._on_found)

    def _on_found(self, found: list[LongRecording] | None, error: Exception | None) -> None:
        if error is not None:
            log.error("recordings that were left behind cannot be found", exc_info=error)
        for each in found or ():
            self.recorded.emit(each)

    def close(self, timeout_s: float) -> None:
        """Write what is to be written, waiting at most this long."""
        self._disk.close(timeout_s)


def _whole_of(growing: Path) -> Path:
    return growing.with_suffix(".wav")


def _key_of(file: Path) -> str:
    return file.name.partition(".")[0]


def _written(growing: Path) -> float:
    return write_whole(growing, _whole_of(growing))


def _left_behind(folder: Path, kept: Collection[str]) -> list[LongRecording]:
    found: list[LongRecording] = []
    for growing in sorted(folder.glob(f"*{RECORDED}{SUFFIX}")):
        key = _key_of(growing)
        try:
            seconds = 0.0 if key in kept else _written(growing)
            if seconds:
                began_s = growing.stat().st_mtime - seconds
                found.append(LongRecording(key, _whole_of(growing), seconds, began_s))
            else:
                growing.unlink()
        except (OSError, EngineError) as error:
            log.warning("a recording could not be recovered: %s", type(error).__name__)
    return found
