"""Words with an arrow down that stand for one of several choices, plain or in a thin outline."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PaintedButton, draw_focus, pen

_ARROW = 12
_MOST_WIDTH = 240


class ChoiceButton(PaintedButton):
    """Opens a menu of (value, words); the chosen words stand on the button."""

    picked = Signal(object)

    def __init__(self, name: str, *, outlined: bool = False, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._name, self._outlined = name, outlined
        self._choices: list[tuple[object, str]] = []
        self._current: object = None
        self.setFont(theme.font(theme.SMALL_PX + 0.5 if outlined else theme.TEXT_PX, 400))
        self.clicked.connect(self._open)

    @property
    def choices(self) -> list[tuple[object, str]]:
        """What can be chosen."""
        return self._choices

    @property
    def current(self) -> object:
        """The chosen value."""
        return self._current

    def show_choices(self, choices: Sequence[tuple[object, str]], current: object) -> None:
        """Offer these; `current` is the chosen value."""
        self._choices, self._current = list(choices), current
        words = dict(self._choices).get(current, "")
        self.setText(words)
        self.setAccessibleName(f"{self._name}: {words}")
        self.updateGeometry()
        self.update()

    def pick(self, value: object) -> None:
        """Choose, as if from the menu."""
        self.show_choices(self._choices, value)
        self.picked.emit(value)

    def _open(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for value, words in self._choices:
            action = menu.addAction(words.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(value == self._current)
            action.triggered.connect(lambda _checked=False, v=value: self.pick(v))
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    @property
    def _padding(self) -> int:
        return 10 if self._outlined else 4

    @override
    def text_width(self) -> float:
        return QFontMetricsF(self.font()).horizontalAdvance(self.text())

    @override
    def sizeHint(self) -> QSize:
        width = int(self.text_width() + 0.999) + 2 * self._padding + 6 + _ARROW
        return QSize(min(width, _MOST_WIDTH), theme.ICON_BUTTON)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), 60), theme.ICON_BUTTON)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        active = self.isEnabled() and (self.underMouse() or self.isDown())
        if self._outlined:
            painter.setPen(pen(values.faint if active else values.field_line))
            painter.setBrush(values.raised)
            box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(box, theme.ROW_RADIUS, theme.ROW_RADIUS)
        colour = values.text if active or self._outlined else values.second
        painter.setFont(self.font())
        painter.setPen(colour)
        room = QRectF(self.rect()).adjusted(self._padding, 0, -self._padding - _ARROW - 4, 0)
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width() + 1)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
        painter.save()
        painter.translate(self.width() - self._padding - _ARROW / 2, self.height() / 2 + 0.5)
        painter.rotate(90)
        icons.draw(painter, "chevron", QRectF(-_ARROW / 2, -_ARROW / 2, _ARROW, _ARROW), colour)
        painter.restore()
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), theme.ROW_RADIUS, values.accent)
