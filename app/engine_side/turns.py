"""Turns: what can be asked about them, as plain generators that know no Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.engine_side.memory import Branch, make_agree
from app.engine_side.requests import Request
from app.engine_side.sessions import Manner, Sessions
from app.engine_side.sinks import Sink
from app.engine_side.voices import VoiceWork
from app.translations import sentence, told
from engine import samples as sounds
from engine.errors import RequestError, StorageError
from engine.events import Heard, Pause, Samples, SessionEvent, Speech, ToolCall, Turn

if TYPE_CHECKING:
    from engine.session import Session

log = logging.getLogger(__name__)

SPEECH_RATE_HZ = 24_000


@dataclass(frozen=True)
class Sounded:
    """A piece of the answer was handed to the loudspeaker: where it starts (24 kHz) and what it says."""

    start_24k: int
    samples: int
    text_start: int
    text_end: int


@dataclass(frozen=True)
class Trouble:
    """Something beside the request itself went wrong."""

    sentence: str


@dataclass
class TurnTask:
    """What is to be done with one turn, in the conversation of `branch`.

    The GUI's thread replaces `branch` when turns are removed or brought back, and sets `heard_24k` before it cancels:
    how much of the speech was heard. `recording` is read if it was spoken and its sound is not in memory.
    """

    branch: Branch
    manner: Manner
    turn: Turn
    sound: Path
    sink: Sink
    recording: Path | None = None
    same_as: str = ""  # another version of the turn, with the same recording
    heard_24k: int | None = None


class TurnWork:
    """Everything that needs the session of a turn's conversation."""

    def __init__(self, sessions: Sessions, voices: VoiceWork, confirm: Callable[[ToolCall, Request], bool]) -> None:
        self._sessions, self._voices, self._confirm = sessions, voices, confirm

    def answer(self, task: TurnTask, request: Request) -> Iterator[SessionEvent | Sounded | Trouble]:
        """Answer a turn at the end of its branch; speech goes to the task's sink and into its sound file, everything
        else is yielded.
        """
        session = self._open(task, afresh=True)
        session.settings.confirm = lambda call: self._confirm(call, request)
        turn = _with_sound(session, task)
        request.on_cancel, request.on_skip = session.interrupt, session.skip_thinking
        made: list[Samples] = []
        try:
            with closing(session.ask(turn)) as events:
                yield from _hand_out(events, task.sink, made)
        finally:
            request.on_cancel = request.on_skip = None
            trouble = self._keep(session, task, made)
        if trouble:
            yield Trouble(trouble)

    def speak_again(self, task: TurnTask, request: Request) -> Iterator[Sounded]:
        """Speak the answer of a turn once more in the manner's voice; the new sound replaces the old file."""
        session = self._open(task)
        if task.turn.id not in session.remembered:
            raise RequestError(
                sentence("This answer is not in the model's memory any more, so it cannot be spoken again.")
            )
        request.on_cancel = session.interrupt
        made: list[Samples] = []
        try:
            voice = self._voices.find(task.manner.voice)
            with closing(session.speak_again(task.turn.id, voice)) as events:
                yield from _hand_out(events, task.sink, made)  # type: ignore[misc]
        finally:
            request.on_cancel = None
        if not request.cancelled and made:
            sounds.write_wav(task.sound, np.concatenate(made), SPEECH_RATE_HZ, private=True)

    def transcribe(self, task: TurnTask, request: Request) -> Iterator[Heard]:
        """What was said in a turn."""
        session = self._open(task)
        if task.turn.id in session.remembered:
            request.on_cancel = session.interrupt
            try:
                yield from session.transcribe(task.turn.id)
            finally:
                request.on_cancel = None
            self._sessions.save(session, task.branch.folder)

    def read_ahead(self, branch: Branch, manner: Manner) -> Iterator[Pause]:
        """Read what stands before the next question of a conversation, while nobody asks anything.

        Only where memory agrees with the branch: what was removed since it was drawn up must not come back.
        """
        session = self._sessions.open(branch.conversation, branch.folder, manner)
        path = tuple(turn.id for turn in branch.path if turn.id in session.remembered)
        if path == session.path:
            yield from session.reading_ahead(manner.offered)

    def agree(self, branch: Branch, manner: Manner) -> Iterator[SessionEvent]:
        """Make memory, and what is saved of it, agree with the database."""
        session = self._sessions.open(branch.conversation, branch.folder, manner)
        make_agree(session, branch)
        self._sessions.save(session, branch.folder)
        yield from ()

    def _open(self, task: TurnTask, *, afresh: bool = False) -> Session:
        """The session, agreeing with the branch; `afresh` without the turn itself, which may have been tried before."""
        session = self._sessions.open(task.branch.conversation, task.branch.folder, task.manner)
        if afresh and task.turn.id in session.remembered:
            session.forget([task.turn.id])
        make_agree(session, task.branch)
        return session

    def _keep(self, session: Session, task: TurnTask, made: list[Samples]) -> str:
        """Write what was made so far; returns the sentence of what could not be written."""
        id = task.turn.id
        try:
            if task.heard_24k is not None:
                session.played(id, task.heard_24k)
            if made and id in session.remembered:
                sounds.write_wav(task.sound, np.concatenate(made), SPEECH_RATE_HZ, private=True)
            self._sessions.save(session, task.branch.folder)
        except StorageError as error:
            log.warning("an answer could not be saved")
            return told(error)
        return ""


def _with_sound(session: Session, task: TurnTask) -> Turn:
    """The question with what was said: the very samples that memory holds of another version, or the recording.

    Raises SoundError.
    """
    if task.recording is None or task.turn.samples_16k is not None:
        return task.turn
    if task.same_as in session.remembered and (said := session.turn(task.same_as).samples_16k) is not None:
        return replace(task.turn, samples_16k=said)
    return replace(task.turn, samples_16k=sounds.read(task.recording))


def _hand_out(events: Iterator[SessionEvent], sink: Sink, made: list[Samples]) -> Iterator[SessionEvent | Sounded]:
    """Speech goes to the sink and to `made`, everything else is yielded."""
    start = 0
    for event in events:
        if not isinstance(event, Speech):
            yield event
            continue
        made.append(event.samples_24k)
        if not sink.write(event.samples_24k, event.wait_s):
            return
        yield Sounded(start, len(event.samples_24k), event.text_start, event.text_end)
        start += len(event.samples_24k)
    sink.finish()
