"""A number with its unit, and a button on each side to make it smaller or larger."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QSpinBox, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, draw_focus, pen

_WIDTH, _BUTTON = 150, 28


class NumberBox(QSpinBox):
    """To the keyboard and to VoiceOver it is a spin box."""

    def __init__(
        self,
        low: int,
        high: int,
        step: int,
        suffix: str,
        on_change: Callable[[int], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._less = IconButton("minus", self.tr("Less"), _BUTTON, self)
        self._more = IconButton("plus", self.tr("More"), _BUTTON, self)
        for button, by in ((self._less, -1), (self._more, 1)):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrow keys do the same
            button.setAutoRepeat(True)
            button.clicked.connect(lambda _checked=False, by=by: self.stepBy(by))
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSuffix(suffix)
        self.setFrame(False)
        self.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.setFont(theme.font(tabular=True))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedSize(_WIDTH, theme.ICON_BUTTON)
        self.setKeyboardTracking(False)
        palette = self.lineEdit().palette()
        palette.setColor(QPalette.ColorRole.Base, QColor(0, 0, 0, 0))
        self.lineEdit().setPalette(palette)
        self.valueChanged.connect(self._show_ends)
        self.valueChanged.connect(on_change)
        self._show_ends()

    def show_number(self, value: int) -> None:
        """Show a number; says nothing, and leaves what is being typed unless the number is another one."""
        if value != self.value():
            with QSignalBlocker(self):
                self.setValue(value)
            self._show_ends()

    def _show_ends(self) -> None:
        self._less.setEnabled(self.value() > self.minimum())
        self._more.setEnabled(self.value() < self.maximum())

    @override
    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, theme.ICON_BUTTON)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._less.setGeometry(0, 0, _BUTTON, self.height())
        self._more.setGeometry(self.width() - _BUTTON, 0, _BUTTON, self.height())
        self.lineEdit().setGeometry(_BUTTON, 1, self.width() - 2 * _BUTTON, self.height() - 2)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.field_line))
        painter.setBrush(values.raised)
        radius = theme.ROW_RADIUS
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), radius, values.accent)
