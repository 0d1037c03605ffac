"""Another program, out of whose window a file is dragged: python -m tests.frozen.dragging FILE (on a screen of X11)."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel

from app.qt import override

TITLE = "Files"
PLACE = (1200, 900, 180, 80)  # left, top, width, height on the screen


class FileWindow(QLabel):
    """A window that is one file: who presses on it and goes away drags it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        self.setWindowTitle(TITLE)
        self.setWindowFlags(Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setGeometry(*PLACE)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag, data = QDrag(self), QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self._path))])
        drag.setMimeData(data)
        done = drag.exec(Qt.DropAction.CopyAction)
        print(done.name, flush=True)


def main() -> int:
    """Show the window until the program is ended."""
    application = QApplication(sys.argv[:1])
    window = FileWindow(Path(sys.argv[1]).resolve())
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
