"""Sends the system's notifications about what ends while another app is in front."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon

from app.shown.transcribe import JobState, JobView
from app.widgets.controls import icons
from app.widgets.frame.window import Window

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings

LONG_S = 20.0  # work that takes longer is worth a notification
_SHOWN_MS = 10_000


class NotificationBinding(QObject):
    """Recordings that took long, models that were downloaded, and timers. A click brings the window to the front."""

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._began: dict[str, float] = {}  # when each recording that is transcribed began
        self.icon = QSystemTrayIcon(icons.application_icon(), self)
        self.icon.messageClicked.connect(self._come_to_front)
        self._hiding = QTimer(self, singleShot=True, interval=_SHOWN_MS)
        self._hiding.timeout.connect(self.icon.hide)
        controller.transcriber.job_changed.connect(self._on_job)
        controller.timer_rang.connect(lambda: self._tell(controller.notice.text))
        controller.model_commands.arrived.connect(self._tell)

    def _on_job(self, job: JobView) -> None:
        if job.state is JobState.RUNNING:
            self._began.setdefault(job.key, time.monotonic())
            return
        began = self._began.pop(job.key, None)
        if began is None or time.monotonic() - began < LONG_S:
            return
        if job.state is JobState.DONE:
            self._tell(self.tr("{name} is transcribed.").format(name=job.full_name))
        elif job.state is JobState.FAILED:
            self._tell(self.tr("{name} could not be transcribed.").format(name=job.full_name))

    def _tell(self, words: str) -> None:
        if self._settings.now.notifications and not self.in_front():
            self.post(words)

    def post(self, words: str) -> None:
        """Hand a notification to the system; where it has no place for them, none is shown."""
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon.show()  # it is in the menu bar only for this while
            self.icon.showMessage("Earshot", words, icons.application_icon(), _SHOWN_MS)
            self._hiding.start()

    def in_front(self) -> bool:
        """Whether the person is at Earshot anyway."""
        active = QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive
        return active and self._window.isVisible() and not self._window.isMinimized()

    def _come_to_front(self) -> None:
        self.icon.hide()
        self._window.come_to_front()
