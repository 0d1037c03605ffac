"""What the engine thread works with: the engine, the session of the conversation in front, and what can be asked of
them. Plain synchronous generators; they know no Qt.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from app.translations import sentence
from engine.errors import EngineError, RequestError, StorageError
from engine.events import Heard, Progress, Samples, SessionEvent, Speech, ToolCall, Turn, new_turn_id
from engine.samples import write_wav

if TYPE_CHECKING:
    from app.engine_side.engine_thread import Request
    from engine.conversation.replying.tools import Tool
    from engine.session import Session

log = logging.getLogger(__name__)

Loader = Callable[[Path, bool], Generator[Progress, None, Any]]
SPEECH_RATE_HZ = 24_000
_SAMPLE_TOKENS = 100  # four seconds


@dataclass(frozen=True)
class Loaded:
    """A model is in memory."""

    folder: Path
    name: str
    memory: int
    total_memory: int
    thinks: bool
    speaks: bool
    about: dict[str, Any]


@dataclass(frozen=True)
class VoicesKnown:
    """Names of the model's own voices and of the library's."""

    built_in: tuple[str, ...]
    library: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """The turn under way has this place in the session."""

    place: int


@dataclass(frozen=True)
class HeardAt:
    """What was said in the turn at this place in the session."""

    place: int
    text: str


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


@dataclass(frozen=True)
class Manner:
    """How to answer: preset, its language, voice, tools, and those of them to ask about before each call. `served` are
    the tools of other programs, which are not among the names in `tools`.
    """

    preset: str = "assistant"
    language: str = "en"
    voice: str = ""
    tools: tuple[str, ...] = ()
    ask_first: tuple[str, ...] = ()
    served: tuple[Tool, ...] = ()


class Sink(Protocol):
    """Takes the sound of an answer on the engine's thread; waits while it is full."""

    def write(self, samples_24k: Samples, hold_s: float) -> bool:
        """Queue samples; False when they are not wanted any more."""

    def finish(self) -> None:
        """Nothing more comes."""


@dataclass
class Job:
    """One turn to answer. `place` is None for a new turn; `turn` is None to answer the old one again.

    `heard_24k` is set by whoever interrupts, before it cancels: how much of the speech was heard.
    """

    conversation: str
    folder: Path
    manner: Manner
    turn: Turn | None
    place: int | None
    sound: Path
    sink: Sink
    heard_24k: int | None = None
    told: bool = False  # the session knows how much was heard
    gone_before: int = 0  # how many earlier turns were taken out since it was submitted

    @property
    def place_now(self) -> int | None:
        """Where its turn stands, once those earlier ones are out of the session too."""
        return None if self.place is None else self.place - self.gone_before


