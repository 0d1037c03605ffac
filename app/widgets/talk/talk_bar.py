"""The bar to talk with: the talk button, the field to type in, what is happening, and three switches.

It is always as high. The field grows upward over the page, and a notice floats above it; neither moves anything.
"""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QLinearGradient,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import Chip, MenuButton
from app.widgets.talk.lane import Lane
from app.widgets.talk.message_field import MessageBox, MessageField
from app.widgets.talk.state_row import Hint, HintButton, StatePill
from app.widgets.talk.talk_button import SIZE, TalkButton, TalkLook

HEIGHT = theme.TALK_BAR_HEIGHT
_DISC, _DISC_TOP, _FIELD_LEFT, _FIELD_BOTTOM, _STATE_TOP = 64, 16, 88, 52, 60
_TIGHT = 520  # a narrower column has one menu for the switches
FADE = 24


class Fade(QWidget):
    """The foot of the page, where what is written disappears under the talk bar."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        ground = theme.colours(self).window
        fade = QLinearGradient(0, 0, 0, self.height())
        clear = QColor(ground)
        clear.setAlpha(0)
        fade.setColorAt(0, clear)
        fade.setColorAt(1, ground)
        QPainter(self).fillRect(self.rect(), fade)


class TalkBar(QWidget):
    """Shows what the assistant is doing and takes what the user says or types."""

    talk_pressed = Signal()
    talk_released = Signal()
    text_sent = Signal(str)
    think_toggled = Signal(bool)
    speak_toggled = Signal(bool)
    search_toggled = Signal(bool)
    notice_acted = Signal()
    notice_acted_otherwise = Signal()
    notice_dismissed = Signal()
    latch_toggled = Signal()
    file_wanted = Signal()
    attachment_removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        page = parent or self  # the field and the notice stand over it
        self.fade = Fade(page)
        self.button = TalkButton(self)
        self.button.setToolTip(self.tr("Hold to talk, or tap to start and tap again to send"))
        self.box = MessageBox(self.tr("Type instead, or drop a recording"), page)
        self.lane = Lane(page, over=self.box)
        self.pill = StatePill(self)
        self._hint = HintButton(self)
        self.think = Chip(self.tr("Think"), self)
        self.speak = Chip(self.tr("Speak answers"), self)
        self.search = Chip(self.tr("Web search"), self)
        self.options = MenuButton(self.tr("Options"), self)
        self._offered = {self.think: True, self.speak: True, self.search: True}
        self._look = TalkLook.READY
        self._hints = self._all_hints()
        self._connect()
        self._order_tabs()
        self.set_state(TalkLook.READY, self.tr("Ready"))

    def _all_hints(self) -> dict[TalkLook, Hint]:
        discard, stop = self.tr("Return sends, Esc discards"), self.tr("Return sends, Esc stops")
        interrupt = Hint(self.tr("Space interrupts, Esc stops"), stop)
        return {
            TalkLook.OFF: Hint("", ""),
            TalkLook.READY: Hint(self.tr("Hold Space to talk"), self.tr("Return sends")),
            TalkLook.OPENING: Hint(self.tr("Esc cancels"), self.tr("Return sends, Esc cancels")),
            TalkLook.LISTENING: Hint(self.tr("Let go to send, Esc discards"), discard),
            TalkLook.LOCKED: Hint(self.tr("Space sends, Esc discards"), discard),
            TalkLook.THINKING: interrupt,
            TalkLook.SPEAKING: interrupt,
            TalkLook.PLAYING: Hint(self.tr("Esc stops"), stop),
            TalkLook.TROUBLE: Hint("", ""),
        }

    def _connect(self) -> None:
        self.button.pressed.connect(self.talk_pressed)
        self.button.released.connect(self.talk_released)
        self.button.entered.connect(self.latch_toggled)
        self.field.sent.connect(self.text_sent)
        self.field.textChanged.connect(self._show_hint)
        self.box.height_changed.connect(self._arrange)
        self.box.file_wanted.connect(self.file_wanted)
        self.box.attachment_removed.connect(self.attachment_removed)
        self.think.toggled.connect(self.think_toggled)
        self.speak.toggled.connect(self.speak_toggled)
        self.search.toggled.connect(self.search_toggled)
        self.options.clicked.connect(self._open_options)
        self.lane.acted.connect(self.notice_acted)
        self.lane.acted_otherwise.connect(self.notice_acted_otherwise)
        self.lane.dismissed.connect(self.notice_dismissed)

    def _order_tabs(self) -> None:
        """In the order of reading."""
        lane, box = self.lane, self.box
        order = [lane.action, lane.other, lane.close_button, self.button, *box.tab_order]
        order += [self._hint, self.think, self.speak, self.search, self.options]
        for one, following in pairwise(order):
            QWidget.setTabOrder(one, following)

    @property
    def field(self) -> MessageField:
        """What is typed."""
        return self.box.field

    @property
    def word(self) -> str:
        """What is happening, with its manner: "Listening · locked"."""
        return self.pill.words

    @property
    def hint(self) -> str:
        """What the keys do now."""
        return self._hint.words

    @property
    def ways_to_talk(self) -> QMenu:
        """The menu that the hint opens while nothing goes on."""
        return self._hint.menu_of_ways

    @property
    def notice(self) -> str:
        """What the lane says; "" when it is empty."""
        return self.lane.words

    def set_state(self, look: TalkLook, word: str) -> None:
        """Show and announce what is happening."""
        self._look = look
        self.button.set_look(look)
        if word != self.pill.words:
            self.button.setAccessibleName(self.tr("Talk, {state}").format(state=word))
            self._announce(word)
        self.pill.show_state(look, word)
        self._show_hint()

    def _show_hint(self) -> None:
        hint = self._hints[self._look]
        typed = not self.field.untouched
        words = hint.typed if typed else hint.plain
        self._hint.say(words, opens=self._look is TalkLook.READY and not typed)
        self.button.setAccessibleDescription(words)
        self._arrange()

    def set_notice(
        self, text: str = "", command: str = "", other: str = "", *, trouble: bool = False, icon: str = ""
    ) -> None:
        """Show one notice over the field, with what helps; none without words."""
        self.lane.tell(text, command, other, trouble=trouble, icon=icon)

    def set_switches(self, think: bool, speak: bool, search: bool) -> None:
        """Show the switches as they stand; says nothing."""
        for chip, on in ((self.think, think), (self.speak, speak), (self.search, search)):
            with QSignalBlocker(chip):
                chip.setChecked(on)

    def offer(self, *, think: bool = True, speak: bool = True, search: bool = True) -> None:
        """Show only the switches that this model has a use for."""
        self._offered = {self.think: think, self.speak: speak, self.search: search}
        self._arrange()

    def offers(self, chip: Chip) -> bool:
        """Whether this model has a use for a switch."""
        return self._offered[chip]

    def set_attachment(self, name: str) -> None:
        """Show which recording the next question is about; "" for none."""
        self.box.set_attachment(name)

    @property
    def attachment(self) -> str:
        """What the field says it is about; "" when there is nothing."""
        return self.box.attachment

    def _open_options(self) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for chip in (chip for chip, offered in self._offered.items() if offered):
            action = menu.addAction(chip.text())
            action.setCheckable(True)
            action.setChecked(chip.isChecked())
            action.toggled.connect(chip.setChecked)
        menu.popup(self.options.mapToGlobal(QPoint(0, 0)))

    def _announce(self, words: str) -> None:
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.button, words))

    def column(self) -> tuple[int, int]:
        """Left edge and width of the reading column."""
        width = max(min(theme.COLUMN_WIDTH, self.width() - 48), 200)
        return (self.width() - width) // 2, width

    def _arrange(self) -> None:
        left, width = self.column()
        middle = left + _DISC // 2
        self.button.setGeometry(middle - SIZE // 2, _DISC_TOP + (_DISC - SIZE) // 2, SIZE, SIZE)
        at = QPoint(0, 0) if self.box.parentWidget() is self else self.pos()
        height = self.box.wanted_height
        field_left, right = left + _FIELD_LEFT, left + width
        self.box.setGeometry(at.x() + field_left, at.y() + _FIELD_BOTTOM - height, right - field_left, height)
        self.fade.setGeometry(at.x(), at.y() - FADE, self.width() - 12, FADE)
        self.lane.set_column(at.x() + left, width)
        right = self._arrange_switches(right, tight=width < _TIGHT)
        pill = self.pill.sizeHint()
        self.pill.setGeometry(field_left, _STATE_TOP, pill.width(), pill.height())
        hint_left = field_left + pill.width() + 6
        self._hint.setGeometry(hint_left, _STATE_TOP - 2, self._hint.fit(right - hint_left), 28)

    def _arrange_switches(self, right: int, *, tight: bool) -> int:
        """Put the switches, or their menu, at the right end of their row; returns where they begin."""
        self.options.setVisible(tight and any(self._offered.values()))
        if tight:
            size = self.options.sizeHint()
            self.options.setGeometry(right - size.width(), _STATE_TOP - 2, size.width(), size.height())
            right -= size.width()
        for chip in (self.search, self.speak, self.think):
            chip.setVisible(self._offered[chip] and not tight)
            if self._offered[chip] and not tight:
                size = chip.sizeHint()
                right -= size.width()
                chip.setGeometry(right, _STATE_TOP, size.width(), size.height())
                right -= 6
        return right

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def moveEvent(self, event: QMoveEvent) -> None:
        self._arrange()
