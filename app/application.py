"""The Qt application, with the files and addresses the system hands it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QUrl, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.addresses import is_address
from app.qt import override


class Application(QApplication):
    """Files dropped on the Dock icon or opened with Earshot arrive as events, and so do addresses (see `addresses`)."""

    files_opened = Signal(list)

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.setApplicationName("Earshot")
        self.setApplicationDisplayName("Earshot")

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent):
            address = event.url().toString(QUrl.ComponentFormattingOption.FullyEncoded)
            given = address if is_address(address) else event.file()
            if given:
                self.files_opened.emit([given])
                return True
        return super().event(event)
