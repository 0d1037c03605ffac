"""A menu of choices, drawn like the window's other controls; to the keyboard and to VoiceOver it is a combo box."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QMenu, QWidget

from app.qt import override
from app.shown.choices import Choice
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import draw_focus, pen

_LEFT, _ARROW = 12, 30
_LEAST_WIDTH = 220


class ChoiceBox(QComboBox):
    """Speaks only when the user picks. `plain` leaves out the outline, for a menu inside a line of words."""

    def __init__(self, on_pick: Callable[[str], None], *, plain: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plain = plain
        self._menu: QMenu | None = None
        self.setFont(theme.font())
        self.setFixedHeight(theme.ICON_BUTTON)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        if not plain:
            self.setMinimumWidth(_LEAST_WIDTH)
            self.setMaximumWidth(330)
        self.activated.connect(lambda number: on_pick(str(self.itemData(number))))

    def show_choices(self, choices: Sequence[Choice], current: str) -> None:
        """Offer these; the current one is shown, and added when it is not among them (a device that is away)."""
        offered = [(choice.words, choice.value) for choice in choices]
        if current and current not in [value for _, value in offered]:
            offered.append((self.tr("{name} (not connected)").format(name=current), current))
        with QSignalBlocker(self):
            if offered != [(self.itemText(row), self.itemData(row)) for row in range(self.count())]:
                self.clear()
                for words, value in offered:
                    self.addItem(words, value)
            self.setCurrentIndex(max(self.findData(current), 0))
        self.updateGeometry()

    @override
    def showPopup(self) -> None:
        """A menu as the window's other ones; what is marked in it stays while the choices are shown again."""
        menu = self._menu = QMenu(self)
        for number in range(self.count()):
            action = menu.addAction(self.itemText(number).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(number == self.currentIndex())
            value = self.itemData(number)
            action.triggered.connect(lambda _checked=False, chosen=value: self._pick(chosen))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    @override
    def hidePopup(self) -> None:
        """The menu closes by itself."""

    def _pick(self, value: object) -> None:
        number = self.findData(value)
        if number >= 0:
            self.setCurrentIndex(number)
            self.activated.emit(number)

    @override
    def sizeHint(self) -> QSize:
        width = QFontMetricsF(self.font()).horizontalAdvance(self.currentText())
        return QSize(int(width + 0.999) + (self._left + (22 if self._plain else _ARROW)), theme.ICON_BUTTON)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint() if self._plain else QSize(_LEAST_WIDTH, theme.ICON_BUTTON)

    @property
    def _left(self) -> int:
        return 4 if self._plain else _LEFT

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        active = self.underMouse() and self.isEnabled()
        if not self._plain:
            painter.setPen(pen(values.faint if active else values.field_line))
            painter.setBrush(values.raised)
            painter.drawRoundedRect(box, theme.ROW_RADIUS, theme.ROW_RADIUS)
        quiet = values.text if active else values.second
        colour = (quiet if self._plain else values.text) if self.isEnabled() else values.faint
        painter.setPen(colour)
        painter.setFont(self.font())
        room = box.adjusted(self._left, 0, -20 if self._plain else -_ARROW + 4, 0)
        words = QFontMetricsF(self.font()).elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room.width() + 1)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
        right = (
            room.left() + QFontMetricsF(self.font()).horizontalAdvance(words) + 6 if self._plain else box.right() - 22
        )
        icons.draw(painter, "chevron_down", QRectF(right, self.height() / 2 - 6, 12, 12), colour)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), theme.ROW_RADIUS, values.accent)
