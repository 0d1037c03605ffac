"""What covers the page while files hang over it."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.motion import fade_in


def dropped_files(data: QMimeData) -> list[str]:
    """Paths of the local files and folders in a drag."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]


class DropOverlay(QWidget):
    """A dashed frame and one sentence saying what dropping does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._words = ""
        self.hide()

    def appear(self, words: str) -> None:
        """Cover the parent and say what dropping does."""
        parent = self.parentWidget()
        assert parent is not None
        self._words = words
        self.setAccessibleName(words)
        self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        fade_in(self)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        veil = QColor(values.window)
        veil.setAlphaF(0.92)
        painter.fillRect(self.rect(), veil)
        painter.setPen(QPen(values.accent, 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(values.accent_soft)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(24, 24, -24, -24), 14, 14)
        painter.setFont(theme.font(theme.ANSWER_PX, 600))
        painter.setPen(values.accent_text)
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(QRectF(self.rect()).adjusted(48, 24, -48, -24), flags, self._words)
