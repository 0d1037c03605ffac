"""The page that turns recordings into text: a place to drop them and a card for each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.qt import override
from app.shown import JobState, JobView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PaintedButton, draw_focus
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.transcribe.job_card import JobAction, JobCard

_ABOVE_CARDS = 3  # the place to drop, the room below it, and what went wrong


class DropZone(PaintedButton):
    """Where recordings are dropped; pressing it opens the file dialog."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._head = self.tr("Drop recordings here")
        self._body = self.tr("wav, mp3, m4a, mp4, flac, opus … hours long is fine")
        self.setAccessibleName(self._head)
        self.setAccessibleDescription(self.tr("Press to choose files"))
        self.setFixedHeight(78)
        self.setMinimumWidth(200)
        policy = self.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        self.setSizePolicy(policy)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        outline = QPen(values.accent if self.underMouse() else values.line, 1.4)
        outline.setDashPattern([4, 3])
        painter.setPen(outline)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(box, 12, 12)
        centre = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        painter.setPen(values.text)
        painter.setFont(theme.font(theme.TEXT_PX, 600))
        painter.drawText(box.adjusted(12, 20, -12, 0), centre, self._head)
        painter.setPen(values.second)
        painter.setFont(theme.font())
        painter.drawText(box.adjusted(12, 39, -12, 0), centre, self._body)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 12, values.accent)


class TranscribePage(QScrollArea):
    """Cards, newest first, under the place to drop."""

    act = Signal(str, JobAction, object)
    open_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Recordings"))
        self._cards: dict[str, JobCard] = {}
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(26, 20, 26, 24)
        self._column.setSpacing(10)
        self.drop_zone = DropZone()
        self.drop_zone.clicked.connect(self.open_requested)
        self._column.addWidget(self.drop_zone)
        self._column.addSpacing(8)
        self._trouble = Label("", "trouble", wrap=True)
        self._trouble.hide()
        self._column.addWidget(self._trouble)
        self._column.addStretch(1)
        self.setWidget(page)

    @property
    def jobs(self) -> list[JobView]:
        """All recordings as shown, from the top."""
        return [card.job for card in sorted(self._cards.values(), key=self._column.indexOf)]

    @property
    def finished(self) -> list[JobView]:
        """Recordings whose text is complete."""
        return [job for job in self.jobs if job.state is JobState.DONE]

    def show_trouble(self, text: str) -> None:
        """Say what went wrong with no recording in particular; "" when it is over."""
        self._trouble.setText(text)
        self._trouble.setVisible(bool(text))

    def card(self, key: str) -> JobCard:
        """The card of a recording."""
        return self._cards[key]

    def shows(self, key: str) -> bool:
        """Whether a recording has its card."""
        return key in self._cards

    def show_jobs(self, jobs: Sequence[JobView]) -> None:
        """Show these and no others, in this order."""
        wanted = {job.key for job in jobs}
        for key in [key for key in self._cards if key not in wanted]:
            card = self._cards.pop(key)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for number, job in enumerate(jobs):
            self.show_job(job)
            card = self._cards[job.key]
            if self._column.indexOf(card) != _ABOVE_CARDS + number:
                self._column.insertWidget(_ABOVE_CARDS + number, card)

    def show_job(self, job: JobView) -> None:
        """Show a newer state of one recording, or add it below the others."""
        card = self._cards.get(job.key)
        if card is None:
            card = self._cards[job.key] = JobCard()
            card.act.connect(self.act)
            self._column.insertWidget(self._column.count() - 1, card)
        card.show_job(job)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
