"""One recording in the queue: how far it is, how it is transcribed, or a sentence that says why it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import partial

from PySide6.QtCore import QCoreApplication, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.qt import override
from app.shown.transcribe import JobState, JobView
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import IconButton, PaintedButton, TextButton, pen
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.transcribe.job_choices import JobChoicesRow, language_name
from app.widgets.transcribe.side_column import FORMATS
from app.widgets.transcribe.times import length_words

SETTLING_MS = 2_000  # how long a row keeps its place after its work ended
SAID_MS = 3_000
_BUSY = (JobState.WAITING, JobState.RUNNING)
_TEXT_LEFT = 44
_CLOSER = 8
_LAST_WORDS = 80


class JobAction(Enum):
    """What a person can ask of a transcription."""

    CANCEL = "cancel"
    PAUSE = "pause"
    UP = "up"
    RETRY = "retry"
    REMOVE = "remove"
    OPEN = "open"
    COPY = "copy"
    EXPORT = "export"  # with the format
    ASK = "ask"
    DESCRIBE = "describe"
    CHOOSE = "choose"  # with JobChoices
    USE_MODEL = "use model"
    MORE = "more"


class _Sign(QWidget):
    """What stands before the name: a place in the line, an arc, a tick, a warning."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(16, 28)
        self.sign, self.share = "", 0.0

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0, 6, 16, 16)
        if self.sign == "arc":
            painter.setPen(pen(values.groove, 2.2))
            painter.drawEllipse(box.adjusted(1.5, 1.5, -1.5, -1.5))
            painter.setPen(pen(values.accent, 2.2))
            painter.drawArc(box.adjusted(1.5, 1.5, -1.5, -1.5), 90 * 16, -round(max(self.share, 0.04) * 360 * 16))
        elif self.sign in ("check", "warning", "pause"):
            tones = {"check": values.good, "warning": values.trouble, "pause": values.second}
            icons.draw(painter, self.sign, box, tones[self.sign])
        else:
            painter.setPen(values.second)
            painter.setFont(theme.font(theme.TEXT_PX, tabular=True))
            painter.drawText(QRectF(self.rect()).translated(0, 2), int(Qt.AlignmentFlag.AlignCenter), self.sign)


