"""Connects the voices page with the controller: recording, importing, and saying what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.shown.talk import Notice
from app.widgets.controls.sheets import NameSheet
from app.widgets.frame.window import SOUND_FILES, documents_folder
from app.widgets.settings.voices import VoicesPage

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class VoiceBinding(QObject):
    """Lives as long as the page. A new voice is awaited by its name, so that its end is told on the page itself."""

    def __init__(self, page: VoicesPage, controller: Controller, settings: Settings) -> None:
        super().__init__(page)
        self._page, self._controller, self._settings = page, controller, settings
        self._awaited = ""
        page.voice_chosen.connect(controller.set_voice)
        page.voice_heard.connect(controller.model_commands.hear_voice)
        page.voice_renamed.connect(controller.model_commands.rename_voice)
        page.remove_requested.connect(controller.model_commands.remove_voice)
        page.import_requested.connect(self._on_import)
        page.recorder.started.connect(self._on_record)
        page.recorder.stopped.connect(self._on_stop)
        controller.voice_recording_changed.connect(self._on_recording)
        controller.level_changed.connect(page.recorder.show_level)
        controller.voices_changed.connect(self._on_voices)
        controller.notice_changed.connect(self._on_notice)
        controller.model_commands.failed.connect(self._on_failed)

    def _on_record(self, name: str) -> None:
        self._awaited = name
        self._controller.model_commands.record_voice(name)

    def leave(self) -> None:
        """The page is closed: nothing is recorded behind it."""
        if self._page.recorder.recording:
            self._on_stop()

    def _on_stop(self) -> None:
        self._awaited = ""
        self._controller.model_commands.cancel_voice_recording()

    def _on_recording(self, share: float) -> None:
        making = self.tr("Making the voice…") if share < 0 and self._awaited else ""
        self._page.recorder.show_progress(None if share < 0 else share * 5.0, making)

    def _on_voices(self) -> None:
        if self._awaited and any(voice.name == self._awaited for voice in self._controller.voices):
            added = self.tr("“{name}” can speak now.").format(name=self._awaited)
            self._awaited = ""
            self._page.recorder.clear()
            self._page.recorder.show_progress(None, added)

    def _on_notice(self, notice: Notice) -> None:
        if self._awaited and notice.text:
            self._awaited = ""
            self._page.recorder.show_progress(None, notice.text, trouble=True)

    def _on_failed(self, sentence: str) -> None:
        if self._awaited:
            self._awaited = ""
            self._page.recorder.show_progress(None, sentence, trouble=True)

    def _on_import(self) -> None:
        kinds = self.tr("Recordings and voices") + f" ({SOUND_FILES} *.voice)"
        last, title = self._settings.now.voice_folder, self.tr("Recording of a voice, 3 to 10 seconds")
        start = last if last and Path(last).is_dir() else documents_folder()
        path, _ = QFileDialog.getOpenFileName(self._page, title, start, kinds)
        if not path:
            return
        self._settings.change(voice_folder=str(Path(path).parent))
        title, command = self.tr("Import a voice"), self.tr("Import")
        detail = self.tr("Give the voice a name. Import it only if its owner agreed to this.")
        NameSheet(self._page, title, detail, Path(path).stem, command, lambda name: self._import(path, name)).open()

    def _import(self, path: str, name: str) -> None:
        self._awaited = name
        self._page.recorder.show_progress(None, self.tr("Making the voice…"))
        self._controller.model_commands.import_voice(Path(path), name)
