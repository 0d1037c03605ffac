"""One use of a tool in a quiet card that hugs its words: what came of it, and on a click what was asked."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.shown.talk import ToolState, ToolView
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PillButton, PrimaryButton, draw_focus, pen
from app.widgets.controls.flow_text import FlowText
from app.widgets.talk.timer_chip import TimerChip
from app.widgets.talk.tool_words import ICONS, said_by

_LEFT, _RIGHT, _PADDING = 36, 12, 10
_BUTTONS = 40


class ToolCard(QWidget):
    """What a tool did. While it asks for permission, it has a row of answers."""

    opened = Signal()
    answered = Signal(bool, bool)  # allowed, always

    HEIGHT = theme.CARD

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tool = ToolView("", "")
        self._open = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._details = FlowText(theme.TEXT_PX, 20, self)
        self._details.set_quiet(True)
        self._details.setAccessibleName(self.tr("What was asked of the tool"))
        self.allow = PrimaryButton(self.tr("Allow"), self)
        self.always = PillButton(self.tr("Always Allow"), self)
        self.refuse = PillButton(self.tr("Don't Allow"), self)
        self.allow.clicked.connect(lambda: self.answered.emit(True, False))
        self.always.clicked.connect(lambda: self.answered.emit(True, True))
        self.refuse.clicked.connect(lambda: self.answered.emit(False, False))
        self.chip = TimerChip(self)
        self.chip.hide()

    @property
    def words(self) -> str:
        """What it says in one line."""
        return "".join(said_by(self._tool))

    def show_tool(self, tool: ToolView, *, opened: bool = False, left_s: int | None = None) -> None:
        """Show this call, `opened` with what was asked; a timer that runs has so many seconds left."""
        asking = tool.state is ToolState.ASKING
        self._tool, self._open = tool, opened or asking
        asked = tool.arguments if asking else f"{tool.title or tool.name}: {tool.arguments}\n{tool.result}".strip()
        self._details.set_text(asked)
        self._details.setVisible(self._open and bool(asked))
        for button in (self.allow, self.always, self.refuse):
            button.setVisible(asking)
        self.show_time_left(left_s)
        self.setAccessibleName(self.words)
        self.setAccessibleDescription(tool.arguments)
        self.update()

    def show_time_left(self, left_s: int | None) -> None:
        """Count down, or not."""
        self.chip.setVisible(left_s is not None)
        if left_s is not None:
            self.chip.show_time(left_s)
        self._arrange()

    def _text_width(self) -> float:
        plain, strong = said_by(self._tool)
        bold = QFontMetricsF(theme.font(theme.TEXT_PX, 600, tabular=True)).horizontalAdvance(strong)
        return QFontMetricsF(theme.font(theme.TEXT_PX, tabular=True)).horizontalAdvance(plain) + bold + 1

    def card_width(self, width: int) -> int:
        """How wide it is in a column of this width: no wider than its words."""
        inner = self._text_width()
        if not self.chip.isHidden():
            inner += self.chip.sizeHint().width() + 12
        if not self._details.isHidden():
            inner = max(inner, self._details.natural_width(width - _LEFT - _RIGHT))
        if not self.allow.isHidden():
            inner = max(inner, sum(button.sizeHint().width() + 8 for button in (self.allow, self.always, self.refuse)))
        return min(int(inner) + _LEFT + _RIGHT, width)

    def height_for(self, width: int) -> int:
        """How high it is in a column of this width."""
        height = self.HEIGHT
        if not self._details.isHidden():
            height += self._details.height_for(self.card_width(width) - _LEFT - _RIGHT) + 8
        return height + (_BUTTONS if not self.allow.isHidden() else 0)

    def _arrange(self) -> None:
        right = self.width()
        if not self.chip.isHidden():
            size = self.chip.sizeHint()
            self.chip.setGeometry(right - size.width() - 4, (self.HEIGHT - size.height()) // 2, *size.toTuple())
        room = self.width() - _LEFT - _RIGHT
        top = self.HEIGHT
        if not self._details.isHidden():
            height = self._details.height_for(room)
            self._details.setGeometry(_LEFT, top - 2, room, height)
            top += height + 6
        left = _LEFT
        for button in (self.allow, self.always, self.refuse):
            button.setGeometry(left, top, button.sizeHint().width(), 28)
            left += button.width() + 8

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else the page would take the keyboard

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.opened.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(pen(values.line))
        painter.setBrush(values.card)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, theme.CARD_RADIUS, theme.CARD_RADIUS)
        failed = self._tool.state is ToolState.FAILED or self._tool.name == "unreadable"
        icon = "warning" if failed else ICONS.get(self._tool.name, "tool")
        icons.draw(painter, icon, QRectF(11, (self.HEIGHT - 16) / 2, 16, 16), values.second)
        self._paint_words(painter, values, failed)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), theme.CARD_RADIUS, values.accent)

    def _paint_words(self, painter: QPainter, values: theme.Colours, failed: bool) -> None:
        plain, strong = said_by(self._tool)
        chip = self.chip.width() + 12 if not self.chip.isHidden() else 0
        room = QRectF(_LEFT, 0, self.width() - _LEFT - _RIGHT - chip + 2, self.HEIGHT)
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        for words, weight in ((plain, 400), (strong, 400 if failed else 600)):
            painter.setFont(theme.font(theme.TEXT_PX, weight, tabular=True))
            painter.setPen(values.text)
            metrics = QFontMetricsF(painter.font())
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, middle, shown)
            room.setLeft(room.left() + metrics.horizontalAdvance(shown))
