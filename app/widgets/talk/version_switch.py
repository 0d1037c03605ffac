"""Which version of a turn is shown, with arrows to the others: ‹ 2/3 ›."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton

_ARROW = 22
_BESIDE_WORDS = 5


class VersionSwitch(QWidget):
    """Says how many versions further somebody wants to be: 1 or -1."""

    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back_button = IconButton("chevron_left", self.tr("Previous version"), _ARROW, self)
        self.next_button = IconButton("chevron", self.tr("Next version"), _ARROW, self)
        self.back_button.clicked.connect(lambda: self.stepped.emit(-1))
        self.next_button.clicked.connect(lambda: self.stepped.emit(1))
        self._font = theme.font(theme.SMALL_PX, tabular=True)
        self.words = ""

    def show_version(self, version: int, versions: int) -> None:
        """Show that this one of so many is seen; of a single one nothing is said."""
        self.words = f"{version}/{versions}"
        self.back_button.setEnabled(version > 1)
        self.next_button.setEnabled(version < versions)
        self.setVisible(versions > 1)
        self.setAccessibleName(self.tr("Version {version} of {versions}").format(version=version, versions=versions))
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(2 * (_ARROW + _BESIDE_WORDS) + round(QFontMetricsF(self._font).horizontalAdvance(self.words)), 24)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        top = (self.height() - _ARROW) // 2
        self.back_button.setGeometry(0, top, _ARROW, _ARROW)
        self.next_button.setGeometry(self.width() - _ARROW, top, _ARROW, _ARROW)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        painter.setPen(theme.colours(self).second)
        painter.drawText(QRect(0, 0, self.width(), self.height()), int(Qt.AlignmentFlag.AlignCenter), self.words)
