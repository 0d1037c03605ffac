"""Makes what the model remembers agree with what the database says: compared by ids, never by places."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import samples as sounds
from engine.errors import EngineError
from engine.events import Turn

if TYPE_CHECKING:
    from engine.session import Session

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KnownTurn:
    """A turn as the database knows it: what was typed, or what was said with its transcript, and the answer unless it
    is still on its way. `heard_24k` is how much of an interrupted answer was heard; else None.
    """

    id: str
    text: str = ""
    transcript: str = ""
    recording: Path | None = None
    answer: str = ""
    heard_24k: int | None = None


@dataclass(frozen=True)
class Branch:
    """What a conversation's memory has to be: the turns that are shown and did not fail, oldest first, and the ids of
    all that there are.
    """

    conversation: str
    folder: Path
    path: tuple[KnownTurn, ...] = ()
    ids: frozenset[str] = frozenset()


def make_agree(session: Session, branch: Branch) -> None:
    """Forget what the database does not know, take in what only it knows, follow its path, cut what was not heard."""
    if gone := session.remembered - branch.ids:
        session.forget(gone)
    for turn in branch.path:
        if turn.id not in session.remembered and turn.answer:
            _remember(session, turn)
    path = tuple(turn.id for turn in branch.path if turn.id in session.remembered)
    if path != session.path:
        session.follow(path)
    for turn in branch.path:
        if turn.heard_24k is not None:
            session.played(turn.id, turn.heard_24k)


def _remember(session: Session, turn: KnownTurn) -> None:
    log.warning("the memory lacks turn %s: it is taken from the database", turn.id)
    samples = None
    if turn.recording is not None:
        try:
            samples = sounds.read(turn.recording)
        except EngineError as error:
            log.warning("its recording cannot be read: %s", type(error).__name__)
    if samples is None:
        session.remember(turn.id, Turn(text=turn.text or turn.transcript), turn.answer)
    else:
        session.remember(turn.id, Turn(samples, turn.text), turn.answer, turn.transcript or None)
