"""Shows how full the model's context is after the newest answer of the branch in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.shown.talk import TurnView
from app.widgets.frame.window import TALK, Window

if TYPE_CHECKING:
    from app.controller import Controller


class ContextBinding(QObject):
    """What the engine counted is kept with each turn, so that it is known for a conversation that is opened."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window, self._controller = window, controller
        self._known = False
        controller.turn_changed.connect(self._on_turn)
        controller.turn_removed.connect(lambda _key: self._look())
        controller.turns_reset.connect(self._look)
        controller.branch_shown.connect(self._look)
        window.page_changed.connect(self._show)
        self._look()

    def _on_turn(self, turn: TurnView) -> None:
        newest = self._controller.last_turn
        if turn.context is not None and newest is not None and turn.key == newest.key:
            self._take(turn.context)

    def _look(self) -> None:
        turns = reversed(self._controller.turns)
        self._take(next((turn.context for turn in turns if turn.context is not None), None))

    def _take(self, context: tuple[int, int] | None) -> None:
        self._known = context is not None
        if context is not None:
            self._window.context.show_use(*context)
        self._show()

    def _show(self) -> None:
        self._window.context.setVisible(self._known and self._window.page == TALK)
