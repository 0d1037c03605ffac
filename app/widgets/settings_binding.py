"""Connects the settings with what they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog

from app.widgets.settings_dialog import SettingsDialog
from app.widgets.sheets import confirm
from app.widgets.views import Choice, SettingsView, ToolSetting
from app.widgets.window import SOUND_FILES, Window
from engine.checkpoints.catalogue import models_folder

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


def _switched(names: tuple[str, ...], name: str, on: bool) -> tuple[str, ...]:
    kept = tuple(each for each in names if each != name)
    return (*kept, name) if on else kept


class SettingsBinding(QObject):
    """Opens the sheet and keeps it true while it is open."""

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._settings = settings
        self._dialog: SettingsDialog | None = None
        window.menus.settings.triggered.connect(self.open)
        window.menus.shortcuts.triggered.connect(self._open_shortcuts)
        settings.changed.connect(lambda _name: self._refresh())
        for signal in (controller.models_changed, controller.voices_changed, controller.devices_changed):
            signal.connect(self._refresh)
        controller.model_changed.connect(lambda _status: self._refresh())
        controller.voice_recording_changed.connect(self._on_recording)

    @property
    def dialog(self) -> SettingsDialog | None:
        """The sheet, once it was opened."""
        return self._dialog

    def open(self) -> None:
        """Show the settings."""
        if self._dialog is None:
            self._dialog = self._build()
        self._controller.refresh_devices()
        self._refresh()
        self._dialog.show()
        self._dialog.raise_()

    def _open_shortcuts(self) -> None:
        self.open()
        assert self._dialog is not None
        self._dialog.open_page(self._dialog.shortcuts)

    def _build(self) -> SettingsDialog:
        dialog, controller = SettingsDialog(self._window), self._controller
        dialog.changed.connect(self._on_changed)
        dialog.models.model_chosen.connect(self._on_model)
        dialog.models.folder_chosen.connect(lambda folder: controller.switch_model(folder, False))
        voices = dialog.voices
        voices.voice_chosen.connect(controller.set_voice)
        voices.voice_heard.connect(controller.hear_voice)
        voices.voice_renamed.connect(controller.rename_voice)
        voices.remove_requested.connect(self._on_remove_voice)
        voices.import_requested.connect(self._on_import_voice)
        voices.recorder.started.connect(controller.record_voice)
        voices.recorder.stopped.connect(controller.cancel_voice_recording)
        return dialog

    def _refresh(self) -> None:
        if self._dialog is not None:
            self._dialog.show_settings(self._view())

    def _view(self) -> SettingsView:
        now, controller = self._settings.now, self._controller
        return SettingsView(
            inputs=tuple(Choice(device.key, device.name) for device in controller.inputs),
            outputs=tuple(Choice(device.key, device.name) for device in controller.outputs),
            input_device=now.input_device,
            output_device=now.output_device,
            keep_warm=now.keep_warm,
            pre_roll_ms=now.pre_roll_ms,
            prefer_built_in=now.prefer_built_in,
            thinking_budget=now.thinking_budget,
            tools=self._tools(),
            models=controller.models,
            models_folder=str(models_folder()),
            voices=controller.voices,
            voice=now.voice,
            language=now.language,
            retention=str(now.retention),
            retention_days=now.retention_days,
        )

    def _tools(self) -> tuple[ToolSetting, ...]:
        offered = set(self._settings.now.tools)
        return tuple(
            ToolSetting(tool.name, tool.title, tool.name in offered, tool.needs_network)
            for tool in self._controller.tools
        )

    def _on_changed(self, name: str, value: object) -> None:
        now = self._settings.now
        if name == "tool_enabled" and isinstance(value, tuple):
            self._controller.set_tools(_switched(now.tools, *value))
        else:
            self._settings.change(**{name: value})

    def _on_model(self, key: str) -> None:
        model = next(model for model in self._controller.models if model.key == key)
        insist = 0 < model.free < model.memory
        self._controller.switch_model(key, insist)

    def _on_remove_voice(self, key: str, name: str) -> None:
        question = self.tr("Remove the voice “{name}”?").format(name=name)
        detail = self.tr("It cannot be brought back without a new recording.")
        assert self._dialog is not None
        confirm(self._dialog, question, detail, self.tr("Remove"), lambda: self._controller.remove_voice(key))

    def _on_import_voice(self) -> None:
        kinds = self.tr("Sound and video") + f" ({SOUND_FILES})"
        path, _ = QFileDialog.getOpenFileName(self._dialog, self.tr("Recording of a voice, 3 to 10 seconds"), "", kinds)
        if not path:
            return
        title, label = self.tr("Import a voice"), self.tr("Name of the voice (its owner agreed to this)")
        name, wanted = QInputDialog.getText(self._dialog, title, label, text=Path(path).stem)
        if wanted and name.strip():
            self._controller.import_voice(Path(path), name.strip())

    def _on_recording(self, share: float) -> None:
        if self._dialog is not None:
            self._dialog.voices.recorder.show_progress(None if share < 0 else share * 5.0)
