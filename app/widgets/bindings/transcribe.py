"""Connects the transcribe page with the transcriber."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QFileDialog, QMenu

from app.shown import JobState, JobView
from app.widgets.frame.window import TALK, Window
from app.widgets.transcribe.job_card import EXPORTS, JobAction
from engine.storage import told_apart

if TYPE_CHECKING:
    from app.controller import Controller


class TranscribeBinding(QObject):
    """Recordings in, texts out."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._transcriber = controller.transcriber
        self._transcriber.job_changed.connect(self._on_job)
        self._transcriber.job_removed.connect(lambda _key: self._show_jobs())
        self._transcriber.trouble.connect(window.transcribe.show_trouble)
        window.transcribe.act.connect(self._on_act)
        window.export.clicked.connect(self._on_export_all)
        window.menus.export.triggered.connect(self._on_export_all)
        self._show_jobs()

    def _on_job(self, job: JobView) -> None:
        if self._window.transcribe.shows(job.key):
            self._window.transcribe.show_job(job)  # that one alone: there may be a thousand
            self._offer_export()
        else:
            self._show_jobs()

    def _show_jobs(self) -> None:
        self._window.transcribe.show_jobs(self._transcriber.jobs)
        self._offer_export()

    def _offer_export(self) -> None:
        finished = any(job.state is JobState.DONE for job in self._transcriber.jobs)
        self._window.export.setEnabled(finished)
        self._window.menus.export.setEnabled(finished)

    def _on_act(self, key: str, action: JobAction, value: object) -> None:
        transcriber = self._transcriber
        self._window.transcribe.show_trouble("")
        if action is JobAction.ASK:
            self._controller.ask_recording(key)
            self._window.show_page(TALK)
            self._window.talk_bar.field.setFocus()
        elif action is JobAction.EXPORT:
            self._export_one(key, str(value))
        elif action is JobAction.PLAY:
            self._play(key, value)
        elif action is JobAction.EDIT and isinstance(value, tuple):
            transcriber.edit_segment(key, *value)
        else:
            {
                JobAction.CANCEL: transcriber.cancel,
                JobAction.RETRY: transcriber.retry,
                JobAction.REMOVE: self._controller.remove_recording,
            }[action](key)

    def _play(self, key: str, row: object) -> None:
        job = next((job for job in self._transcriber.jobs if job.key == key), None)
        if job is not None and job.playing == row:
            self._transcriber.stop_playing()
        elif isinstance(row, int):
            self._transcriber.play_segment(key, row)

    def _export_one(self, key: str, kind: str) -> None:
        job = next(job for job in self._transcriber.jobs if job.key == key)
        name = f"{Path(job.name).stem}.{kind}"
        title = self.tr("Export {name}").format(name=job.name)
        path, _ = QFileDialog.getSaveFileName(self._window, title, name, f"{kind.upper()} (*.{kind})")
        if path:
            named = path.lower().endswith(f".{kind}")  # else a point is part of the name: "Meeting 24.12"
            self._transcriber.export(key, Path(path if named else f"{path}.{kind}"))

    def _on_export_all(self) -> None:
        finished = self._window.transcribe.finished
        if not finished:
            return
        self._window.transcribe.show_trouble("")
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        card = self._window.transcribe.card(finished[0].key)
        for kind in EXPORTS:
            action = menu.addAction(card.format_words(kind))
            action.triggered.connect(lambda _checked=False, k=kind: self._export([job.key for job in finished], k))
        menu.popup(self._window.export.mapToGlobal(QPoint(0, self._window.export.height())))

    def _export(self, keys: Sequence[str], kind: str) -> None:
        if len(keys) == 1:
            self._export_one(keys[0], kind)
            return
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Export into a folder"))
        if folder:
            taken: set[str] = set()
            for job in self._window.transcribe.finished:
                name = told_apart(Path(job.name).stem, taken)
                self._transcriber.export(job.key, Path(folder) / f"{name}.{kind}")
