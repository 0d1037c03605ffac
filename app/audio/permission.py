"""Asks the system for the microphone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import QCoreApplication, QMicrophonePermission, QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices

_PRIVACY_PANE = "x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone"


class Access(Enum):
    """Whether the microphone may be used."""

    UNASKED = "unasked"
    GRANTED = "granted"
    DENIED = "denied"


_ACCESS = {
    Qt.PermissionStatus.Undetermined: Access.UNASKED,
    Qt.PermissionStatus.Granted: Access.GRANTED,
    Qt.PermissionStatus.Denied: Access.DENIED,
}


class MicrophonePermission(QObject):
    """The system's answer for this app; systems without such a question grant it."""

    def access(self) -> Access:
        """How it stands now. Where Qt cannot ask, what was never asked counts as granted: Core Audio asks at the first
        read, and a refusal shows as silence.
        """
        access = _ACCESS[QCoreApplication.instance().checkPermission(QMicrophonePermission())]  # type: ignore[union-attr]
        return Access.GRANTED if access is Access.UNASKED and _starts_without_a_bundle() else access

    def ask(self, answered: Callable[[], None]) -> None:
        """Let the system ask the user; `answered` is called on the GUI thread."""
        application = QCoreApplication.instance()
        application.requestPermission(QMicrophonePermission(), self, lambda _permission: answered())  # type: ignore[union-attr]


def _starts_without_a_bundle() -> bool:
    """Whether this is Python's own program on a Mac. It has no sentence about the microphone in its Info.plist, and
    without one Qt answers "denied" and asks nobody.
    """
    return sys.platform == "darwin" and not getattr(sys, "frozen", False)


def open_privacy_settings() -> None:
    """Open the system's page on which the microphone is allowed."""
    QDesktopServices.openUrl(QUrl(_PRIVACY_PANE))
