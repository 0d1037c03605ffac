"""What was being said when Earshot ended: it becomes a turn that can be asked again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from app.audio import recording_files
from app.audio.growing_recording import SUFFIX, read_growing
from app.audio.recording_files import Utterance
from app.shown.talk import TurnState
from app.talk.conversation import Conversation
from app.talk.stored_turn import StoredTurn
from app.worker import Worker
from engine.errors import EngineError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """A recording that was under way when Earshot ended; `written` is None when nothing was said in it."""

    id: str
    conversation: str
    growing: Path
    written: Utterance | None


class Recovery(QObject):
    """Works once, at the start, on the disk's thread."""

    def __init__(self, conversation: Conversation, recordings: Path, disk: Worker) -> None:
        super().__init__()
        self._conversation, self._recordings, self._disk = conversation, recordings, disk

    def start(self, then: Callable[[], None]) -> None:
        """Find what was left behind; it appears in the list when it is found. `then` is called once all is known."""
        self._disk.run(
            lambda: list(_recover(self._recordings)), lambda found, error: self._on_found(found, error, then)
        )

    def _on_found(self, found: list[Recovered] | None, error: Exception | None, then: Callable[[], None]) -> None:
        if found is None:
            log.error("recordings that were left behind cannot be found", exc_info=error)
            return
        for each in found:
            if each.written is None or self._conversation.take_back(self._turn(each, each.written)):
                self._disk.run(partial(each.growing.unlink, missing_ok=True))
        then()

    def _turn(self, found: Recovered, written: Utterance) -> StoredTurn:
        problem = self.tr("Earshot was closed while you spoke. What you said until then is kept: try again.")
        return StoredTurn(
            found.id, found.conversation, TurnState.FAILED, "", written.peaks, written.seconds,
            problem=problem, recording=written.file,
        )  # fmt: skip


def _recover(recordings: Path) -> Iterator[Recovered]:
    for growing in sorted(recordings.glob(f"*/said-*{SUFFIX}")):
        path = growing.with_suffix(".flac")
        try:
            written = recording_files.write_recording(read_growing(growing), path)
        except (OSError, EngineError) as error:
            log.warning("a recording could not be recovered: %s", type(error).__name__)
            continue
        yield Recovered(growing.stem.removeprefix("said-"), growing.parent.name, growing, written)
