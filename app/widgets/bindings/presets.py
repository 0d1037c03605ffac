"""Connects the menu of presets with the sheet on which they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from app.shown.choices import Choice, OwnPresetView
from app.widgets.bindings.lists import ListBinding
from app.widgets.frame.header import menu_words
from app.widgets.frame.preset_sheet import PresetSheet
from app.widgets.frame.window import Window

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class PresetBinding(QObject):
    """Under the presets stand "New Preset…" and, while one of the person's own answers, "Edit …"."""

    def __init__(self, window: Window, controller: Controller, settings: Settings, lists: ListBinding) -> None:
        super().__init__(window)
        self._window, self._controller, self._settings = window, controller, settings
        self._new = QAction(self.tr("New Preset…"), self)
        self._new.triggered.connect(lambda: self._open(OwnPresetView(tools=self._offered_of(settings.now.tools))))
        self._edit = QAction("", self)
        self._edit.triggered.connect(self._on_edit)
        lists.presets_shown.connect(self._add_commands)
        controller.preset_commands.changed.connect(lists.show_presets)
        lists.show_presets()

    def _add_commands(self) -> None:
        self._window.preset.add_command(self._new)
        own = self._controller.preset_commands.own(self._settings.now.preset)
        if own is not None:
            self._edit.setText(self.tr("Edit “{name}”…").format(name=menu_words(own.name)))
            self._window.preset.menu_of_choices.addAction(self._edit)

    def _offered_of(self, tools: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(tool.name for tool in self._controller.tools if tool.name in tools and not tool.needs_network)

    def _on_edit(self) -> None:
        own = self._controller.preset_commands.own(self._settings.now.preset)
        if own is not None:
            self._open(own)

    def _open(self, preset: OwnPresetView) -> None:
        controller = self._controller
        commands = controller.preset_commands
        voices = [Choice(voice.key, voice.name) for voice in controller.voices]
        tools = [tool for tool in controller.tools if not tool.needs_network]  # the switch for the web is the person's
        done = commands.change if preset.key else commands.make
        sheet = PresetSheet(self._window, preset, voices, tools, done)
        sheet.removed.connect(commands.remove)
        sheet.open()
