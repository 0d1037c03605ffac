"""The line under the talk button: advice, trouble, and a question that has to be answered first."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.shown import Notice, NoticeAction
from app.translations import sentence, told
from engine.errors import EngineError

log = logging.getLogger(__name__)

Help = Callable[[], None]


def _no_help() -> None:
    """Nothing is offered."""


class Notices(QObject):
    """One notice at a time. While a question stands, what is said waits until it is answered."""

    changed = Signal(Notice)

    def __init__(self) -> None:
        super().__init__()
        self.shown = Notice()
        self._help: Help = _no_help
        self._asking = False
        self._waiting: tuple[Notice, Help] = self.shown, _no_help

    def say(
        self, text: str = "", *, trouble: bool = False, action: NoticeAction = NoticeAction.NONE, help: Help = _no_help
    ) -> None:
        """Show a sentence, with something that helps; without words, show none."""
        notice = Notice(text, trouble, action)
        if not self._asking:
            self._show(notice, help)
        elif text:
            self._waiting = notice, help

    def ask(self, text: str, allow: Help) -> None:
        """Show a question until `end_question`."""
        self._waiting = self.shown, self._help
        self._show(Notice(text, action=NoticeAction.ALLOW), allow)
        self._asking = True

    def end_question(self) -> None:
        """Nothing is asked any more: show what was said before or meanwhile."""
        self._asking = False
        self._show(*self._waiting)

    def act(self) -> None:
        """Do what the notice offers."""
        help = self._help
        self.say()
        help()

    def _show(self, notice: Notice, help: Help) -> None:
        self._help = help
        if notice != self.shown:
            self.shown = notice
            self.changed.emit(notice)


def explain(error: BaseException | None) -> str:
    """The sentence for an error; one that is no sentence is a bug, and logged."""
    if isinstance(error, EngineError):
        return told(error)
    log.error("unexpected", exc_info=error)
    return sentence("Something went wrong inside Earshot. Nothing you said is lost; the log says more.")
