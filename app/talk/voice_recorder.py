"""Five seconds of somebody's voice, recorded for the voice library."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.audio import recording_files
from app.audio.recording_files import Utterance
from app.talk.microphone_use import MicrophoneUse
from app.talk.notices import Notices, explain
from app.talk.state_machine import StateMachine
from app.worker import Worker


class VoiceRecorder(QObject):
    """One voice at a time."""

    progress_changed = Signal(float)  # 0 … 1, and -1 when it is over
    recorded = Signal(Path, str)  # file, name of the voice

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        microphone_use: MicrophoneUse,
        disk: Worker,
        folder: Path,
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._use = machine, notices, microphone_use
        self._disk, self._folder = disk, folder
        self._name = ""
        machine.stopping.connect(self.cancel)
        microphone_use.lost.connect(self._on_lost)

    @property
    def recording(self) -> bool:
        """Whether a voice is being recorded."""
        return bool(self._name)

    def record(self, name: str) -> None:
        """Record five seconds for a new voice."""
        if self._use.may_record(of_settings=True):
            self._machine.stop()
            self._name = name
            self._use.take()
            self.progress_changed.emit(0.0)

    def cancel(self) -> None:
        """Cancel recording a voice."""
        if self._name:
            self._name = ""
            self._use.drop()
            self.progress_changed.emit(-1.0)

    def _on_lost(self, words: str) -> None:
        if self._name:
            self.cancel()
            self._notices.say(words, of_settings=True)

    def poll(self) -> None:
        """Follow the microphone; called about 30 times a second."""
        if not self._name:
            return
        seconds = self._use.microphone.recorded_s
        self.progress_changed.emit(min(seconds / recording_files.VOICE_S, 1.0))
        if seconds >= recording_files.VOICE_S:
            self._finish()

    def _finish(self) -> None:
        name, self._name = self._name, ""
        samples = self._use.finish()
        self.progress_changed.emit(-1.0)
        path = self._folder / f"voice-{time.time_ns()}.flac"  # the one before may not be made yet

        def written(said: Utterance | None, error: Exception | None) -> None:
            if said is not None:
                self.recorded.emit(path, name)
            else:
                self._notices.say(
                    explain(error) if error else self.tr("Nothing was heard: record once more."), of_settings=True
                )

        self._disk.run(lambda: recording_files.write_recording(samples, path), written)