class Desk:
    """Owns engine and session. Lives on one thread."""

    def __init__(
        self, loader: Loader, voices: Path, ring: Callable[[str], None], confirm: Callable[[ToolCall, Request], bool]
    ) -> None:
        self._loader = loader
        self._voices_folder = voices
        self._ring, self._confirm = ring, confirm
        self._timers: Any = None
        self._engine: Any = None
        self._session: Session | None = None
        self._conversation = ""
        self.beat: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Give the memory back."""
        self._session, self._conversation = None, ""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def session(self) -> Session | None:
        """The session in use."""
        return self._session

    @property
    def engine(self) -> Any:
        """The loaded engine. Raises RequestError while there is none."""
        if self._engine is None:
            raise RequestError(sentence("No model is loaded: choose one on the models page of the settings."))
        return self._engine

    def load(self, folder: Path, insist: bool = False) -> Iterator[Progress | Loaded | VoicesKnown]:
        """Replace the model. If the new one cannot be loaded there is none afterwards. Raises CheckpointError."""
        self.close()
        self._engine = yield from self._loader(folder, insist)
        engine = self._engine
        if engine.capabilities.speaks:
            yield Progress("voice", 0, 0)
            _ = engine.speaking
        yield self._voices_known()  # first, so that not even a turn asked at once goes without its voice
        yield Loaded(
            Path(engine.folder), engine.name, engine.memory_bytes, _total_memory(), engine.capabilities.thinks,
            engine.capabilities.speaks, dict(engine.about),
        )  # fmt: skip

    # Turns.

    def answer(self, job: Job, request: Request) -> Iterator[SessionEvent | Placed | HeardAt | Sounded | Trouble]:
        """Answer a turn; speech goes to the job's sink and into its sound file, everything else is yielded."""
        session = self._session_of(job)
        session.settings.confirm = lambda call: self._confirm(call, request)
        place = job.place if job.place is not None and job.place < len(session.path) else None
        if place is None and job.turn is None:
            raise RequestError(sentence("This turn cannot be answered again, ask anew."))
        job.place = len(session.path) if place is None else place
        yield Placed(job.place)
        request.on_cancel, request.on_skip = session.interrupt, session.skip_thinking
        turn_id = new_turn_id() if job.turn is None else job.turn.id
        if place is None and job.turn is not None:
            events = session.ask(job.turn)
        elif job.turn is None:
            events = session.regenerate(session.path[place or 0], turn_id)
        else:
            events = session.edit(session.path[place or 0], job.turn)
        made: list[Samples] = []
        try:
            with closing(events):
                for event in self._handed_out(events, job.sink, made):
                    yield _heard_at(session, event) if isinstance(event, Heard) else event
        finally:
            request.on_cancel = request.on_skip = None
            trouble = self._keep(session, job, turn_id, made)
        if trouble:
            yield Trouble(trouble)

    def speak_again(self, job: Job, request: Request) -> Iterator[Sounded | Trouble]:
        """Speak the answer of a turn once more in the manner's voice; the new sound replaces the old file."""
        session = self._session_of(job)
        if job.place is None or job.place >= len(session.path):
            raise RequestError(
                sentence("This answer is not in the model's memory any more, so it cannot be spoken again.")
            )
        voice = self._voice(job.manner.voice) if job.manner.voice else self.engine.speaking.default_voice()
        request.on_cancel = session.interrupt
        made: list[Samples] = []
        try:
            with closing(session.speak_again(session.path[job.place], voice)) as events:
                yield from self._handed_out(events, job.sink, made)  # type: ignore[misc]
        finally:
            request.on_cancel = None
        if not request.cancelled and made:
            write_wav(job.sound, np.concatenate(made), SPEECH_RATE_HZ)

    def write_down(self, job: Job, request: Request) -> Iterator[HeardAt]:
        """What was said in a turn."""
        session = self._session_of(job)
        if job.place is not None and job.place < len(session.path):
            request.on_cancel = session.interrupt
            try:
                for heard in session.transcribe(session.path[job.place]):
                    yield _heard_at(session, heard)
            finally:
                request.on_cancel = None
            session.save(job.folder / "session")

    def cut(self, job: Job, request: Request) -> Iterator[SessionEvent]:
        """Keep of the last answer only what was heard, unless the session knew before the answer was over."""
        if job.heard_24k is not None and job.place_now is not None and not job.told:
            session = self._session_of(job)
            if job.place_now == len(session.path) - 1:
                session.played(session.path[-1], job.heard_24k)
                session.save(job.folder / "session")
        yield from ()

    def forget(self, job: Job, request: Request) -> Iterator[SessionEvent]:
        """Take a turn out of the model's memory; its sound, if that was written since the turn is gone, goes too."""
        job.sound.unlink(missing_ok=True)
        place = job.place_now
        if place is not None and place < len((session := self._session_of(job)).path):
            session.forget([session.path[place]])
            session.save(job.folder / "session")
        yield from ()

    def forget_from(self, job: Job, request: Request) -> Iterator[SessionEvent]:
        """Take a turn and all that came after it out of the model's memory."""
        session = self._session_of(job)
        if job.place is not None and job.place < len(session.path):
            session.forget(session.path[job.place :])
            session.save(job.folder / "session")
        yield from ()

    def leave(self, conversation: str, folder: Path) -> Iterator[SessionEvent]:
        """Forget a conversation that is being deleted, with what was written of it meanwhile."""
        shutil.rmtree(folder, ignore_errors=True)
        if self._conversation == conversation:
            self._session, self._conversation = None, ""
        yield from ()

    def _handed_out(
        self, events: Iterator[SessionEvent], sink: Sink, made: list[Samples]
    ) -> Iterator[SessionEvent | Sounded]:
        start = 0
        for event in events:
            if not isinstance(event, Speech):
                yield event
                continue
            made.append(event.samples_24k)
            if not sink.write(event.samples_24k, event.buffer_s):
                return
            yield Sounded(start, len(event.samples_24k), event.text_start, event.text_end)
            start += len(event.samples_24k)
        sink.finish()

    def _keep(self, session: Session, job: Job, turn_id: str, made: list[Samples]) -> str:
        """Write down what was made so far; returns the sentence of what could not be written."""
        try:
            if job.heard_24k is not None:
                session.played(turn_id, job.heard_24k)
                job.told = True
            if made:
                write_wav(job.sound, np.concatenate(made), SPEECH_RATE_HZ)
            session.save(job.folder / "session")
        except StorageError as error:
            log.warning("a reply could not be saved")
            return str(error)
        return ""

    def _session_of(self, job: Job) -> Session:
        """The conversation's session: the one in use, the saved one, or a new one; told how to answer."""
        settings = self._settings(job.manner)
        if self._session is None or self._conversation != job.conversation:
            self._session = None
            saved = job.folder / "session"
            if saved.is_dir():
                try:
                    self._session = self.engine.session(settings=settings, saved=saved)
                except EngineError:
                    log.exception("a saved session cannot be used: the conversation goes on without its memory")
            if self._session is None:
                self._session = self.engine.session(settings=settings)
            self._conversation = job.conversation
        self._session.settings = settings
        return self._session

    def _settings(self, manner: Manner) -> Any:
        from engine.conversation.prompting.presets import preset
        from engine.conversation.replying.settings import SessionSettings
        from engine.conversation.replying.tools import ToolRegistry
        from engine.conversation.replying.tools.builtin import builtin_tools
        from engine.conversation.replying.tools.web_search import WebSearchSettings

        chosen = preset(manner.preset)
        search = WebSearchSettings() if "web_search" in manner.tools else None
        tools = [
            replace(tool, confirm=tool.confirm or tool.name in manner.ask_first)
            for tool in builtin_tools(self._timer_service, web_search=search)
            if tool.name in manner.tools
        ]
        return SessionSettings(
            persona=chosen.persona(manner.language),
            voice=self._voice(manner.voice) if manner.voice and self.engine.capabilities.speaks else None,
            tools=ToolRegistry([*tools, *manner.served]),
            remember_turns=chosen.remember_turns,
            own_voice=chosen.own_voice,
        )

    @property
    def _timer_service(self) -> Any:
        from engine.conversation.replying.tools.timers import TimerService

        if self._timers is None:
            self._timers = TimerService(lambda timer: self._ring(timer.label))
        return self._timers

    # Files.

    def transcribe(self, path: Path, journal: Path, resume: bool) -> Iterator[Any]:
        """Write down a sound file, step by step. Raises SoundError, StorageError, RequestError."""
        from engine.transcription import transcribe

        return transcribe(self.engine, path, journal=journal, resume=resume)

    # Voices.

    def hear_voice(self, name: str, sink: Sink) -> Iterator[SessionEvent]:
        """A few seconds of a voice: its own words, as this model speaks them."""
        voice = self._voice(name)
        samples = self.engine.speaking.synthesizer(voice)(voice.speech_tokens[:_SAMPLE_TOKENS])
        if sink.write(samples, 0.0):
            sink.finish()
        yield from ()

    @property
    def _library(self) -> Any:
        from engine.speaking import VoiceLibrary

        return VoiceLibrary(self._voices_folder)

    def _voice(self, name: str) -> Any:
        return self._library.find(self.engine.speaking, name)

    def add_voice(self, recording: Path, name: str) -> Iterator[VoicesKnown]:
        """Make a voice of a recording, or take in an exported one. Raises VoiceError, SoundError, StorageError."""
        if recording.suffix == ".voice":
            self._library.import_(recording, name or None)
        else:
            self._library.add(self._library.from_recording(self.engine.speaking, recording, name))
        yield self._voices_known()

    def remove_voice(self, name: str) -> Iterator[VoicesKnown]:
        """Delete a voice of the library."""
        self._library.remove(name)
        yield self._voices_known()

    def rename_voice(self, name: str, new_name: str) -> Iterator[VoicesKnown]:
        """Give a voice of the library another name."""
        self._library.rename(name, new_name)
        yield self._voices_known()

    def _voices_known(self) -> VoicesKnown:
        built_in = self.engine.speaking.voice_names() if self.engine.capabilities.speaks else ()
        return VoicesKnown(tuple(built_in), tuple(self._library.list()))


def _heard_at(session: Session, heard: Heard) -> HeardAt:
    return HeardAt(session.path.index(heard.turn), heard.text)


def _total_memory() -> int:
    from engine.checkpoints.memory import memory_budget

    return memory_budget().total
