"""One recording on the transcribe page: how far it is, what was said, or a sentence why not."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.qt import override
from app.shown import JobState, JobView
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton, Tone, pen
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.transcribe.segments import SegmentList

SETTLING_MS = 2_000  # how long a row keeps its place after its work ended
_BUSY = (JobState.WAITING, JobState.RUNNING)
EXPORTS = ("txt", "srt", "vtt", "json", "md")


class JobAction(Enum):
    """What a person can ask of a transcription."""

    CANCEL = "cancel"
    RETRY = "retry"
    REMOVE = "remove"
    ASK = "ask"
    EXPORT = "export"  # with the format
    PLAY = "play"  # with the number of the segment
    EDIT = "edit"  # with (number of the segment, text)


class JobCard(QWidget):
    """A card. `act` says which recording, what was asked, and a value where one is needed."""

    act = Signal(str, JobAction, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = JobView("", "")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._name = ElidedLabel("", weight=600)
        self._length = Label("", "second", size_px=theme.SMALL_PX + 0.5, tabular=True)
        self._state = Label("", "second", size_px=theme.SMALL_PX + 0.5, tabular=True)
        self._problem = Label("", "trouble", wrap=True)
        self._bar = Bar()
        self.segments = SegmentList()
        self.segments.played.connect(lambda row: self._emit(JobAction.PLAY, row))
        self.segments.edited.connect(lambda row, text: self._emit(JobAction.EDIT, (row, text)))
        self._buttons = {
            JobAction.ASK: self._button(self.tr("Ask this recording"), JobAction.ASK),
            JobAction.EXPORT: self._button(self.tr("Export"), JobAction.EXPORT),
            JobAction.REMOVE: self._button(self.tr("Remove"), JobAction.REMOVE, Tone.SECOND),
            JobAction.RETRY: self._button(self.tr("Try again"), JobAction.RETRY),
            JobAction.CANCEL: self._button(self.tr("Cancel"), JobAction.CANCEL),  # where nothing removes afterwards
        }
        self._settling = QTimer(self, interval=SETTLING_MS, singleShot=True)
        self._settling.timeout.connect(lambda: self._offer(self.job))
        self._lay_out()

    def _button(self, text: str, action: JobAction, tone: Tone = Tone.ACCENT) -> TextButton:
        button = TextButton(text, tone, size_px=theme.SMALL_PX + 0.5)
        if action is JobAction.EXPORT:
            button.clicked.connect(self._on_export)
        else:
            button.clicked.connect(lambda: self._emit(action))
        return button

    def _emit(self, action: JobAction, value: object = None) -> None:
        self.act.emit(self.job.key, action, value)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._name)
        top.addWidget(self._length)
        top.addStretch(1000)
        top.addWidget(self._state)
        for button in self._buttons.values():
            top.addWidget(button)
        self._top = top
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 9, 12, 10)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self._problem)
        column.addWidget(self._bar)
        column.addWidget(self.segments)

    @property
    def state_words(self) -> str:
        """How it stands, as shown."""
        return self._state.text()

    @property
    def problem_words(self) -> str:
        """What went wrong, as shown."""
        return self._problem.text()

    @property
    def offered(self) -> set[JobAction]:
        """What can be asked of this recording now."""
        return {action for action, button in self._buttons.items() if not button.isHidden()}

    def press(self, action: JobAction) -> None:
        """Press one of the words."""
        self._buttons[action].click()

    def show_job(self, job: JobView) -> None:
        """Show how this recording stands."""
        before, self.job = self.job, job
        if job.state in _BUSY:
            self._settling.stop()
        elif before.key == job.key and before.state in _BUSY:
            self._settling.start()
        self.setAccessibleName(job.name)
        self._name.setText(job.name)
        self._length.setText("" if job.seconds is None else self.length_words(job.seconds))
        self._state.setText(self._state_words(job))
        self._state.set_tone("good" if job.state is JobState.DONE else "second")
        self._problem.setText(job.problem)
        self._problem.setVisible(bool(job.problem))
        self._bar.setVisible(job.state is JobState.RUNNING)
        self._bar.setValue(int(job.share * 1000))
        self.segments.setVisible(bool(job.segments))
        self.segments.show_segments(job.segments, job.playing)
        self._offer(job)

    def _offer(self, job: JobView) -> None:
        """Where somebody is about to press Cancel, nothing else is to be pressed for a while."""
        settling = self._settling.isActive()
        busy = settling or job.state in _BUSY
        done = not settling and job.state is JobState.DONE
        offers = {
            JobAction.ASK: done,
            JobAction.EXPORT: done and bool(job.segments),
            JobAction.RETRY: not busy and not done,
            JobAction.CANCEL: busy,
            JobAction.REMOVE: not busy,
        }
        for action, offered in offers.items():
            self._buttons[action].setVisible(offered)
            self._buttons[action].setAccessibleDescription(job.name)
        self._buttons[JobAction.CANCEL].setEnabled(not settling)

    def length_words(self, seconds: float) -> str:
        """A length as people say it: 1 h 52 min, 4 min 10 s, 31 s."""
        whole = int(seconds + 0.5)
        if whole >= 3600:
            return self.tr("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole // 60 % 60)
        if whole >= 60:
            return self.tr("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
        return self.tr("{seconds} s").format(seconds=whole)

    def _state_words(self, job: JobView) -> str:
        if job.state is JobState.RUNNING:
            done = self.tr("{share} %").format(share=int(job.share * 100))
            if job.left_s is None:
                return done
            left = self.length_words(job.left_s) if job.left_s < 60 else self._minutes(job.left_s)
            return self.tr("{done} · {left} left").format(done=done, left=left)
        words = {
            JobState.WAITING: self.tr("Waiting"),
            JobState.DONE: self.tr("Done"),
            JobState.CANCELLED: self.tr("Cancelled"),
            JobState.FAILED: "",
        }
        return words[job.state]

    def _minutes(self, seconds: float) -> str:
        if seconds >= 3600:
            return self.length_words(seconds)
        return self.tr("{minutes} min").format(minutes=int(seconds / 60 + 0.5))

    def _on_export(self) -> None:
        button = self._buttons[JobAction.EXPORT]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for kind in EXPORTS:
            action = menu.addAction(self.format_words(kind))
            action.triggered.connect(lambda _checked=False, k=kind: self._emit(JobAction.EXPORT, k))
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def format_words(self, kind: str) -> str:
        """An export format in words."""
        words = {
            "txt": self.tr("Plain text (.txt)"),
            "srt": self.tr("Subtitles (.srt)"),
            "vtt": self.tr("Web subtitles (.vtt)"),
            "json": self.tr("Data (.json)"),
            "md": self.tr("Markdown (.md)"),
        }
        return words[kind]

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(pen(values.line))
        painter.setBrush(values.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)
