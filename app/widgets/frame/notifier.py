"""Tells by the system's notifications what happened while another app is in front."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon

from app.widgets.controls import icons


class Notifier(QObject):
    """`clicked` comes when the person wants to see what it was about."""

    clicked = Signal()

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._application = application
        self._sign: QSystemTrayIcon | None = None  # made when it is needed: the menu bar holds it while a notice stands
        application.applicationStateChanged.connect(self._on_state)

    @property
    def sign(self) -> QSystemTrayIcon:
        """What the system shows the notice for."""
        if self._sign is None:
            self._sign = QSystemTrayIcon(icons.application_icon(), self)
            self._sign.messageClicked.connect(self.clicked)
            self._sign.activated.connect(lambda _reason: self.clicked.emit())
        return self._sign

    def tell(self, words: str) -> None:
        """Say it, unless Earshot is in front: there its window says it."""
        if self._application.applicationState() != Qt.ApplicationState.ApplicationActive:
            self.sign.show()
            self.sign.showMessage("Earshot", words)

    def _on_state(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and self._sign is not None:
            self._sign.hide()
