"""Connects the place where something is recorded for the queue with what records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.widgets.frame.window import Window

if TYPE_CHECKING:
    from app.controller import Controller


class RecordingBinding(QObject):
    """Record, Stop, Discard."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._page, self._recorder = window.transcribe, controller.long_recorder
        self._page.drop_zone.record_pressed.connect(self._on_record)
        self._page.recording.stopped.connect(self._recorder.stop)
        self._page.recording.discarded.connect(self._recorder.discard)
        self._recorder.changed.connect(self._show)
        self._recorder.progressed.connect(self._on_progress)
        self._recorder.trouble.connect(self._page.show_trouble)
        self._show()

    def _show(self) -> None:
        self._page.show_recording(self._recorder.recording)

    def _on_record(self) -> None:
        self._page.show_trouble("")
        self._recorder.start()

    def _on_progress(self, seconds: float, level: float) -> None:
        self._page.recording.show_progress(seconds, level, self._recorder.silent)
