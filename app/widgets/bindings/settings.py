"""Connects the settings with what they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.shown.choices import Choice
from app.shown.settings import Permission, SettingsView, ToolSetting
from app.widgets.controls.sizes import model_title
from app.widgets.frame.window import Window
from engine.checkpoints.catalogue import models_folder
from engine.checkpoints.fit import Verdict

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings
    from app.widgets.settings.dialog import SettingsDialog


def _switched(names: tuple[str, ...], name: str, on: bool) -> tuple[str, ...]:
    kept = tuple(each for each in names if each != name)
    return (*kept, name) if on else kept


class SettingsBinding(QObject):
    """Opens the settings and keeps them true while they are open."""

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
        controller.downloads.changed.connect(self._on_downloads)
        controller.models_changed.connect(self._show_task)
        controller.tool_servers.changed.connect(self._refresh)
        controller.other_programs.changed.connect(self._refresh)
        controller.other_machine.changed.connect(self._refresh)
        window.welcome.model.models_requested.connect(self.open_models)

    @property
    def dialog(self) -> SettingsDialog | None:
        """The settings, once they were opened."""
        return self._dialog

    def open(self) -> None:
        """Show the settings."""
        if self._dialog is None:
            self._dialog = self._build()
        self._controller.refresh_devices()
        self._controller.model_commands.refresh_models()
        self._dialog.show_problem("")
        self._refresh()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def open_models(self) -> None:
        """Show which models there are."""
        self.open()
        assert self._dialog is not None
        self._dialog.open_page(self._dialog.models)

    def open_voices(self) -> None:
        """Show which voices there are and how to add one."""
        self.open()
        assert self._dialog is not None
        self._dialog.open_page(self._dialog.voices)

    def _open_shortcuts(self) -> None:
        self.open()
        assert self._dialog is not None
        self._dialog.open_page(self._dialog.shortcuts)

    def _build(self) -> SettingsDialog:
        from app.widgets.bindings.voices import VoiceBinding
        from app.widgets.settings.dialog import SettingsDialog  # not before somebody wants it: the window opens sooner

        dialog, controller = SettingsDialog(self._window), self._controller
        dialog.changed.connect(self._on_changed)
        dialog.shortcuts.show_commands(self._window.menus.commands())
        dialog.models.model_chosen.connect(self._on_model)
        dialog.models.folder_chosen.connect(self._on_folder)
        dialog.models.copy_wanted.connect(controller.model_commands.make_copy)
        dialog.models.copy_stopped.connect(controller.model_commands.stop_copy)
        dialog.models.check_wanted.connect(controller.model_commands.check_by_ear)
        dialog.models.check_stopped.connect(controller.model_commands.stop_check)
        dialog.models.download_wanted.connect(controller.downloads.start)
        dialog.models.pause_wanted.connect(controller.downloads.pause)
        dialog.models.discard_wanted.connect(controller.downloads.discard)
        dialog.models.size_chosen.connect(controller.downloads.choose_size)
        dialog.models.keep_toggled.connect(controller.downloads.keep_original)
        dialog.models.remove_wanted.connect(controller.model_commands.remove_model)
        dialog.models.other_machine.test_wanted.connect(controller.other_machine.test)
        dialog.models.other_machine.use_wanted.connect(controller.other_machine.use)
        dialog.models.other_machine.file_allowed.connect(controller.other_machine.allow_file)
        controller.model_commands.failed.connect(dialog.show_problem)
        self._voices = VoiceBinding(dialog.voices, controller, self._settings)
        self._connect_servers(dialog)
        dialog.programs.token_renewed.connect(controller.other_programs.renew_token)
        dialog.finished.connect(lambda _result: self._voices.leave())
        dialog.toast.undo_wanted.connect(controller.undo_history.undo)
        dialog.addActions([self._window.menus.undo, self._window.menus.redo])  # their keys hold here as well
        return dialog

    def _connect_servers(self, dialog: SettingsDialog) -> None:
        shown, servers = dialog.tools.servers, self._controller.tool_servers
        shown.added.connect(servers.add)
        shown.removed.connect(self._controller.remove_server)
        shown.asks_changed.connect(servers.set_asks)
        shown.permission_picked.connect(
            lambda line, tool, permission: servers.set_permission(line, tool, Permission(permission))
        )
        shown.started_again.connect(servers.start_again)
        shown.file_allowed.connect(servers.allow_file)
        shown.trouble_dismissed.connect(servers.dismiss_trouble)
        servers.added.connect(shown.field.clear)

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
            servers=controller.tool_servers.listed,
            server_trouble=controller.tool_servers.trouble,
            models=controller.models,
            models_folder=now.models_folder or str(models_folder()),
            machine=controller.model_commands.machine,
            downloads=controller.downloads.listed,
            voices=controller.voices,
            voice=self._voice_in_use(),
            language=now.language,
            appearance=now.appearance,
            text_size=now.text_size,
            notifications=now.notifications,
            look_for_updates=now.look_for_updates if controller.updates.offered else None,
            retention=str(now.retention),
            retention_days=now.retention_days,
            other_programs=now.other_programs,
            programs=controller.other_programs.view,
            other_machine=controller.other_machine.view,
        )

    def _voice_in_use(self) -> str:
        """The chosen voice; while it is not there, or none was chosen, the first one."""
        keys = [voice.key for voice in self._controller.voices]
        return self._settings.now.voice if self._settings.now.voice in keys else next(iter(keys), "")

    def _tools(self) -> tuple[ToolSetting, ...]:
        now = self._settings.now
        return tuple(
            ToolSetting(tool.name, tool.title, tool.name in now.tools, tool.needs_network, tool.name in now.ask_first)
            for tool in self._controller.tools
        )

    def _on_changed(self, name: str, value: object) -> None:
        now = self._settings.now
        if name == "tool_enabled" and isinstance(value, tuple):
            self._controller.set_tools(_switched(now.tools, *value))
        elif name == "tool_asks" and isinstance(value, tuple):
            self._settings.change(ask_first=_switched(now.ask_first, *value))
        else:
            self._settings.change(**{name: value})

    def _on_model(self, key: str) -> None:
        model = next(model for model in self._controller.models if model.key == key)
        insist = model.verdict is not Verdict.FITS
        self._controller.model_commands.switch_model(key, insist)

    def _on_folder(self, folder: str) -> None:
        """A folder that is a model is used; any other one is where models are kept from now on."""
        if (Path(folder) / "config.json").is_file():
            self._controller.model_commands.switch_model(folder, False)
        else:
            self._settings.change(models_folder="" if Path(folder) == models_folder() else folder)

    def _show_task(self) -> None:
        """In the sidebar's foot: what is being downloaded, or made of what was."""
        running, making = self._controller.downloads.running, self._controller.model_commands.making_share
        words = ""
        if running is not None:
            share = int(100 * running.done / running.total) if running.total else 0
            words = self.tr("Downloading {model} · {share} %").format(model=model_title(running.name), share=share)
        elif making is not None:
            words = self.tr("Making a 4-bit copy · {share} %").format(share=int(100 * making))
        self._window.sidebar.status.show_task(words)

    def _on_downloads(self) -> None:
        self._show_task()
        if self._dialog is not None:
            self._dialog.models.show_downloads(self._controller.downloads.listed)
