"""Connects the queue of recordings with the transcriber."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from app.shown.transcribe import JobChoices, JobState, JobView
from app.widgets.bindings.export_place import keep_export_folder, last_export_folder
from app.widgets.frame.window import TALK, Window
from app.widgets.transcribe.job_row import JobAction, format_words
from app.widgets.transcribe.side_column import FORMATS
from engine.storage import told_apart

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class TranscribeBinding(QObject):
    """Recordings in, texts out."""

    open_wanted = Signal(str)
    export_offered = Signal()  # or no more: `can_export`

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._controller, self._settings = window, controller, settings
        self._transcriber = controller.transcriber
        self._transcriber.job_changed.connect(self._on_job)
        self._transcriber.job_removed.connect(lambda _key: self._show_jobs())
        self._transcriber.trouble.connect(window.transcribe.show_trouble)
        self._transcriber.exported.connect(self._on_exported)
        controller.model_changed.connect(lambda _model: self._show_models())
        controller.models_changed.connect(self._show_models)
        window.transcribe.act.connect(self._on_act)
        window.transcribe.new_choices_changed.connect(self._on_new_choices)
        window.recordings.export_all.clicked.connect(self._on_export_all)
        window.recordings.clear_finished.clicked.connect(controller.recording_commands.clear_finished)
        window.sidebar.conversations.recording_opened.connect(self.open_wanted)
        window.sidebar.conversations.recording_removed.connect(controller.recording_commands.remove_recording)
        window.sidebar.conversations.recording_renamed.connect(controller.recording_commands.rename_recording)
        now = settings.now
        speakers = None if now.job_speakers < 0 else now.job_speakers
        self._choose_for_new(JobChoices(now.job_language, now.job_translation, speakers))
        self._show_models()
        self._show_jobs()

    # What is shown.

    def _on_job(self, job: JobView) -> None:
        if self._window.transcribe.shows(job.key) and not job.cleared:
            self._window.transcribe.show_job(job)  # that one alone: there may be a thousand
            self._offer_export()
        else:
            self._show_jobs()

    def _show_jobs(self) -> None:
        self._window.transcribe.show_jobs([job for job in self._transcriber.jobs if not job.cleared])
        self._offer_export()

    def _show_models(self) -> None:
        in_use = self._controller.model.name
        others = [(model.key, model.name) for model in self._controller.models if not model.problem]
        self._window.transcribe.show_models([("", in_use), *(each for each in others if each[1] != in_use)])
        able = self._controller.model.ready and not self._controller.welcome.demonstration
        self._window.transcribe.offer_describing(able)

    def _offer_export(self) -> None:
        finished = self._window.transcribe.finished
        self._window.recordings.export_all.setEnabled(bool(finished))
        self.export_offered.emit()
        done = any(job.state is JobState.DONE for job in self._window.transcribe.jobs)
        self._window.recordings.clear_finished.setEnabled(done)

    @property
    def can_export(self) -> bool:
        """Whether there is a text to export."""
        return bool(self._window.transcribe.finished) or bool(self._window.transcript_key)

    # How recordings are transcribed.

    def _choose_for_new(self, choices: JobChoices) -> None:
        self._transcriber.choose_for_new(choices)
        self._window.transcribe.show_new_choices(choices)

    def _on_new_choices(self, choices: JobChoices) -> None:
        self._choose_for_new(choices)
        speakers = -1 if choices.speakers is None else choices.speakers
        self._settings.change(
            job_language=choices.language, job_translation=choices.translate_to, job_speakers=speakers
        )

    # What is asked.

    def _on_act(self, key: str, action: JobAction, value: object) -> None:
        self._window.transcribe.show_trouble("")
        if action is JobAction.ASK:
            self._controller.ask_recording(key)
            self._window.show_page(TALK)
            self._window.talk_bar.field.setFocus()
        elif action is JobAction.EXPORT:
            self.export(key, str(value))
        elif action is JobAction.COPY:
            self._copy(key)
        elif action is JobAction.USE_MODEL:
            job = self._transcriber.view(key)
            self._controller.model_commands.switch_model(job.choices.model if job is not None else "")
        elif action is JobAction.CHOOSE and isinstance(value, JobChoices):
            self._transcriber.choose(key, value)
        else:
            self._command(action)(key)

    def _command(self, action: JobAction):  # type: ignore[no-untyped-def]
        transcriber = self._transcriber
        return {
            JobAction.OPEN: self.open_wanted.emit,
            JobAction.CANCEL: transcriber.cancel,
            JobAction.PAUSE: transcriber.pause_job,
            JobAction.UP: transcriber.move_up,
            JobAction.RETRY: transcriber.retry,
            JobAction.DESCRIBE: transcriber.describe,
            JobAction.REMOVE: self._controller.recording_commands.remove_recording,
        }[action]

    def _copy(self, key: str) -> None:
        QGuiApplication.clipboard().setText(self._transcriber.written(key, "txt"))
        self._window.transcribe.card(key).say(self.tr("Copied"))

    # Exporting.

    def _folder(self, recording: Path | None) -> Path:
        """Where texts went last, or beside the recording."""
        return last_export_folder(self._settings, recording.parent if recording is not None else Path.home())

    def export(self, key: str, kind: str) -> None:
        """Ask where, and write the text of one recording there."""
        job = self._transcriber.view(key)
        if job is None:
            return
        name = self._folder(self._transcriber.path(key)) / f"{job.title}.{kind}"
        title = self.tr("Export {name}").format(name=job.name)
        path, _ = QFileDialog.getSaveFileName(self._window, title, str(name), f"{kind.upper()} (*.{kind})")
        if path:
            named = path.lower().endswith(f".{kind}")  # else a point is part of the name: "Meeting 24.12"
            whole = Path(path if named else f"{path}.{kind}")
            keep_export_folder(self._settings, whole.parent)
            self._transcriber.export(key, whole, self._window.transcript.export_choices)

    def _on_exported(self, path: Path) -> None:
        words = self.tr("Saved as {name}").format(name=path.name)
        self._window.transcript.side.say(words)
        for job in self._window.transcribe.jobs:
            if job.title == path.stem:
                self._window.transcribe.card(job.key).say(words)

    def offer_formats(self) -> None:
        """Ask in which format the texts in front are to be exported."""
        if self._window.transcript_key:
            menu = QMenu(self._window)
            self._fill(menu, [self._window.transcript_key])
            menu.popup(self._window.mapToGlobal(self._window.rect().center()))
        else:
            self._on_export_all()

    def _on_export_all(self) -> None:
        finished = self._window.transcribe.finished
        if not finished:
            return
        self._window.transcribe.show_trouble("")
        menu, button = QMenu(self._window), self._window.recordings.export_all
        self._fill(menu, [job.key for job in finished])
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    def _fill(self, menu: QMenu, keys: Sequence[str]) -> None:
        menu.aboutToHide.connect(menu.deleteLater)
        for kind in FORMATS:
            menu.addAction(format_words(kind), partial(self._export, keys, kind))

    def _export(self, keys: Sequence[str], kind: str) -> None:
        if len(keys) == 1:
            self.export(keys[0], kind)
            return
        start = str(self._folder(self._transcriber.path(keys[0])))
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Export into a folder"), start)
        if folder:
            keep_export_folder(self._settings, Path(folder))
            taken: set[str] = set()
            for job in self._window.transcribe.finished:
                name = told_apart(job.title, taken)
                self._transcriber.export(job.key, Path(folder) / f"{name}.{kind}")
