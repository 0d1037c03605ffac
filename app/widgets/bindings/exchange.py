"""Connects exporting and importing with the menus, the list and the controller."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu

from app.talk.archive_files import file_name_of
from app.widgets.bindings.export_place import keep_export_folder, last_export_folder
from app.widgets.bindings.transcribe import TranscribeBinding
from app.widgets.frame.conversation_list import EXPORTS, export_words
from app.widgets.frame.window import TALK, Window

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class ExchangeBinding(QObject):
    """File, Export… means what is in front: a conversation on Talk, texts on Transcribe."""

    def __init__(self, window: Window, controller: Controller, settings: Settings, texts: TranscribeBinding) -> None:
        super().__init__(window)
        self._window, self._controller, self._settings, self._texts = window, controller, settings, texts
        window.menus.export.triggered.connect(self._on_export_menu)
        window.menus.import_file.triggered.connect(self._on_import_file)
        window.menus.import_folder.triggered.connect(self._on_import_folder)
        window.sidebar.conversations.export_requested.connect(self.export)
        window.page_changed.connect(self._offer)
        controller.conversation_changed.connect(lambda _view: self._offer())
        texts.export_offered.connect(self._offer)
        self._offer()

    def _offer(self) -> None:
        on_talk = self._window.page == TALK
        offered = bool(self._controller.conversation.key) if on_talk else self._texts.can_export
        self._window.menus.export.setEnabled(offered)

    def _on_export_menu(self) -> None:
        if self._window.page != TALK:
            self._texts.offer_formats()
            return
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        for kind in EXPORTS:
            menu.addAction(export_words(kind), partial(self.export, self._controller.conversation.key, kind))
        menu.popup(self._window.mapToGlobal(self._window.rect().center()))

    def export(self, key: str, kind: str) -> None:
        """Ask where, and write a conversation there."""
        view = next((each for each in self._controller.conversations if each.key == key), self._controller.conversation)
        if view.key != key:
            return
        name = file_name_of(view.title)
        title = self.tr("Export {name}").format(name=view.title or name)
        place = self._place_for_folder(title, name) if kind == "folder" else self._place_for_file(title, name, kind)
        if place is not None:
            keep_export_folder(self._settings, place.parent)
            self._controller.export_conversation(key, place, kind)

    def _place_for_folder(self, title: str, name: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(self._folder))
        return Path(chosen) / name if chosen else None

    def _place_for_file(self, title: str, name: str, kind: str) -> Path | None:
        start = str(self._folder / f"{name}.{kind}")
        path, _ = QFileDialog.getSaveFileName(self._window, title, start, f"{kind.upper()} (*.{kind})")
        if not path:
            return None
        return Path(path if path.lower().endswith(f".{kind}") else f"{path}.{kind}")

    @property
    def _folder(self) -> Path:
        return last_export_folder(self._settings, Path.home())

    def _on_import_file(self) -> None:
        title = self.tr("Import a conversation")
        path, _ = QFileDialog.getOpenFileName(self._window, title, str(self._folder), "JSON (*.json)")
        self._import(path)

    def _on_import_folder(self) -> None:
        title = self.tr("Import a conversation with its sound")
        self._import(QFileDialog.getExistingDirectory(self._window, title, str(self._folder)))

    def _import(self, path: str) -> None:
        if path:
            keep_export_folder(self._settings, Path(path).parent)
            self._window.show_page(TALK)
            self._controller.import_conversation(Path(path))
