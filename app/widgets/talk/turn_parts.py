"""The parts of a turn: what I said, and what it thinks. Each tells how high it is at a width."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.shown.talk import TurnState, TurnView
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import IconButton, PaintedButton, TextButton, draw_focus
from app.widgets.controls.flow_text import FlowText
from app.widgets.controls.labels import Label
from app.widgets.controls.waveform import HEIGHT as WAVE_HEIGHT
from app.widgets.controls.waveform import Waveform

BUBBLE_WIDTH = 440
PADDING = 14
_RAISED = 2  # a line has its words a little below its middle


def clock(seconds: float) -> str:
    """Minutes and seconds as people write them: 0:04, 12:31, 1:02:05."""
    whole = int(seconds + 0.5)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class UserBubble(QWidget):
    """What I said, on the right: its waveform, its length, and its words when they are known. While it is being said,
    it is green and moves.
    """

    play_requested = Signal(float)  # from this share of it on
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._play = IconButton("play", self.tr("Play what I said"), 22, self)
        self._play.clicked.connect(self._on_play)
        self._wave = Waveform(self)
        self._wave.sought.connect(self.play_requested)
        self._length = Label("", "second", size_px=theme.SMALL_PX, tabular=True, parent=self)
        self._text = FlowText(theme.TEXT_PX, 20, self)
        self._text.setAccessibleName(self.tr("What I said"))
        self._seconds: float | None = None
        self._listens = self._plays = False

    def show_turn(self, turn: TurnView) -> None:
        """Show this turn's question."""
        self._seconds, self._listens = turn.seconds, turn.state is TurnState.LISTENING
        for part in (self._play, self._wave, self._length):
            part.setVisible(self._sounds)
        self._play.setVisible(self._sounds and not self._listens)
        self._wave.set_peaks(turn.peaks, live=self._listens)
        self._length.set_tone("good" if self._listens else "second")
        self.show_played(None)
        self._text.set_text("\n".join(part for part in (turn.attachment, turn.text) if part))
        self._text.setVisible(bool(self._text.words))
        self.update()

    @property
    def _sounds(self) -> bool:
        return self._seconds is not None

    def show_played(self, share: float | None) -> None:
        """How much of it was played; None while it is not played."""
        self._plays = share is not None
        self._play.set_icon("stop" if self._plays else "play")
        self._play.set_name(self.tr("Stop") if self._plays else self.tr("Play what I said"))
        self._wave.set_played(share)
        seconds = self._seconds or 0.0
        self._length.setText(clock(seconds if share is None else seconds * share))

    @property
    def play_button(self) -> IconButton:
        """Plays it, or stops."""
        return self._play

    @property
    def wave(self) -> Waveform:
        """Its waveform."""
        return self._wave

    @property
    def text(self) -> FlowText:
        """Its words."""
        return self._text

    def _on_play(self) -> None:
        if self._plays:
            self.stop_requested.emit()
        else:
            self.play_requested.emit(0.0)

    @property
    def _padding(self) -> int:
        return 10 if self._sounds else 8

    def height_for(self, width: int) -> int:
        """Pixels the bubble needs at this column width; 0 when there is nothing to show."""
        if not self._sounds and not self._text.words:
            return 0
        inner = min(BUBBLE_WIDTH, width) - 2 * PADDING
        text = self._text.height_for(self._text.natural_width(inner)) if self._text.words else 0
        wave = WAVE_HEIGHT + (4 if text else 0) if self._sounds else 0
        return 2 * self._padding + wave + text

    def _wave_width(self) -> int:
        play = 22 if not self._listens else 0
        return play + self._wave.sizeHint().width() + 10 + self._length.sizeHint().width()

    def bubble_width(self, width: int) -> int:
        """How wide the bubble is in a column of this width."""
        inner = min(BUBBLE_WIDTH, width) - 2 * PADDING
        text = self._text.natural_width(inner) if self._text.words else 0
        wave = self._wave_width() if self._sounds else 0
        return min(inner, max(text, wave)) + 2 * PADDING

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def _arrange(self) -> None:
        top, left = self._padding, PADDING
        if self._sounds:
            if not self._listens:
                self._play.move(left - 4, top - 1)
                left += 22
            self._wave.setGeometry(left, top, self._wave.sizeHint().width(), WAVE_HEIGHT)
            size = self._length.sizeHint()
            beside = self._wave.geometry().right() + 11
            self._length.setGeometry(beside, top + (WAVE_HEIGHT - size.height()) // 2, size.width() + 8, size.height())
            top += WAVE_HEIGHT + 4
        self._text.setGeometry(
            PADDING, top - _RAISED, self.width() - 2 * PADDING, max(self.height() - top - self._padding, 0)
        )

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        values = theme.colours(self)
        painter.setBrush(values.good_soft if self._listens else values.bubble)
        painter.drawRoundedRect(QRectF(self.rect()), theme.BUBBLE_RADIUS, theme.BUBBLE_RADIUS)


class _ThinkingToggle(PaintedButton):
    """The words over the thinking; pressing them folds it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setCheckable(True)
        self.seconds = ""

    def show_words(self, word: str, seconds: str, name: str) -> None:
        self.setText(word)
        self.seconds = seconds
        self.setAccessibleName(name)
        self.update()

    def wanted_width(self) -> int:
        bold, plain = QFontMetricsF(theme.font(theme.TEXT_PX, 600)), QFontMetricsF(theme.font(theme.TEXT_PX))
        return int(bold.horizontalAdvance(self.text()) + plain.horizontalAdvance(self.seconds)) + 34

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        active = self.underMouse() or self.hasFocus()
        painter.setFont(theme.font(theme.TEXT_PX, 600))
        painter.setPen(values.text if active else values.second)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(self.rect()), middle, self.text())
        left = QFontMetricsF(painter.font()).horizontalAdvance(self.text()) + 8
        painter.setFont(theme.font(theme.TEXT_PX, tabular=True))
        painter.setPen(values.second)
        painter.drawText(QRectF(self.rect()).adjusted(left, 0, 0, 0), middle, self.seconds)
        left += QFontMetricsF(painter.font()).horizontalAdvance(self.seconds) + 10
        painter.translate(left, self.height() / 2)
        painter.rotate(90 if self.isChecked() else 0)
        icons.draw(painter, "chevron", QRectF(-6, -6, 12, 12), values.second if active else values.faint)
        painter.resetTransform()
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()).adjusted(-1, 0, 1, 0), 5, values.accent)


class ThinkingBlock(QWidget):
    """What it thinks, behind a line: timed, folded by its heading, cut short by "Skip and speak now"."""

    skip_requested = Signal()
    folded = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toggle = _ThinkingToggle(self)
        self._toggle.clicked.connect(lambda checked: self.folded.emit(not checked))
        self._skip = TextButton(self.tr("Skip and speak now"), parent=self)
        self._skip.clicked.connect(self.skip_requested)
        self._text = FlowText(theme.TEXT_PX, 20, self)
        self._text.set_quiet(True)
        self._text.setAccessibleName(self.tr("What it thinks"))
        self._shown = False

    @property
    def toggle(self) -> PaintedButton:
        """The heading that folds it."""
        return self._toggle

    @property
    def skip(self) -> TextButton:
        """Ends the thinking."""
        return self._skip

    def show_turn(self, turn: TurnView, open_: bool) -> None:
        """Show this turn's thinking, unfolded or not."""
        live = turn.state is TurnState.THINKING
        self._shown = live or bool(turn.thinking)
        word = self.tr("Thinking") if live else self.tr("Thought")
        seconds = self.tr("{seconds} s").format(seconds=f"{turn.thinking_s:.1f}")
        state = self.tr("unfolded") if open_ else self.tr("folded")
        self._toggle.setChecked(open_)
        self._toggle.show_words(word, seconds, f"{word}, {seconds}, {state}")
        self._skip.setVisible(live)
        self._text.set_text(turn.thinking.strip())
        self._text.setVisible(open_ and bool(self._text.words))

    def height_for(self, width: int) -> int:
        """Pixels needed at this width; 0 when it did not think."""
        if not self._shown:
            return 0
        text = self._text.height_for(width - 16) + 4 if not self._text.isHidden() else 0
        return 22 + text

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._toggle.setGeometry(16, 0, self._toggle.wanted_width(), 22)
        skip = self._skip.sizeHint()
        self._skip.setGeometry(self.width() - skip.width() + 4, (22 - skip.height()) // 2, skip.width(), skip.height())
        self._text.setGeometry(16, 26, self.width() - 16, max(self.height() - 26, 0))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, 0, 2, self.height()), theme.colours(self).line)


class Dots(QWidget):
    """Three quiet dots while nothing has come back yet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Waiting for the answer"))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colours(self).faint)
        for number in range(3):
            painter.drawEllipse(QPointF(4 + 10 * number, self.height() / 2), 2.5, 2.5)
