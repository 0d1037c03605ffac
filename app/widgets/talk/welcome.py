"""What an empty conversation shows: the name, what to do, what this model can do, three phrases to try."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.qt import override
from app.shown import Welcome
from app.widgets.controls import theme
from app.widgets.controls.buttons import PaintedButton, PrimaryButton, TextButton, Tone, draw_focus, pen
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar

WIDTH = 520  # of the column in the middle


class PhraseButton(PaintedButton):
    """A phrase to try, as a quiet outlined line."""

    def __init__(self, phrase: str, parent: QWidget | None = None) -> None:
        super().__init__(phrase, parent)
        self.setFont(theme.font())
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(min(int(self.text_width()) + 34, 520), 36)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, 36)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(pen(values.accent if self.underMouse() else values.line))
        painter.setBrush(values.accent_soft if self.underMouse() else values.window)
        painter.drawRoundedRect(box, 10, 10)
        painter.setFont(self.font())
        painter.setPen(values.text)
        inner = box.adjusted(16, 0, -16, 0)
        words = QFontMetricsF(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, inner.width() + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, words)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 10, values.accent)


class MicrophoneCard(QWidget):
    """Says why the microphone is needed before the system asks."""

    allowed = Signal()
    postponed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = Label(self.tr("Earshot needs the microphone to hear you"), weight=600)
        body = Label(
            self.tr(
                "Your Mac will ask once. While this window is in front the microphone stays open, so that your first"
                " word is not lost. Only what you say when you talk is kept, and nothing is sent anywhere."
            ),
            "second",
            wrap=True,
        )
        allow = PrimaryButton(self.tr("Allow the microphone…"))
        allow.clicked.connect(self.allowed)
        later = TextButton(self.tr("Not now, I will type"), Tone.SECOND)
        later.clicked.connect(self.postponed)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(allow)
        row.addWidget(later)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(6)
        column.addWidget(title)
        column.addWidget(body)
        column.addSpacing(4)
        column.addLayout(row)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(pen(values.line))
        painter.setBrush(values.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 12, 12)


class WelcomePage(QScrollArea):
    """The page of a conversation in which nothing was said yet."""

    phrase_chosen = Signal(str)
    microphone_allowed = Signal()
    microphone_postponed = Signal()
    models_requested = Signal()

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
            self.tr("Hold Space and speak, then let go. Or type below."), "second", size_px=theme.ANSWER_PX
        )
        self._about = Label("", "second", wrap=True)
        self.models_button = TextButton(self.tr("Get the full model…"))
        self.models_button.clicked.connect(self.models_requested)
        self._try = Label(self.tr("Try"), "second", size_px=theme.SMALL_PX, weight=600)
        self._phrases = QVBoxLayout()
        self._phrases.setSpacing(8)
        self._card = MicrophoneCard()
        self._card.allowed.connect(self.microphone_allowed)
        self._card.postponed.connect(self.microphone_postponed)
        self._shown = Welcome()
        self._lay_out()
        self.show_welcome(Welcome())

    def _lay_out(self) -> None:
        middle = QWidget()
        middle.setMaximumWidth(WIDTH)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (self._name, self._what, self._about, self._try):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._name)
        column.addSpacing(6)
        column.addWidget(self._what)
        column.addSpacing(10)
        column.addWidget(self._about, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(2)
        column.addWidget(self.models_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(26)
        column.addWidget(self._try)
        column.addSpacing(8)
        column.addLayout(self._phrases)
        column.addSpacing(22)
        column.addWidget(self._card)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 100)
        row.addStretch(1)
        whole = QWidget()
        page = QVBoxLayout(whole)
        page.setContentsMargins(24, 16, 24, 16)
        page.addStretch(4)
        page.addLayout(row)
        page.addStretch(5)
        self.setWidget(whole)

    @property
    def explains_microphone(self) -> bool:
        """Whether the page says why the microphone is needed."""
        return not self._card.isHidden()

    def show_welcome(self, welcome: Welcome) -> None:
        """Show what this model can do and what to try."""
        self._about.setText(welcome.about)
        self._balance_about()
        self._about.setVisible(bool(welcome.about))
        self.models_button.setVisible(welcome.demonstration)
        self._try.setVisible(bool(welcome.phrases))
        self._card.setVisible(welcome.explain_microphone)
        if welcome.phrases != self._shown.phrases:
            self._show_phrases(welcome.phrases)
        self._shown = welcome

    def _balance_about(self) -> None:
        """Break the sentences into lines of about the same length."""
        whole = QFontMetricsF(self._about.font()).horizontalAdvance(self._about.text())
        lines = int(whole // WIDTH) + 1
        self._about.setFixedWidth(min(int(whole / lines * 1.08) + 24, WIDTH))

    def _show_phrases(self, phrases: tuple[str, ...]) -> None:
        while item := self._phrases.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        for phrase in phrases:
            button = PhraseButton(phrase)
            button.clicked.connect(lambda _checked=False, p=phrase: self.phrase_chosen.emit(p))
            self._phrases.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
