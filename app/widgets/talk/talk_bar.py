"""The bar to talk with: the talk button, the word for what is happening, a text field, and three switches."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import Chip, TextButton, Tone
from app.widgets.controls.fields import Field
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.talk.talk_button import TalkButton, TalkLook

HEIGHT = 148
HINT_HEIGHT = 40  # two lines
FIELD_LEFT = 179
WORD_LEFT = 94
TONES = {
    TalkLook.OFF: "second",
    TalkLook.READY: "second",
    TalkLook.OPENING: "second",
    TalkLook.LISTENING: "good",
    TalkLook.THINKING: "accent_text",
    TalkLook.SPEAKING: "accent_text",
    TalkLook.TROUBLE: "trouble",
}


class TalkBar(QWidget):
    """Shows what the assistant is doing and takes what the user says or types."""

    talk_pressed = Signal()
    talk_released = Signal()
    text_sent = Signal(str)
    think_toggled = Signal(bool)
    speak_toggled = Signal(bool)
    search_toggled = Signal(bool)
    hint_pressed = Signal()
    hint_refused = Signal()
    latch_toggled = Signal()
    attachment_removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.button = TalkButton(self)
        self.button.setToolTip(self.tr("Hold to talk, or tap to start and tap again to send"))
        self._word = Label("", "second", weight=600, wrap=True, parent=self)
        self.field = Field(self.tr("Type instead, or drop a recording"), height=38, radius=10, padding=10, parent=self)
        self._hint = Label(self.tr("Hold Space to talk, Esc to stop"), "second", wrap=True, parent=self)
        self._help = TextButton("", parent=self)
        self._help.hide()
        self._refuse = TextButton("", Tone.SECOND, parent=self)
        self._refuse.hide()
        self._about = ElidedLabel("", "second", size_px=theme.SMALL_PX + 0.5, parent=self)
        self._remove = TextButton(self.tr("Remove"), size_px=theme.SMALL_PX + 0.5, parent=self)
        self._remove.setAccessibleName(self.tr("Do not ask about this recording"))
        self.think = Chip(self.tr("Think"), self)
        self.speak = Chip(self.tr("Speak answers"), self)
        self.search = Chip(self.tr("Web search"), self)
        self.button.setAccessibleDescription(self.tr("Hold Space to talk, Esc to stop"))
        self._connect()
        QWidget.setTabOrder(self.button, self.field)
        self.set_state(TalkLook.READY, self.tr("Ready"))
        self.set_attachment("")

    def _connect(self) -> None:
        self.button.pressed.connect(self.talk_pressed)
        self.button.released.connect(self.talk_released)
        self.field.returnPressed.connect(self._on_return)
        self.think.toggled.connect(self.think_toggled)
        self.speak.toggled.connect(self.speak_toggled)
        self.search.toggled.connect(self.search_toggled)
        self._help.clicked.connect(self.hint_pressed)
        self._refuse.clicked.connect(self.hint_refused)
        self._remove.clicked.connect(self.attachment_removed)
        self.button.entered.connect(self.latch_toggled)

    @property
    def word(self) -> str:
        """The word for what is happening."""
        return self._word.text()

    @property
    def hint(self) -> str:
        """The line under the button."""
        return self._hint.text()

    @property
    def hint_button(self) -> TextButton:
        """The command beside the hint."""
        return self._help

    @property
    def refuse_button(self) -> TextButton:
        """The command to say no with, where there is something to refuse."""
        return self._refuse

    def set_state(self, look: TalkLook, word: str) -> None:
        """Show and announce what is happening."""
        self.button.set_look(look)
        self._word.set_tone(TONES[look])
        if word != self._word.text():
            self._word.setText(word)
            self.button.setAccessibleName(self.tr("Talk, {state}").format(state=word))
            self._announce(word)
            self._arrange()

    def set_hint(self, text: str = "", command: str = "", refusal: str = "", *, trouble: bool = False) -> None:
        """Replace the line under the button by advice, with a command beside it when one helps, and one to refuse."""
        self._hint.setText(text or self.tr("Hold Space to talk, Esc to stop"))
        self._hint.set_tone("trouble" if trouble else "second")
        self._help.setText(command)
        self._help.setVisible(bool(command))
        self._refuse.setText(refusal)
        self._refuse.setVisible(bool(refusal))
        if text:
            self._announce(text)
        self._arrange()

    def set_switches(self, think: bool, speak: bool, search: bool) -> None:
        """Show the switches as they stand; says nothing."""
        for chip, on in ((self.think, think), (self.speak, speak), (self.search, search)):
            chip.blockSignals(True)
            chip.setChecked(on)
            chip.blockSignals(False)

    def offer(self, *, think: bool = True, speak: bool = True, search: bool = True) -> None:
        """Show only the switches that this model has a use for."""
        for chip, offered in ((self.think, think), (self.speak, speak), (self.search, search)):
            chip.setVisible(offered)
        self._arrange()

    def set_attachment(self, name: str) -> None:
        """Show which recording the next question is about; "" for none."""
        self._about.setText(self.tr("About {name}").format(name=name) if name else "")
        self._about.setVisible(bool(name))
        self._remove.setVisible(bool(name))
        self._arrange()

    @property
    def attachment(self) -> str:
        """What the line over the field says; "" when there is none."""
        return self._about.text()

    def _announce(self, words: str) -> None:
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.button, words))

    def _on_return(self) -> None:
        text = self.field.text().strip()
        if text:
            self.field.clear()
            self.text_sent.emit(text)

    def column(self) -> tuple[int, int]:
        """Left edge and width of the reading column."""
        width = max(min(theme.COLUMN_WIDTH, self.width() - 48), 200)
        return (self.width() - width) // 2, width

    def _arrange(self) -> None:
        left, width = self.column()
        self.button.setGeometry(left - 8, 8, 96, 96)
        tight = width < 520
        field_left = left + (150 if tight else FIELD_LEFT)
        self._word.setGeometry(left + WORD_LEFT, 36, field_left - left - WORD_LEFT - 8, 40)
        self.field.setGeometry(field_left, 37, left + width - field_left, 38)
        remove = self._remove.sizeHint()
        room = left + width - field_left - remove.width() - 8
        about = min(self._about.fontMetrics().horizontalAdvance(self._about.text()) + 2, room)
        self._about.setGeometry(field_left + 2, 13, about, 20)
        self._remove.setGeometry(
            field_left + about + 6, 13 + (20 - remove.height()) // 2, remove.width(), remove.height()
        )
        right = left + width
        for chip in (self.search, self.speak, self.think):
            if not chip.isHidden():
                size = chip.sizeHint()
                right -= size.width()
                chip.setGeometry(right, 106, size.width(), size.height())
                right -= 8
        self._arrange_hint(left, right - left - 8, width)

    def _arrange_hint(self, left: int, room: int, whole: int) -> None:
        """Put the line beside the switches; advice that needs more than two lines there gets a row of its own."""
        commands = [button for button in (self._help, self._refuse) if not button.isHidden()]
        help_width = sum(button.sizeHint().width() + 4 for button in commands)
        wanted = self._hint.fontMetrics().horizontalAdvance(self._hint.text()) + 4
        width = max(min(wanted, room - help_width), 0)
        own_row = width == 0 or self._hint.heightForWidth(width) > HINT_HEIGHT
        if own_row:
            width = min(wanted, whole - help_width)
        height = max(self._hint.heightForWidth(width), 20) if own_row else HINT_HEIGHT
        top = HEIGHT - 8 if own_row else 98
        self.setFixedHeight(HEIGHT + height + 8 if own_row else HEIGHT)
        self._hint.setGeometry(left, top, width, height)
        left += width + 4
        for button in commands:
            button.setGeometry(left, top + (height - 24) // 2, button.sizeHint().width(), 24)
            left += button.width() + 4

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(0, 0, self.width(), 1), theme.colours(self).line)
