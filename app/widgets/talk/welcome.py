"""What an empty conversation shows: the name, what to do, two cards while they are needed, three phrases to try."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.qt import override
from app.shown.talk import Welcome
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PaintedButton, draw_focus, pen
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.talk.welcome_cards import MicrophoneCard, ModelCard

_ICON, _MARGIN = 56, 24
_SIDE_BY_SIDE = 520  # a column narrower than this has its cards one above the other
_ABOUT_WIDTH = 520


class PhraseButton(PaintedButton):
    """A phrase to try, as a quiet outlined line."""

    def __init__(self, phrase: str, parent: QWidget | None = None) -> None:
        super().__init__(phrase, parent)
        self.setFont(theme.font())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(int(self.text_width()) + 30, 36)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, 36)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(pen(values.accent if self.underMouse() else values.field_line))
        painter.setBrush(values.accent_soft if self.underMouse() else values.window)
        painter.drawRoundedRect(box, 10, 10)
        painter.setFont(self.font())
        painter.setPen(values.text)
        inner = box.adjusted(10, 0, -10, 0)
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, inner.width() + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, words)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 10, values.accent)


class _Sign(QWidget):
    """The icon of the app."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(_ICON, _ICON)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        shape = 824 / 1024  # of the drawing: the rest is the room around it
        whole = _ICON / shape
        place = QRectF((_ICON - whole) / 2, (_ICON - whole) / 2, whole, whole)
        icons.application_icon().paint(QPainter(self), place.toRect())


class WelcomePage(QScrollArea):
    """The page of a conversation in which nothing was said yet."""

    phrase_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Earshot")
        self._name = Label("Earshot", weight=600, size_px=26)
        self._what = Label(
            self.tr("Hold a key, speak, and hear the answer. All of it on this Mac."), "second",
            size_px=theme.ANSWER_PX, wrap=True,
        )  # fmt: skip
        self._about = Label("", "second", wrap=True)
        self.microphone, self.model = MicrophoneCard(), ModelCard()
        self._try = Label(self.tr("Try"), "second", size_px=theme.SMALL_PX, weight=600)
        self._cards = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._phrases = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._shown: Welcome | None = None
        self._lay_out()
        self.show_welcome(Welcome())

    def _lay_out(self) -> None:
        middle = QWidget()
        middle.setMaximumWidth(theme.COLUMN_WIDTH)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (self._name, self._what, self._about):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._name.setFixedHeight(32)
        self._cards.setSpacing(16)
        self._cards.addWidget(self.microphone, 1)
        self._cards.addWidget(self.model, 1)
        self._phrases.setSpacing(8)
        column.addWidget(_Sign(), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(18)
        column.addWidget(self._name)
        column.addSpacing(6)
        column.addWidget(self._what)
        column.addSpacing(8)
        column.addWidget(self._about, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(26)
        column.addLayout(self._cards)
        column.addSpacing(28)
        column.addWidget(self._try)
        column.addSpacing(8)
        column.addLayout(self._phrases)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 100)
        row.addStretch(1)
        whole = QWidget()
        page = QVBoxLayout(whole)
        page.setContentsMargins(_MARGIN, 16, _MARGIN, 16)
        page.addStretch(3)
        page.addLayout(row)
        page.addStretch(10)
        self.setWidget(whole)

    def show_welcome(self, welcome: Welcome) -> None:
        """Show what this model can do, how the microphone stands and what to try."""
        if welcome == self._shown:
            return
        before, self._shown = self._shown or Welcome(), welcome
        about = "" if welcome.demonstration else welcome.about
        self._about.setText(about)
        self._balance_about()
        self._about.setVisible(bool(about))
        self.microphone.show_hearing(welcome.hearing)
        self.model.show_model(welcome)
        self._try.setVisible(bool(welcome.phrases))
        if welcome.phrases != before.phrases:
            self._show_phrases(welcome.phrases)
        self._fit()

    def _balance_about(self) -> None:
        """Break the sentences into lines of about the same length."""
        whole = QFontMetricsF(self._about.font()).horizontalAdvance(self._about.text())
        lines = int(whole // _ABOUT_WIDTH) + 1
        self._about.setFixedWidth(min(int(whole / lines * 1.08) + 24, _ABOUT_WIDTH))

    def _show_phrases(self, phrases: tuple[str, ...]) -> None:
        while item := self._phrases.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for phrase in phrases:
            button = PhraseButton(phrase)
            button.clicked.connect(lambda _checked=False, p=phrase: self.phrase_chosen.emit(p))
            self._phrases.addWidget(button, 1)

    def _fit(self) -> None:
        """Put side by side what has the room for it."""
        room = min(self.width() - 2 * _MARGIN, theme.COLUMN_WIDTH)
        count = self._phrases.count()
        widest = max((item.sizeHint().width() for n in range(count) if (item := self._phrases.itemAt(n))), default=0)
        needed = count * (widest + self._phrases.spacing()) - self._phrases.spacing()
        row, column = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._phrases.setDirection(row if needed <= room else column)
        self._cards.setDirection(row if room >= _SIDE_BY_SIDE else column)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
