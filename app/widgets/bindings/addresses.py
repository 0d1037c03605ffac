"""Connects the addresses by which other programs ask for something with the window, where a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.addresses import read_address
from app.translations import told
from app.widgets.controls.sheets import Question, TextSheet
from app.widgets.frame.window import TALK, TRANSCRIBE, Window
from engine.errors import RequestError

if TYPE_CHECKING:
    from app.controller import Controller

_NAMED = 3  # recordings; more are counted


class AddressBinding(QObject):
    """Nothing that an address names is read or said before it was seen and allowed."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window, self._controller = window, controller

    def open(self, address: str) -> None:
        """Do what an address asks for, or ask whether to."""
        try:
            asked = read_address(address)
        except RequestError as error:
            self._window.show_page(TALK)
            self._controller.say_trouble(told(error))
            return
        if asked.files:
            self._ask_to_transcribe(asked.files)
        elif asked.text:
            self._ask_to_say(asked.text)
        else:
            self._window.show_page(TALK)

    def _ask_to_transcribe(self, files: tuple[Path, ...]) -> None:
        names = "\n".join(path.name for path in files[:_NAMED])
        if len(files) > _NAMED:
            names += "\n" + self.tr("and %n more", "", len(files) - _NAMED)

        def transcribe() -> None:
            self._window.show_page(TRANSCRIBE)
            self._controller.transcriber.add_files(list(files))

        title = self.tr("Another program asks for a transcript")
        Question(self._window, title, names, self.tr("Transcribe"), transcribe).open()

    def _ask_to_say(self, text: str) -> None:
        title = self.tr("Another program asks Earshot to read this aloud")
        self._window.show_page(TALK)
        TextSheet(self._window, title, text, self.tr("Read Aloud"), self._controller.read_aloud).open()
