"""The row under the message field: what Earshot is doing, and what the keys do now."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import MenuButton
from app.widgets.talk.talk_button import TalkLook

STATE_PX = 12.0
GROUNDS = {
    TalkLook.LISTENING: ("good", "good_soft"),
    TalkLook.LOCKED: ("good", "good_soft"),
    TalkLook.THINKING: ("accent_text", "accent_soft"),
    TalkLook.SPEAKING: ("accent_text", "accent_soft"),
    TalkLook.PLAYING: ("accent_text", "accent_soft"),
    TalkLook.TROUBLE: ("trouble", "trouble_soft"),
}
TONES = {look: GROUNDS.get(look, ("second", ""))[0] for look in TalkLook}


class StatePill(QWidget):
    """A dot and the words for what is happening, in the colour of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = ""
        self._look = TalkLook.READY
        self._font = theme.font(STATE_PX, 600)

    def show_state(self, look: TalkLook, words: str) -> None:
        """Say what is happening."""
        self._look, self.words = look, words
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self._font).horizontalAdvance(self.words)) + 32, theme.CHIP)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink, ground = GROUNDS.get(self._look, ("second", "bubble"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(getattr(values, ground))
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setBrush(getattr(values, ink))
        painter.drawEllipse(QPointF(13, self.height() / 2), 3.5, 3.5)
        painter.setFont(self._font)
        painter.setPen(getattr(values, ink))
        painter.drawText(QRectF(self.rect()).adjusted(22, 0, -8, 0), int(Qt.AlignmentFlag.AlignVCenter), self.words)


@dataclass(frozen=True)
class Hint:
    """What the keys do in a state: with nothing typed, and with something."""

    plain: str
    typed: str


class HintButton(MenuButton):
    """What the keys do now. While nothing goes on, it opens a menu of the ways to talk."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setFont(theme.font(STATE_PX))
        self.menu_of_ways = QMenu(self)
        self.clicked.connect(lambda: self.menu_of_ways.popup(self.mapToGlobal(self.rect().topLeft())))
        self._opens = False
        self.words = ""

    def say(self, words: str, *, opens: bool) -> None:
        """Show the words, with the menu or without."""
        self._opens, self.words = opens, words
        self.setText(words)
        self.setVisible(bool(words))
        self.setAccessibleName(words)
        self.setEnabled(opens)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        more = self._ARROW + 4 if self._opens else 0
        return QSize(int(self.text_width() + 0.999) + more + 4, theme.ICON_BUTTON)

    def fit(self, room: int) -> int:
        """Say only the first part where there is no room for all; returns the width."""
        self.setText(self.words)
        if self.sizeHint().width() > room:
            self.setText(re.split("[,，]", self.words)[0])
        return max(min(self.sizeHint().width(), room), 0)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._opens:
            super().paintEvent(event)
            return
        painter, box = QPainter(self), QRectF(self.rect()).adjusted(4, 0, 0, 0)
        painter.setFont(self.font())
        painter.setPen(theme.colours(self).second)
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
