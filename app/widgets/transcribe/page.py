"""The queue: a place to drop recordings, how new ones are transcribed, and a row for each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.qt import override
from app.shown.transcribe import JobChoices, JobState, JobView
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PrimaryButton, TextButton, Tone, pen
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.transcribe.job_choices import JobChoicesRow
from app.widgets.transcribe.job_row import JobAction, JobRow
from app.widgets.transcribe.recording_row import RecordingRow

_LOW, _HIGH = 112, 240  # of the place to drop: above rows, and alone


class DropZone(QWidget):
    """Where recordings are dropped, and the buttons for those who do not drag, or have no recording yet."""

    pressed = Signal()
    record_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        head = Label(self.tr("Drop recordings here"), size_px=theme.ANSWER_PX, weight=600)
        body = Label(self.tr("Sound or video, even hours long. Or a whole folder."), "second", wrap=True)
        self.choose = PrimaryButton(self.tr("Choose files…"))
        self.choose.clicked.connect(self.pressed)
        self.record = TextButton(self.tr("Record…"), Tone.SECOND, icon="microphone")
        self.record.clicked.connect(self.record_pressed)
        self._words = QVBoxLayout()
        self._words.setSpacing(2)
        self._words.addStretch(1)
        self._words.addWidget(head)
        self._words.addWidget(body)
        self._words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(82, 0, 26, 0)
        row.setSpacing(16)
        row.addLayout(self._words, 1)
        row.addWidget(self.record)
        row.addWidget(self.choose)
        self.setFocusProxy(self.choose)
        self.stand_alone(False)

    def stand_alone(self, alone: bool) -> None:
        """Whether there is nothing else on the page."""
        self.setFixedHeight(_HIGH if alone else _LOW)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPen(values.field_line, 1.4)
        outline.setDashPattern([3, 2.4])
        painter.setPen(outline)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 14, 14)
        icons.draw(painter, "download", QRectF(32, self.height() / 2 - 14, 28, 28), values.accent)


class _Rows(QWidget):
    """The box around the rows, with a line between two."""

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.line))
        painter.setBrush(values.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 12, 12)
        for row in self.findChildren(JobRow, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if not row.isHidden() and row.y() > 2:
                painter.fillRect(QRectF(1, row.y() - 1, self.width() - 2, 1), values.line)


class _Whole(QWidget):
    """All of it, as high as it is at its width: Qt would keep room for how the words break in the narrowest window."""

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class TranscribePage(QScrollArea):
    """Rows keep their place for 2 s after their state changed: nothing else comes under the mouse meanwhile."""

    act = Signal(str, JobAction, object)
    open_requested = Signal()
    new_choices_changed = Signal(JobChoices)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Recordings"))
        self._cards: dict[str, JobRow] = {}
        self._models: Sequence[tuple[str, str]] = (("", ""),)
        self._new_choices = JobChoices()
        self._describes = False
        self.drop_zone = DropZone()
        self.drop_zone.pressed.connect(self.open_requested)
        self.recording = RecordingRow()
        self.recording.hide()
        self.new_choices = JobChoicesRow(outlined=False)
        self.new_choices.changed.connect(self._on_new_choices)
        self._trouble = Label("", "trouble", wrap=True)
        self._trouble.hide()
        self._rows = _Rows()
        self._row_column = QVBoxLayout(self._rows)
        self._row_column.setContentsMargins(1, 1, 1, 1)
        self._row_column.setSpacing(1)
        self._lay_out()
        self._arrange()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setMaximumWidth(theme.QUEUE_WIDTH)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.drop_zone)
        column.addWidget(self.recording)
        self._new = QWidget()
        new = QHBoxLayout(self._new)
        new.setContentsMargins(0, 0, 0, 0)
        new.setSpacing(6)
        words = Label(self.tr("New recordings:"), "second")
        words.setFixedHeight(theme.ICON_BUTTON)
        new.addWidget(words, 0, Qt.AlignmentFlag.AlignTop)
        new.addWidget(self.new_choices, 1)
        column.addWidget(self._new)
        column.addWidget(self._trouble)
        column.addWidget(self._rows)
        column.addStretch(1)
        page = _Whole()
        row = QHBoxLayout(page)
        row.setContentsMargins(24, 20, 24, 24)
        row.addStretch(1)
        row.addWidget(inner, 1_000_000)
        row.addStretch(1)
        self.setWidget(page)

    @property
    def jobs(self) -> list[JobView]:
        """All recordings as shown, from the top."""
        return [row.job for row in sorted(self._cards.values(), key=self._row_column.indexOf)]

    @property
    def finished(self) -> list[JobView]:
        """Recordings that have a text and are not worked on."""
        busy = (JobState.WAITING, JobState.RUNNING)
        return [job for job in self.jobs if job.segments and job.state not in busy]

    def show_trouble(self, text: str) -> None:
        """Say what went wrong with no recording in particular; "" when it is over."""
        self._trouble.setText(text)
        self._trouble.setVisible(bool(text))

    def show_recording(self, recording: bool) -> None:
        """Whether something is being recorded for the queue. The keyboard goes on from what began it."""
        focused = self.drop_zone.record.hasFocus()
        self.recording.show_progress(0.0, 0.0)
        self.recording.setVisible(recording)
        if recording and focused:
            self.recording.stop.setFocus(Qt.FocusReason.TabFocusReason)
        self.drop_zone.record.setEnabled(not recording)

    def show_models(self, models: Sequence[tuple[str, str]]) -> None:
        """What can transcribe: folders and names, the model in use with "" first."""
        self._models = models
        self.new_choices.show_choices(self._new_choices, models)
        for row in self._cards.values():
            self._show_row(row, row.job)

    def show_new_choices(self, choices: JobChoices) -> None:
        """How new recordings are transcribed."""
        self._new_choices = choices
        self.new_choices.show_choices(choices, self._models)

    def _on_new_choices(self, choices: JobChoices) -> None:
        self._new_choices = choices
        self.new_choices_changed.emit(choices)

    def card(self, key: str) -> JobRow:
        """The row of a recording."""
        return self._cards[key]

    def shows(self, key: str) -> bool:
        """Whether a recording has its row."""
        return key in self._cards

    def show_jobs(self, jobs: Sequence[JobView]) -> None:
        """Show these and no others; they are given newest first."""
        wanted = {job.key for job in jobs}
        for key in [key for key in self._cards if key not in wanted]:
            row = self._cards.pop(key)
            self._row_column.removeWidget(row)
            row.hide()
            row.deleteLater()
        for job in jobs:
            self._show_row(self._row(job.key), job)
        self._cards = {job.key: self._cards[job.key] for job in jobs}
        self._arrange()

    def show_job(self, job: JobView) -> None:
        """Show a newer state of one recording, or add it."""
        changed = job.key not in self._cards or self._cards[job.key].job.state is not job.state
        row = self._row(job.key)
        self._show_row(row, job)
        if changed:
            self._arrange()

    def _row(self, key: str) -> JobRow:
        if key not in self._cards:
            row = self._cards[key] = JobRow(self._rows)
            row.act.connect(self.act)
            row.settled.connect(self._arrange)
        return self._cards[key]

    def offer_describing(self, able: bool) -> None:
        """Whether the model in use can say what is heard where nobody speaks."""
        self._describes = able
        for row in self._cards.values():
            row.offer_describing(able)

    def _show_row(self, row: JobRow, job: JobView) -> None:
        row.offer_describing(self._describes)
        row.show_job(job, row.place, self._models)

    def _arrange(self) -> None:
        """What is worked on first, then those that wait in the order of the work, then the others, newest first."""
        self.drop_zone.stand_alone(not self._cards)
        self._rows.setVisible(bool(self._cards))
        self._new.setVisible(bool(self._cards))
        settling = any(row.settling for row in self._cards.values())
        newest_first = list(self._cards.values())
        waiting = [row for row in newest_first if row.job.state is JobState.WAITING][::-1]
        for number, row in enumerate(waiting, start=1):
            row.show_job(row.job, str(number), self._models)
        if settling:
            wanted = sorted(newest_first, key=lambda row: self._row_column.indexOf(row) % 100_000)
        else:
            running = [row for row in newest_first if row.job.state is JobState.RUNNING]
            busy = (JobState.RUNNING, JobState.WAITING)
            wanted = [*running, *waiting, *(row for row in newest_first if row.job.state not in busy)]
        for place, row in enumerate(wanted):
            if self._row_column.indexOf(row) != place:
                self._row_column.insertWidget(place, row)
                row.show()
        self._rows.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
