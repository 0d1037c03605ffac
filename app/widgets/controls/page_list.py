"""A list of pages beside the one in front, as in the settings and the manual."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus
from app.widgets.controls.model_index import Index

_NAME, _FIGURE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
_RADIUS = 7


class _PageDelegate(QStyledItemDelegate):
    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.SINGLE_ROW + 2)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        values = theme.colours(option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(8, 1, -8, -1)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(values.accent_soft)
            painter.drawRoundedRect(box, _RADIUS, _RADIUS)
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            draw_focus(painter, box, _RADIUS, values.accent)
        words = box.adjusted(12, 0, -12, 0)
        painter.setFont(theme.font(theme.TEXT_PX, 500))
        painter.setPen(values.text)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), index.data())
        painter.setFont(theme.font(theme.SMALL_PX, tabular=True))
        painter.setPen(values.second)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(words, int(right), index.data(_FIGURE) or "")
        painter.restore()


class PageList(QListWidget):
    """Titles, each with the name of its page and a figure at its right."""

    def __init__(self, name: str, width: int) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(_PageDelegate(self))
        self.setFixedWidth(width)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.viewport().setAutoFillBackground(False)

    def show_pages(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """List these (name, title, figure) and say nothing."""
        with QSignalBlocker(self):
            self.clear()
            for name, title, figure in rows:
                item = QListWidgetItem(title, self)
                item.setData(_NAME, name)
                item.setData(_FIGURE, figure)

    @property
    def current(self) -> str:
        """The name of the page in front; "" for none."""
        item = self.currentItem()
        return "" if item is None else str(item.data(_NAME))

    def mark(self, name: str) -> None:
        """Mark a page as the one in front; says nothing."""
        with QSignalBlocker(self):
            for number in range(self.count()):
                if self.item(number).data(_NAME) == name:
                    self.setCurrentRow(number)
