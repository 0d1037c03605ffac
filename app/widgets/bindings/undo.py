"""Connects the Edit menu and the toast with what can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.widgets.bindings.settings import SettingsBinding
from app.widgets.controls.toast import Toast
from app.widgets.frame.window import Window

if TYPE_CHECKING:
    from app.controller import Controller


class UndoBinding(QObject):
    """Tells what was removed where the person is: over the settings while they are open, else over the page."""

    def __init__(self, window: Window, controller: Controller, preferences: SettingsBinding) -> None:
        super().__init__(window)
        self._window, self._preferences = window, preferences
        self._history = controller.undo_history
        self._told: Toast | None = None
        self._history.changed.connect(self._on_changed)
        window.menus.undo_wanted.connect(self._history.undo)
        window.menus.redo_wanted.connect(self._history.redo)
        window.toast.undo_wanted.connect(self._history.undo)

    def _on_changed(self, words: str) -> None:
        self._window.menus.name_acts(self._history.undo_name, self._history.redo_name)
        if self._told is not None:
            self._told.hide()  # what it would undo is not the newest any more
        if words:
            self._told = self._toast()
            self._told.tell(words)

    def _toast(self) -> Toast:
        dialog = self._preferences.dialog
        return dialog.toast if dialog is not None and dialog.isVisible() else self._window.toast