class JobRow(QWidget):
    """`act` says which recording, what was asked, and a value where one is needed. `settled`: it may move now."""

    act = Signal(str, JobAction, object)
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = JobView("", "")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        small = theme.SMALL_PX + 0.5
        self._sign = _Sign()
        self._name = ElidedLabel("", weight=600)
        self._meta = ElidedLabel("", "second", size_px=small, tabular=True)
        self._state = Label("", "second", size_px=small, tabular=True)
        self._about = ElidedLabel("", "second", size_px=small)
        self._about.setMinimumHeight(20)
        self._problem = Label("", "trouble", wrap=True)
        self._bar = Bar()
        self.choices = JobChoicesRow(outlined=True)
        self.choices.changed.connect(lambda choices: self._emit(JobAction.CHOOSE, choices))
        self._buttons: dict[JobAction, PaintedButton] = {
            JobAction.USE_MODEL: TextButton(self.tr("Use it now")),
            JobAction.DESCRIBE: TextButton(self.tr("Describe")),
            JobAction.RETRY: TextButton(self.tr("Try again")),
            JobAction.OPEN: TextButton(self.tr("Open")),
            JobAction.COPY: IconButton("copy", self.tr("Copy")),
            JobAction.EXPORT: IconButton("share", self.tr("Export")),
            JobAction.PAUSE: IconButton("pause", self.tr("Pause")),
            JobAction.UP: IconButton("arrow_up", self.tr("Do this next")),
            JobAction.CANCEL: IconButton("close", self.tr("Cancel")),
            JobAction.REMOVE: IconButton("close", self.tr("Remove")),
            JobAction.MORE: IconButton("more", self.tr("More")),
        }
        for action, button in self._buttons.items():
            button.clicked.connect(lambda _checked=False, a=action: self._on_button(a))
        self._settling = QTimer(self, interval=SETTLING_MS, singleShot=True)
        self._settling.timeout.connect(self._on_settled)
        self._saying = QTimer(self, interval=SAID_MS, singleShot=True)
        self._saying.timeout.connect(lambda: self._show_state(self.job))
        self._had_cancel = False  # then no cross that removes comes where it was
        self.place = ""  # among those that wait
        self._models: list[tuple[str, str]] = []
        self._describes = False
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._name)
        top.addSpacing(4)
        top.addWidget(self._meta)
        top.addStretch(1000)
        top.addWidget(self._state)
        top.addSpacing(8)
        for button in self._buttons.values():
            top.addWidget(button)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        top.setContentsMargins(0, 0, 0, -_CLOSER)  # its buttons are higher than the name: words stand close under that
        column.addLayout(top)
        for each in (self._about, self._problem, self.choices, self._bar):
            column.addWidget(each)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 8, 10, 8 + _CLOSER)
        row.setSpacing(_TEXT_LEFT - 18 - 16)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)

    # What is shown.

    @property
    def state_words(self) -> str:
        """How it stands, as shown."""
        return self._state.text()

    @property
    def meta_words(self) -> str:
        """Length, speakers and words, as shown."""
        return self._meta.text()

    @property
    def problem_words(self) -> str:
        """What went wrong, as shown."""
        return self._problem.text()

    @property
    def settling(self) -> bool:
        """Whether it keeps its place still."""
        return self._settling.isActive()

    @property
    def offered(self) -> set[JobAction]:
        """What can be asked of this recording now."""
        return {action for action, button in self._buttons.items() if not button.isHidden() and button.isEnabled()}

    def press(self, action: JobAction) -> None:
        """Press one of the buttons."""
        self._buttons[action].click()

    def button(self, action: JobAction) -> PaintedButton:
        """What is pressed for it."""
        return self._buttons[action]

    def show_job(self, job: JobView, place: str, models: Sequence[tuple[str, str]]) -> None:
        """Show how it stands; `place` is which of those that wait it is, `models` what can transcribe it."""
        before, self.job = self.job, job
        self.place, self._models = place, list(models)
        if job.state in _BUSY:
            self._had_cancel = True
            self._settling.stop()
        elif before.key == job.key and before.state in _BUSY:
            self._settling.start()
        self.setAccessibleName(job.full_name)
        self._name.setText(job.full_name)
        self._meta.setText(self._meta_words(job))
        self._problem.setText(self._problem_words(job))
        self._problem.setVisible(bool(job.problem))
        self._bar.setVisible(job.state is JobState.RUNNING)
        self._bar.setValue(int(job.share * 1000))
        self._about.setText(self._about_words(job))
        self._about.setVisible(job.state is JobState.RUNNING)
        self.choices.setVisible(job.state is JobState.WAITING)
        if job.state is JobState.WAITING:
            self.choices.show_choices(job.choices, models)
        self._show_sign(job)
        if not self._saying.isActive():
            self._show_state(job)
        self._offer(job)

    def offer_describing(self, able: bool) -> None:
        """Whether the model in use can say what is heard where nobody speaks."""
        if able != self._describes:
            self._describes = able
            self._problem.setText(self._problem_words(self.job))
            self._offer(self.job)

    def _problem_words(self, job: JobView) -> str:
        offers = job.no_speech and self._describes
        return self.tr("No speech was found. Describe the sounds?") if offers else job.problem

    def say(self, words: str) -> None:
        """Tell for a while what was done: "Copied"."""
        self._state.setText(words)
        self._state.set_tone("good")
        self._saying.start()

    def _show_state(self, job: JobView) -> None:
        self._state.setText(self._state_words(job))
        self._state.set_tone("second")

    def _show_sign(self, job: JobView) -> None:
        trouble = bool(job.problem) or job.state is JobState.FAILED
        signs = {
            JobState.RUNNING: "arc",
            JobState.WAITING: self.place,
            JobState.DONE: "check",
            JobState.PAUSED: "pause",
        }
        self._sign.sign = "warning" if trouble else signs.get(job.state, "")
        self._sign.share = job.share
        self._sign.update()

    def _meta_words(self, job: JobView) -> str:
        facts = [length_words(job.seconds)] if job.seconds else []
        if job.state is JobState.DONE and not job.problem:
            if job.speakers:
                facts.append(self.tr("%n speaker(s)", "", len(job.speakers)))
            facts.append(
                self.tr("sounds")
                if job.sounds
                else self.tr("%n word(s)", "", job.words).replace(str(job.words), f"{job.words:,}")
            )
        return " · ".join(facts)

    def _about_words(self, job: JobView) -> str:
        facts = [language_name(job.language)] if job.language else []
        if job.choices.translate_to:
            facts.append(self.tr("into {language}").format(language=language_name(job.choices.translate_to)))
        if job.choices.speakers is not None:
            facts.append(self.tr("speakers"))
        last = job.segments[-1].text[-_LAST_WORDS:].partition(" ")[2] if job.segments else ""
        said = self.tr("“…{words}”").format(words=last or job.segments[-1].text) if job.segments else ""
        return "  —  ".join(filter(None, (" · ".join(facts), said)))

    def _state_words(self, job: JobView) -> str:
        if job.state is JobState.RUNNING:
            done = self.tr("{share} %").format(share=int(job.share * 100))
            if job.left_s is None:
                return done
            return self.tr("{done} · {left} left").format(done=done, left=length_words(job.left_s))
        if job.state is JobState.WAITING and self._waits_for_model(job):
            name = dict(self._models).get(job.choices.model, job.choices.model.rpartition("/")[2])
            return self.tr("Waits for {model}").format(model=name)
        words = {
            JobState.WAITING: self.tr("Waiting"),
            JobState.PAUSED: self.tr("Paused"),
            JobState.CANCELLED: self.tr("Cancelled"),
        }
        return words.get(job.state, "")

    def _waits_for_model(self, job: JobView) -> bool:
        in_use = self._models[0][1] if self._models else ""
        return bool(job.choices.model) and dict(self._models).get(job.choices.model) != in_use

    # What is offered.

    def _on_settled(self) -> None:
        self._offer(self.job)
        self.settled.emit()

    def _offer(self, job: JobView) -> None:
        """Where somebody is about to press Cancel, nothing else is to be pressed for a while."""
        settling, state = self.settling, job.state
        busy = settling or state in _BUSY
        whole = not settling and state is JobState.DONE and not job.problem
        cross = not busy and not whole
        describes = not busy and job.no_speech and self._describes
        offers = {
            JobAction.USE_MODEL: state is JobState.WAITING and self._waits_for_model(job),
            JobAction.DESCRIBE: describes,
            JobAction.RETRY: not busy and not whole and not describes and (bool(job.seconds) or bool(job.segments)),
            JobAction.OPEN: not busy and bool(job.segments),
            JobAction.COPY: whole,
            JobAction.EXPORT: not busy and bool(job.segments),
            JobAction.PAUSE: state is JobState.RUNNING,
            JobAction.UP: state is JobState.WAITING and self.place not in ("", "1"),
            JobAction.CANCEL: busy,
            JobAction.REMOVE: cross and not self._had_cancel,
            JobAction.MORE: whole or (cross and self._had_cancel),
        }
        for action, offered in offers.items():
            self._buttons[action].setVisible(offered)
            self._buttons[action].setAccessibleDescription(job.full_name)
        self._buttons[JobAction.CANCEL].setEnabled(not settling)
        stopped = state in (JobState.PAUSED, JobState.CANCELLED)
        retry = self._buttons[JobAction.RETRY]
        retry.setText(self.tr("Resume") if stopped else self.tr("Try again"))

    def _emit(self, action: JobAction, value: object = None) -> None:
        self.act.emit(self.job.key, action, value)

    def _on_button(self, action: JobAction) -> None:
        if action is JobAction.EXPORT:
            self._popup(self._export_menu(QMenu(self)), action)
        elif action is JobAction.MORE:
            self._popup(self._more_menu(), action)
        else:
            self._emit(action)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if {JobAction.REMOVE, JobAction.MORE} & self.offered:
            menu = self._more_menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def _popup(self, menu: QMenu, action: JobAction) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        button = self._buttons[action]
        menu.popup(button.mapToGlobal(QPoint(0, button.height() + 2)))

    def _export_menu(self, menu: QMenu) -> QMenu:
        for kind in FORMATS:
            menu.addAction(format_words(kind), partial(self._emit, JobAction.EXPORT, kind))
        return menu

    def _more_menu(self) -> QMenu:
        menu = QMenu(self)
        if self.job.segments:
            menu.addAction(self.tr("Ask about this recording"), partial(self._emit, JobAction.ASK))
            menu.addSeparator()
        menu.addAction(self.tr("Remove"), partial(self._emit, JobAction.REMOVE))
        return menu

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, super().minimumSizeHint().height())


def format_words(kind: str) -> str:
    """An export format in words."""
    words = {
        "txt": QCoreApplication.translate("Formats", "Plain text (.txt)"),
        "srt": QCoreApplication.translate("Formats", "Subtitles (.srt)"),
        "vtt": QCoreApplication.translate("Formats", "Web subtitles (.vtt)"),
        "json": QCoreApplication.translate("Formats", "Data (.json)"),
        "md": QCoreApplication.translate("Formats", "Markdown (.md)"),
    }
    return words[kind]
