"""The voices that answers are spoken with: the model's own and those of the user's library."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import Request
from app.engine_side.sinks import Sink
from app.engine_side.voices import VoicesKnown, VoiceWork
from app.shown.models import VoiceView
from app.translations import sentence


class Voices(QObject):
    """What is known of voices comes from the engine's thread, after each change."""

    changed = Signal()
    failed = Signal(object)  # exception

    def __init__(self, thread: EngineThread, folder: Path) -> None:
        super().__init__()
        self._thread, self._removed = thread, folder / ".removed"
        self._then: dict[Request, Callable[[], None]] = {}
        self.listed: tuple[VoiceView, ...] = ()
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    @property
    def keys(self) -> tuple[str, ...]:
        """What the settings call them."""
        return tuple(voice.key for voice in self.listed)

    def add(self, recording: Path, name: str, then: Callable[[], None] = lambda: None) -> None:
        """Make a voice from a recording, or import an exported one; `then` is called in any case."""
        self._ask("add voice", lambda voices: voices.add(recording, name), then)

    def remove(self, name: str, id: str) -> None:
        """Hide a voice under a name of its own, until it is restored or purged."""
        self._ask("remove voice", lambda voices: voices.move_out(name, self._removed / id))

    def restore(self, name: str, id: str) -> None:
        """List a removed voice again."""
        self._ask("restore voice", lambda voices: voices.move_in(name, self._removed / id))

    def purge(self) -> None:
        """Erase the voices that were removed."""
        shutil.rmtree(self._removed, ignore_errors=True)

    def rename(self, name: str, new_name: str) -> None:
        """Give a voice another name."""
        self._ask("rename voice", lambda voices: voices.rename(name, new_name))

    def hear(self, name: str, sink: Sink) -> None:
        """Let a voice say a few words."""
        self._ask("hear voice", lambda voices: voices.hear(name, sink))

    def _ask(
        self, name: str, work: Callable[[VoiceWork], Iterator[Any]], then: Callable[[], None] = lambda: None
    ) -> None:
        request = Request(name, lambda all_work, request: work(all_work.voices))
        self._then[request] = then
        self._thread.submit(request)

    def _on_event(self, _request: Request, event: Any) -> None:
        if isinstance(event, VoicesKnown):
            own = tuple(VoiceView(name, shown_name(name), True) for name in event.built_in)
            self.listed = (*own, *(VoiceView(name, name) for name in event.library))
            self.changed.emit()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        then = self._then.pop(request, None)
        if then is not None:
            then()
            if error is not None:
                self.failed.emit(error)


def shown_name(built_in: str) -> str:
    """What a person reads for a built-in voice."""
    return {"Female": sentence("Female"), "Male": sentence("Male")}.get(built_in, built_in)
