"""Connects the place where something is recorded for the queue with what records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.widgets.frame.window import TRANSCRIBE, Window

if TYPE_CHECKING:
    from app.controller import Controller


class RecordingBinding(QObject):
    """Record, Stop, Discard; and on every other page a sign that it records."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window, self._page, self._recorder = window, window.transcribe, controller.long_recorder
        window.page_changed.connect(self._show_chip)
        window.header.recording.clicked.connect(lambda: window.show_page(TRANSCRIBE))
        self._page.drop_zone.record_pressed.connect(self._on_record)
        self._page.recording.stopped.connect(self._recorder.stop)
        self._page.recording.discarded.connect(self._recorder.discard)
        self._recorder.changed.connect(self._show)
        self._recorder.progressed.connect(self._on_progress)
        self._recorder.trouble.connect(self._page.show_trouble)
        self._show()

    def _show(self) -> None:
        self._page.show_recording(self._recorder.recording)
        self._window.header.recording.show_seconds(0.0)
        self._show_chip()

    def _show_chip(self) -> None:
        seen = self._window.page == TRANSCRIBE and not self._window.transcript_key
        self._window.header.recording.setVisible(self._recorder.recording and not seen)

    def _on_record(self) -> None:
        self._page.show_trouble("")
        self._recorder.start()

    def _on_progress(self, seconds: float, level: float) -> None:
        self._page.recording.show_progress(seconds, level, self._recorder.silent)
        self._window.header.recording.show_seconds(seconds)
