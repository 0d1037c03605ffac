"""Buttons that are words: plain words, outlined words, switches, and two words of which one is chosen."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import icons, theme

_GLYPH, _AFTER_GLYPH = 16, 7  # of a word with a sign before it


def pen(colour: QColor, width: float = 1.0) -> QPen:
    """A solid pen."""
    return QPen(colour, width)


def draw_focus(painter: QPainter, box: QRectF, radius: float, accent: QColor) -> None:
    """The ring around what has the keyboard's attention."""
    ring = QColor(accent)
    ring.setAlphaF(0.75)
    painter.setPen(pen(ring, 2.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius)


class PaintedButton(QPushButton):
    """A push button that paints itself; it keeps the role, the keyboard and the name of a standard one."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the space bar to talking
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)

    def text_width(self) -> float:
        """Width of the words in the button's font."""
        return QFontMetricsF(self.font()).horizontalAdvance(self.text())

    def keyboard_focus(self) -> bool:
        """Whether a ring must be shown: the button has the focus and got it from the keyboard."""
        return self.hasFocus() and self._by_keyboard

    _by_keyboard = False

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        super().focusInEvent(event)


class Tone(Enum):
    """How loudly a plain word speaks."""

    ACCENT = "accent"
    TEXT = "text"
    SECOND = "second"
    TROUBLE = "trouble"


class TextButton(PaintedButton):
    """A plain word that acts. A quiet one becomes clear under the pointer and with the focus."""

    def __init__(
        self,
        text: str,
        tone: Tone = Tone.ACCENT,
        *,
        icon: str = "",
        size_px: float = theme.TEXT_PX,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._tone, self._glyph = tone, icon
        self.setFont(theme.font(size_px, 500 if tone is Tone.TEXT else 400, tabular=True))

    def set_tone(self, tone: Tone) -> None:
        """Change how loudly the word speaks."""
        self._tone = tone
        self.update()

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        return QSize(int(self.text_width() + 0.999) + 8 + self._glyph_room, int(metrics.height()) + 6)

    @property
    def _glyph_room(self) -> int:
        return _GLYPH + _AFTER_GLYPH if self._glyph else 0

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _colour(self, values: theme.Colours) -> QColor:
        if not self.isEnabled():
            return values.faint
        if self._tone is Tone.ACCENT:
            return values.accent_text
        if self._tone is Tone.TROUBLE:
            return values.trouble
        if self._tone is Tone.TEXT:
            return values.text
        return values.text if self.underMouse() or self.hasFocus() else values.second

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setFont(self.font())
        painter.setPen(self._colour(values))
        if self._glyph:
            glyph = QRectF(4, (self.height() - _GLYPH) / 2, _GLYPH, _GLYPH)
            icons.draw(painter, self._glyph, glyph, self._colour(values))
        words = QRectF(self.rect()).adjusted(self._glyph_room, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, self.text())
        if self._tone in (Tone.ACCENT, Tone.TROUBLE) and self.underMouse() and self.isEnabled():
            under = QRectF(4, self.height() / 2 + QFontMetricsF(self.font()).ascent() / 2 + 1.5, self.width() - 8, 1)
            painter.fillRect(under, self._colour(values))
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 5, values.accent)


class IconButton(PaintedButton):
    """A small icon that acts; it always carries a name for those who do not see it."""

    GLYPH = 16

    def __init__(
        self, icon: str, name: str, size: int = theme.ICON_BUTTON, parent: QWidget | None = None, keys: str = ""
    ) -> None:
        super().__init__("", parent)
        self._icon = icon
        self._size = size
        self.set_name(name, keys)

    @property
    def icon_name(self) -> str:
        """Which icon it shows."""
        return self._icon

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self.update()

    def set_name(self, name: str, keys: str = "") -> None:
        """What the button does, in words, with the `keys` that do the same."""
        self.setAccessibleName(name)
        shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        self.setToolTip(f"{name}   {shown}" if shown else name)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._size, self._size)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect())
        if self.underMouse() and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(values.groove if self.isDown() else values.bubble)
            painter.drawRoundedRect(box, theme.ICON_RADIUS, theme.ICON_RADIUS)
        inset = (self._size - min(self.GLYPH, self._size * 0.66)) / 2
        colour = values.text if self.underMouse() or self.hasFocus() else values.second
        colour = colour if self.isEnabled() else values.line
        icons.draw(painter, self._icon, box.adjusted(inset, inset, -inset, -inset), colour)
        if self.keyboard_focus():
            draw_focus(painter, box, 6, values.accent)


