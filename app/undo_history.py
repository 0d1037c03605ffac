"""What a person did that can be undone, and done again, until Earshot quits."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.qt import override


class _Act(QUndoCommand):
    def __init__(self, name: str, words: str, do: Callable[[], None], undo: Callable[[], None]) -> None:
        super().__init__(name)
        self.words, self._do, self._undo = words, do, undo

    @override
    def redo(self) -> None:
        self._do()

    @override
    def undo(self) -> None:
        self._undo()


class UndoHistory(QObject):
    """The newest act is undone first."""

    changed = Signal(str)  # words that tell what was just done; "" when it was undone, or is seen without words

    def __init__(self) -> None:
        super().__init__()
        self._acts = QUndoStack(self)
        self._acts.indexChanged.connect(self._on_index)
        self._index = 0

    @property
    def undo_name(self) -> str:
        """What would be undone, "Remove Turn"; "" when there is nothing."""
        return self._acts.undoText()

    @property
    def redo_name(self) -> str:
        """What would be done again."""
        return self._acts.redoText()

    def do(self, name: str, act: Callable[[], None], way_back: Callable[[], None], words: str = "") -> None:
        """Do something that can be undone. `words` tell it where it is not seen: "Removed the turn"."""
        self._acts.push(_Act(name, words, act, way_back))

    def undo(self) -> None:
        """Undo the newest act."""
        self._acts.undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        self._acts.redo()

    def _on_index(self, index: int) -> None:
        newest = self._acts.command(index - 1) if index > self._index else None
        self._index = index
        self.changed.emit(newest.words if isinstance(newest, _Act) else "")
