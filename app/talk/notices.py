"""The notice over the message field: advice or trouble, with something that helps."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.shown.talk import Notice, NoticeAction
from app.translations import sentence, told
from engine.errors import EngineError

log = logging.getLogger(__name__)

Help = Callable[[], None]


def _no_help() -> None:
    """Nothing is offered."""


class Notices(QObject):
    """One notice at a time; it goes with its cause or with the next thing that is done."""

    changed = Signal(Notice)

    def __init__(self) -> None:
        super().__init__()
        self.shown = Notice()
        self._help = self._other = _no_help

    def say(
        self,
        text: str = "",
        *,
        trouble: bool = False,
        action: NoticeAction = NoticeAction.NONE,
        help: Help = _no_help,
        other: Help = _no_help,
        of_settings: bool = False,
    ) -> None:
        """Show a sentence, with something that helps and something else to do; without words, show none. What is wrong
        with something `of_settings` is told there.
        """
        notice = Notice(text, trouble, action, of_settings)
        self._help, self._other = help, other
        if notice != self.shown:
            self.shown = notice
            self.changed.emit(notice)

    def act(self, otherwise: bool = False) -> None:
        """Do what the notice offers, or the other thing."""
        do = self._other if otherwise else self._help
        self.say()
        do()


def explain(error: BaseException | None) -> str:
    """The sentence for an error; one that is no sentence is a bug, and logged."""
    if isinstance(error, EngineError):
        return told(error)
    log.error("unexpected", exc_info=error)
    return sentence("Something went wrong inside Earshot. Nothing you said is lost; the log says more.")