class PrimaryButton(PaintedButton):
    """The one thing to do here: words on the accent colour."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFont(theme.font(theme.TEXT_PX, 500))

    @override
    def sizeHint(self) -> QSize:
        return QSize(int(self.text_width() + 0.999) + 28, 32)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(Qt.PenStyle.NoPen)
        ground = values.accent_fill if self.isEnabled() else values.groove
        painter.setBrush(ground.darker(108) if self.isDown() or self.underMouse() else ground)
        painter.drawRoundedRect(QRectF(self.rect()), 7, 7)
        painter.setFont(self.font())
        painter.setPen(QColor("#ffffff") if self.isEnabled() else values.second)
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, self.text())
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()).adjusted(2, 2, -2, -2), 5, values.window)


class PillButton(PaintedButton):
    """Words in a thin outline. Very long ones end in an ellipsis."""

    MOST_WIDTH = 240

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFont(theme.font(theme.TEXT_PX))

    @override
    def sizeHint(self) -> QSize:
        return QSize(min(int(self.text_width() + 0.999) + 24, self.MOST_WIDTH), theme.ICON_BUTTON)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        active = (self.underMouse() or self.isDown()) and self.isEnabled()
        painter.setPen(pen(values.faint if active else values.field_line if self.isEnabled() else values.line))
        painter.setBrush(values.card if active else values.raised)
        painter.drawRoundedRect(box, theme.ROW_RADIUS, theme.ROW_RADIUS)
        painter.setPen(values.text if self.isEnabled() else values.faint)
        painter.setFont(self.font())
        room = box.width() - 18  # what is as wide as the hint is not cut
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 7, values.accent)


class MenuButton(PaintedButton):
    """Quiet words with an arrow down, which open a menu. Very long ones end in an ellipsis."""

    MOST_WIDTH = 240
    _ARROW = 18

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFont(theme.font())

    @override
    def sizeHint(self) -> QSize:
        return QSize(min(int(self.text_width() + 0.999) + self._ARROW + 8, self.MOST_WIDTH), theme.ICON_BUTTON)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(48, theme.ICON_BUTTON)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        active = (self.underMouse() or self.isDown()) and self.isEnabled()
        colour = values.text if active else values.second if self.isEnabled() else values.faint
        painter.setFont(self.font())
        painter.setPen(colour)
        room = QRectF(self.rect()).adjusted(4, 0, -self._ARROW, 0)
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width() + 1)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
        right = min(room.left() + QFontMetricsF(self.font()).horizontalAdvance(words), room.right()) + 10
        painter.translate(right, self.height() / 2 + 0.5)
        painter.rotate(90)
        icons.draw(painter, "chevron", QRectF(-6, -6, 12, 12), colour)
        painter.resetTransform()
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), theme.ICON_RADIUS, values.accent)


class Chip(PaintedButton):
    """A word that is on or off; with the room for its tick it is as wide off as on."""

    _TICK = 14

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setCheckable(True)
        self.setFont(theme.font(theme.SMALL_PX + 0.5, 500))

    @override
    def sizeHint(self) -> QSize:
        return QSize(int(self.text_width() + 0.999) + self._TICK + 16, theme.CHIP)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        on = self.isChecked()
        hover = self.underMouse() and self.isEnabled()
        painter.setPen(
            pen(
                values.accent
                if on and hover
                else values.accent_soft
                if on
                else values.faint
                if hover
                else values.field_line
            )
        )
        painter.setBrush(values.accent_soft if on else values.window)
        painter.drawRoundedRect(box, 12, 12)
        colour = values.accent_text if on else values.second
        painter.setPen(colour if self.isEnabled() else values.faint)
        painter.setFont(self.font())
        if on:
            icons.draw(painter, "tick", QRectF(9, (self.height() - 12) / 2, 12, 12), painter.pen().color())
            box.setLeft(box.left() + self._TICK + 9)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text())
        else:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.text())
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 12, values.accent)


class _Segment(PaintedButton):
    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self.setCheckable(True)
        self.setFont(theme.font(theme.TEXT_PX, 500))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    @override
    def sizeHint(self) -> QSize:
        return QSize(int(self.text_width()) + 24, 24)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect())
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 28))
            painter.drawRoundedRect(box.translated(0, 0.75), 6.5, 6.5)
            painter.setBrush(values.segment_on)
            painter.drawRoundedRect(box.adjusted(0.5, 0, -0.5, -0.5), 6.5, 6.5)
        painter.setPen(values.text if self.isChecked() or self.underMouse() else values.second)
        painter.setFont(self.font())
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.text())
        if self.keyboard_focus():
            draw_focus(painter, box, 6.5, values.accent)


class SegmentedSwitch(QWidget):
    """A few words side by side of which exactly one is chosen."""

    chosen = Signal(int)

    def __init__(self, words: list[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedHeight(28)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        for number, word in enumerate(words):
            segment = _Segment(word, self)
            self._group.addButton(segment, number)
            layout.addWidget(segment)
        self._group.idClicked.connect(self._on_clicked)
        self.choose(0)

    def choose(self, number: int) -> None:
        """Show this word as chosen; says nothing."""
        self._group.button(number).setChecked(True)
        for button in self._group.buttons():  # one tab stop; the arrow keys move inside
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus if button.isChecked() else Qt.FocusPolicy.NoFocus)

    def _on_clicked(self, number: int) -> None:
        self.choose(number)
        self.chosen.emit(number)

    @property
    def current(self) -> int:
        """The chosen word."""
        return self._group.checkedId()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colours(self).groove)
        painter.drawRoundedRect(QRectF(self.rect()), 8, 8)
