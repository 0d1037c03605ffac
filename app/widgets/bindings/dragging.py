"""What is dragged out of a turn: its words, or a sound file made for it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, QUrl

from app.shown.talk import TurnView
from app.widgets.frame.window import Window
from app.widgets.talk.turn_actions import Dragged

if TYPE_CHECKING:
    from app.controller import Controller


def file_name(words: str) -> str:
    """The name of a sound file, from what is said in it."""
    return " ".join("".join(c if c.isalnum() else " " for c in words[:40]).split()) or "Earshot"


class DragBinding(QObject):
    """Gives the conversation page what is dragged; the files are removed when Earshot ends."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._controller = controller
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        window.conversation.drag_data = self.data_of

    def data_of(self, turn: TurnView, what: Dragged) -> QMimeData | None:
        """For another app; None where there is nothing to take."""
        data = QMimeData()
        if what is Dragged.ANSWER:
            data.setText(turn.answer + turn.unspoken)
            return data
        path = self._place(turn.text if what is Dragged.QUESTION_SOUND else turn.answer)
        if not self._controller.export_sound(turn.key, path, question=what is Dragged.QUESTION_SOUND):
            return None
        data.setUrls([QUrl.fromLocalFile(str(path))])
        return data

    def _place(self, words: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="earshot-")
        return Path(self._folder.name) / f"{file_name(words)}.wav"
