"""The conversation: what the user wants comes in as commands, what happened goes out as signals."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app import utterance
from app.audio.devices import Device
from app.conversation import Conversation
from app.desk import Job, Manner, Placed, Sink, Trouble
from app.engine_thread import SOON, EngineThread, Request
from app.models import Models
from app.permission import Access, MicrophonePermission, open_privacy_settings
from app.replay import Replay
from app.reply import PlaySink, Reply, character_at, heard_part, word_at
from app.settings import Settings
from app.sound import SoundDevices
from app.states import Happening, after
from app.store import StoredTurn
from app.transcriber import Transcriber
from app.utterance import Utterance
from app.widgets.views import (
    ConversationView,
    DeviceView,
    ModelStatus,
    ModelView,
    Notice,
    NoticeAction,
    PresetView,
    State,
    ToolOffer,
    TurnState,
    TurnView,
    VoiceView,
    Welcome,
)
from app.worker import Worker
from engine.errors import EngineError, StorageError
from engine.events import ContextTrimmed, Heard, ReplyEnded, Samples, Thinking, Turn
from engine.resources import resource

log = logging.getLogger(__name__)

TAP_S = 0.3  # a shorter press latches
_TAIL_MS = 120  # the microphone is a little behind the key
_POLL_MS = 33
_LONGEST_S = 300.0
_CLOSING_S = 0.35
_BUSY = (State.THINKING, State.SPEAKING)


@dataclass(frozen=True)
class Parts:
    """What `main` builds and the controller joins."""

    settings: Settings
    conversation: Conversation
    thread: EngineThread
    models: Models
    sound: SoundDevices
    transcriber: Transcriber
    permission: MicrophonePermission
    disk: Worker
    presets: tuple[PresetView, ...]
    tools: tuple[ToolOffer, ...]
    apply_preset: Callable[[str], dict[str, Any]]
    diagnostics: Callable[[], str]


class Controller(QObject):
    """Lives on the GUI thread; no command waits for anything."""

    state_changed = Signal(State)
    model_changed = Signal(ModelStatus)
    notice_changed = Signal(Notice)
    level_changed = Signal(float)
    turns_reset = Signal()
    turn_changed = Signal(TurnView)
    turn_removed = Signal(int)
    conversation_changed = Signal(ConversationView)
    conversations_changed = Signal()
    welcome_changed = Signal(Welcome)
    attachment_changed = Signal(str)
    models_changed = Signal()
    voices_changed = Signal()
    presets_changed = Signal()
    devices_changed = Signal()
    voice_recording_changed = Signal(float)
    quit_requested = Signal()
    rang = Signal(str)  # a timer; may be emitted on any thread

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._settings, self._talk, self._sound = parts.settings, parts.conversation, parts.sound
        self._thread, self._models = parts.thread, parts.models
        self.transcriber = parts.transcriber
        self.state = State.IDLE
        self.notice = Notice()
        self.level = 0.0
        self.attachment = ""
        self._attached: Path | None = None
        self._help: Callable[[], None] = lambda: None
        self._reply: Reply | None = None
        self._replay: Replay | None = None
        self._replayed: int | None = None
        self._writing_down: Reply | None = None
        self._utterance: object | None = None  # identity of the recording that is being checked
        self._pressed_s = 0.0
        self._held = self._latched = False
        self._wants_microphone = False
        self._voice_name = ""
        self._connect()
        self._clock = QTimer(self, interval=_POLL_MS)
        self._clock.timeout.connect(self._on_clock)
        self._watch = QTimer(self, interval=1000)
        self._watch.timeout.connect(self._models.watch)

    def _connect(self) -> None:
        talk, models, sound = self._talk, self._models, self._sound
        talk.turns_reset.connect(self.turns_reset)
        talk.turn_changed.connect(self.turn_changed)
        talk.turn_removed.connect(self.turn_removed)
        talk.changed.connect(self.conversation_changed)
        talk.list_changed.connect(self.conversations_changed)
        talk.trouble.connect(lambda sentence: self._say(sentence, trouble=True))
        models.status_changed.connect(lambda _status: self.model_changed.emit(self.model))
        models.welcome_changed.connect(self.welcome_changed)
        models.models_changed.connect(self.models_changed)
        models.voices_changed.connect(self.voices_changed)
        models.lost.connect(self._on_engine_lost)
        sound.devices_changed.connect(self.devices_changed)
        sound.microphone_opened.connect(self._on_microphone_opened)
        sound.failed.connect(self._on_sound_failed)
        sound.input_lost.connect(self._on_input_lost)
        sound.output_lost.connect(self._on_output_lost)
        self._thread.happened.connect(self._on_event)
        self._thread.ended.connect(self._on_ended)
        self.transcriber.trouble.connect(lambda sentence: self._say(sentence, trouble=True))
        self.transcriber.play_wanted.connect(self._play_part)
        self.transcriber.silence_wanted.connect(self.stop)
        self._settings.changed.connect(self._on_setting)
        self.rang.connect(self._on_rang)

    def start(self) -> None:
        """Begin: load the model, open the sound, go on with interrupted transcriptions."""
        self._talk.expire()
        self._models.load_best()
        self._models.ready.connect(self.transcriber.resume)
        now = self._settings.now
        granted = now.microphone_explained and self._parts.permission.access() is Access.GRANTED
        self._sound.open(microphone=now.keep_warm and granted)
        self._clock.start()
        self._watch.start()

    def shutdown(self) -> bool:
        """Cancel, silence, join, save. False when the engine's thread had to be left behind."""
        self._clock.stop()
        self._watch.stop()
        self.stop()
        self.transcriber.close()
        self._sound.close(_CLOSING_S)
        self._parts.disk.close(0.1)
        ended = self._thread.close(_CLOSING_S)
        self._talk.expire()
        return ended

    # What there is to show.

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """The conversation in front."""
        return self._talk.turns

    @property
    def conversation(self) -> ConversationView:
        """Its name."""
        return self._talk.view

    @property
    def conversations(self) -> tuple[ConversationView, ...]:
        """All saved ones, or those found."""
        return self._talk.listed

    @property
    def model(self) -> ModelStatus:
        """How the model stands, and what leaves this machine."""
        network = [tool.title for tool in self.tools if tool.needs_network and tool.name in self._settings.now.tools]
        leaves = self.tr("{tools} may reach the network").format(tools=", ".join(network)) if network else ""
        return replace(self._models.status, leaves=leaves)

    @property
    def models(self) -> tuple[ModelView, ...]:
        """Installed models."""
        return self._models.listed

    @property
    def voices(self) -> tuple[VoiceView, ...]:
        """Voices to speak with."""
        return self._models.voices

    @property
    def presets(self) -> tuple[PresetView, ...]:
        """Who may answer."""
        return self._parts.presets

    @property
    def tools(self) -> tuple[ToolOffer, ...]:
        """Tools that can be offered."""
        return self._parts.tools

    @property
    def welcome(self) -> Welcome:
        """What an empty conversation says."""
        return self._models.welcome

    @property
    def inputs(self) -> tuple[DeviceView, ...]:
        """Microphones."""
        return _device_views(self._sound.inputs)

    @property
    def outputs(self) -> tuple[DeviceView, ...]:
        """Loudspeakers."""
        return _device_views(self._sound.outputs)

    # Talking.

    def press_talk(self) -> None:
        """Talk is held: silence what sounds and listen. While latched: it was said, answer."""
        self._pressed_s = time.monotonic()
        if self._latched and self._recording:
            self._finish_talk()
        elif not self._recording and self._may_listen():
            self._interrupt()
            self._held = True
            self._listen()

    def release_talk(self) -> None:
        """Talk is let go: answer, or go on listening if it was only tapped."""
        if not self._held:
            return
        self._held = False
        if time.monotonic() - self._pressed_s < TAP_S and self._recording:
            self._latched = True
        elif self._recording:
            self._finish_talk()

    def toggle_latch(self) -> None:
        """Start listening, or end it and answer."""
        if self._recording:
            self._finish_talk()
        elif self._may_listen():
            self._interrupt()
            self._latched = True
            self._listen()

    @property
    def _recording(self) -> bool:
        return self.state in (State.GETTING_READY, State.LISTENING) and self._utterance is None

    def _may_listen(self) -> bool:
        access = self._parts.permission.access()
        if access is Access.UNASKED:
            self.allow_microphone()
        elif access is Access.DENIED:
            self._say_refused()
        return access is Access.GRANTED

    def _say_refused(self) -> None:
        self._say(
            self.tr("Earshot may not use the microphone: allow it in the privacy settings."),
            trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
        )  # fmt: skip

    def _listen(self) -> None:
        self._say()
        if not self._settings.now.microphone_explained:
            self._settings.change(microphone_explained=True)
        self._happen(Happening.TALK_PRESSED)
        self._wants_microphone = True
        if self._sound.microphone.open:
            self._on_microphone_opened()
        else:
            self._sound.open(microphone=True)

    def _on_microphone_opened(self) -> None:
        microphone = self._sound.microphone
        if self._wants_microphone and not microphone.recording:
            microphone.start()
        if self.state is State.GETTING_READY and microphone.delivering:
            self._happen(Happening.SOUND_ARRIVED)

    def _finish_talk(self) -> None:
        token = self._utterance = object()
        self._latched = self._held = False
        QTimer.singleShot(_TAIL_MS, self, lambda: self._take_recording(token))

    def _take_recording(self, token: object, then: str = "") -> None:
        """The recording is complete: check it and write it down, off this thread."""
        if token is not self._utterance:
            return
        if self.state is State.GETTING_READY:
            self._drop_recording()
            self._happen(Happening.REFUSED)
            self._say(self.tr("The microphone gave no sound yet: try once more."))
            return
        samples = self._sound.microphone.stop()
        self._release_microphone()
        self._write_utterance(token, samples, then)

    def _write_utterance(self, token: object, samples: Samples, then: str = "") -> None:
        try:
            self._talk.begin()
        except StorageError as error:
            self._on_utterance(token, samples, then, None, error)
            return
        path = self._talk.folder / f"said-{time.time_ns()}.flac"
        attached = self._attached

        def task() -> tuple[Utterance | None, Samples | None]:
            said = utterance.kept(samples, path, checked=not then)
            return said, utterance.attachment(attached) if attached and said else None

        self._parts.disk.run(task, lambda done, error: self._on_utterance(token, samples, then, done, error))

    def _on_utterance(self, token: object, samples: Samples, then: str, done: Any, error: Exception | None) -> None:
        if token is not self._utterance:
            return
        if error is not None:
            self._happen(Happening.FAILED)
            self._say(
                self._sentence(error), trouble=True, action=NoticeAction.RETRY,
                help=lambda: self._write_again(samples, then),
            )  # fmt: skip
            return
        self._utterance = None
        said, attached = done
        if said is None:
            self._happen(Happening.REFUSED)
            self._say(self.tr("Nothing was heard: hold the button while you speak."))
            return
        view = TurnView(0, TurnState.WAITING, peaks=said.peaks, seconds=said.seconds)
        stored = StoredTurn(view, self.conversation.key, said.file)
        if then:
            view = replace(view, state=TurnState.FAILED, problem=then)
            self._talk.add(replace(stored, view=view))
            self._happen(Happening.REFUSED)
            return
        self._ask(stored, _joined(attached, said.samples_16k), "")

    def _write_again(self, samples: Samples, then: str) -> None:
        self._utterance = token = object()
        self._write_utterance(token, samples, then)

    def _drop_recording(self) -> None:
        self._utterance = None
        self._held = self._latched = False
        if self._sound.microphone.recording:
            self._sound.microphone.stop()
        self._release_microphone()

    def _release_microphone(self) -> None:
        self._wants_microphone = False
        if not self._settings.now.keep_warm:
            self._sound.close_microphone()

    # Asking.

    def ask_text(self, text: str) -> None:
        """Answer something typed."""
        if not text.strip():
            return
        self._interrupt()
        self._drop_recording()
        self._say()
        try:
            self._talk.begin()
        except StorageError as error:
            self._say(str(error), trouble=True)
        if self._attached is None:
            self._ask(StoredTurn(TurnView(0, TurnState.WAITING, text.strip()), self.conversation.key), None, text)
            return
        attached, path = self._attached, self._talk.folder / f"said-{time.time_ns()}.flac"
        token = self._utterance = object()
        self._happen(Happening.ASKED)
        self._parts.disk.run(
            lambda: utterance.kept(utterance.attachment(attached), path, checked=False),
            lambda said, error: self._on_attachment(token, text.strip(), said, error),
        )

    def _on_attachment(self, token: object, text: str, said: Utterance | None, error: Exception | None) -> None:
        if token is not self._utterance:
            return
        self._utterance = None
        if said is None:
            self._happen(Happening.FAILED)
            self._say(self._sentence(error), trouble=True)
            return
        view = TurnView(0, TurnState.WAITING, text, said.peaks, said.seconds)
        self._ask(StoredTurn(view, self.conversation.key, said.file), said.samples_16k, text)

    def _ask(self, stored: StoredTurn, samples_16k: Samples | None, text: str) -> None:
        stored = replace(stored, view=replace(stored.view, attachment=self.attachment))
        self.clear_attachment()
        self._submit(self._talk.add(stored), self._turn(samples_16k, text), None)

    def _turn(self, samples_16k: Samples | None, text: str) -> Turn:
        now, model = self._settings.now, self._models.status
        return Turn(
            samples_16k,
            text.strip(),
            spoken_answer=now.spoken_answers and (self._models.speaks or not model.ready),
            thinking=now.thinking,
            thinking_budget=now.thinking_budget,
            allow_tools=now.tools,
        )

    def _job(self, stored: StoredTurn, turn: Turn | None, sink: Sink) -> Job:
        now = self._settings.now
        name = f"answer-{stored.view.key}-{time.time_ns()}.wav"
        voice = now.voice if any(voice.key == now.voice for voice in self.voices) or not self.voices else ""
        language = "zh" if now.language.startswith("zh") else "en"
        manner = Manner(self.conversation.preset or now.preset, language, voice, now.tools)
        folder = self._talk.folder
        return Job(stored.conversation, folder, manner, turn, stored.place, folder / name, sink)

    def _submit(self, stored: StoredTurn, turn: Turn | None, place: int | None) -> None:
        """Have a turn answered; its older answer goes."""
        self._pause_writing_down()
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        job = self._job(replace(stored, place=place), turn, sink)
        request = Request("answer", lambda desk, request: desk.answer(job, request))
        sink.request = request
        self._reply = Reply(stored.view.key, job, request, began_s=time.monotonic())
        blank = TurnView(stored.view.key, TurnState.WAITING)
        kept = {name: getattr(stored.view, name) for name in ("text", "peaks", "seconds", "attachment", "speed")}
        self._talk.note(stored.view.key, spans=(), sound="")
        self._talk.show(stored.view.key, **{**_fields(blank), **kept})
        self._talk.keep(stored.view.key)
        self._happen(Happening.ASKED)
        self._thread.submit(request)

    def skip_thinking(self) -> None:
        """Speak now."""
        reply = self._reply
        if reply is not None and reply.request.on_skip is not None:
            reply.request.on_skip()

    def regenerate(self, key: int) -> None:
        """Answer a turn again; what came after it goes."""
        stored = self._talk.find(key)
        if stored is None:
            return
        if stored.place is None:
            self.try_again(key)
            return
        self._interrupt()
        self._talk.remove_after(key)
        self._submit(stored, None, stored.place)

    def edit_turn(self, key: int, text: str) -> None:
        """Ask something else instead; what came after it goes."""
        stored = self._talk.find(key)
        if stored is None or not text.strip():
            return
        self._interrupt()
        self._talk.remove_after(key)
        self._talk.note(key, recording="")
        self._talk.show(key, text=text.strip(), peaks=(), seconds=None)
        self._submit(stored if (new := self._talk.find(key)) is None else new, self._turn(None, text), stored.place)

    def try_again(self, key: int) -> None:
        """Ask a failed turn again, from its recording on disk; it becomes the newest turn."""
        stored = self._talk.find(key)
        if stored is None:
            return
        self._interrupt()
        self._say()
        if stored is not self._talk.stored[-1]:
            recording = replace(stored, recording="", sound="")
            self._talk.note(key, recording="", sound="")  # the files stay for the new turn
            self._talk.remove(key)
            stored = self._talk.add(replace(recording, recording=stored.recording, place=None))
        if not stored.recording:
            self._submit(stored, self._turn(None, stored.view.text), None)
            return
        token = self._utterance = object()
        self._happen(Happening.ASKED)
        path, text = self._talk.folder / stored.recording, stored.view.text if stored.view.attachment else ""
        self._parts.disk.run(
            lambda: utterance.attachment(path), lambda said, error: self._on_read(token, stored, text, said, error)
        )

    def _on_read(
        self, token: object, stored: StoredTurn, text: str, said: Samples | None, error: Exception | None
    ) -> None:
        if token is not self._utterance:
            return
        self._utterance = None
        if said is None:
            self._happen(Happening.FAILED)
            self._say(self._sentence(error), trouble=True)
        else:
            self._submit(stored, self._turn(said, text), None)

    def delete_turn(self, key: int) -> None:
        """Take a turn out of the conversation and the model's memory."""
        stored = self._talk.find(key)
        if stored is None:
            return
        if self._reply is not None and self._reply.key == key:
            self._interrupt()
        if stored.place is not None:
            self._submit_quietly("forget", stored, lambda job: lambda desk, request: desk.forget(job, request))
        self._talk.remove(key)

    def _submit_quietly(self, name: str, stored: StoredTurn, work: Callable[[Job], Any], priority: int = 0) -> Reply:
        """A request about a turn that sounds and shows nothing."""
        job = self._job(stored, None, _Silence())
        return Reply(stored.view.key, job, self._thread.submit(Request(name, work(job), priority)))

    # Playing again.

    def play_again(self, key: int, speed: float = 1.0) -> None:
        """Play an answer's sound, 0.8 to 1.5 times as fast."""
        stored = self._talk.find(key)
        if stored is None or not stored.sound:
            return
        self.stop()
        self._talk.show(key, state=TurnState.SPEAKING, speed=float(speed))
        self._start_replay(self._talk.folder / stored.sound, float(speed), key)

    def play_question(self, key: int) -> None:
        """Play what the user said."""
        stored = self._talk.find(key)
        if stored is not None and stored.recording:
            self.stop()
            self._start_replay(self._talk.folder / stored.recording)

    def _play_part(self, path: Path, first_s: float, last_s: float) -> None:
        if self.state in (State.IDLE, State.SPEAKING):
            self._interrupt()
            self._start_replay(path, part_s=(first_s, last_s))

    def _start_replay(
        self, path: Path, speed: float = 1.0, key: int | None = None, part_s: tuple[float, float] | None = None
    ) -> None:
        self._replay, self._replayed = Replay(self._sound.playback, path, speed, part_s), key
        self._replay.failed.connect(self._on_replay_failed)
        self._happen(Happening.REPLAYED)

    def _on_replay_failed(self, sentence: str) -> None:
        self.stop()
        self._say(sentence, trouble=True)

    def save_sound(self, key: int, path: Path) -> None:
        """Write an answer's sound to a file of the user's."""
        stored = self._talk.find(key)
        if stored is None or not stored.sound:
            return
        source = self._talk.folder / stored.sound

        def saved(_result: Any, error: Exception | None) -> None:
            self._say(self._sentence(error) if error else self.tr("Saved {name}.").format(name=path.name),
                      trouble=error is not None)  # fmt: skip

        self._parts.disk.run(lambda: utterance.copied(source, path), saved)

    def revoice(self, key: int, voice: str) -> None:
        """Speak an answer again in another voice."""
        stored = self._talk.find(key)
        if stored is None or stored.place is None:
            self._say(self.tr("This answer is not in the model's memory any more, so it cannot be spoken again."))
            return
        self.stop()
        self._pause_writing_down()
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        job = self._job(stored, None, sink)
        job.manner = replace(job.manner, voice=voice)
        sink.request = request = Request("speak again", lambda desk, request: desk.speak_again(job, request))
        self._reply = Reply(key, job, request, revoice=True, began_s=time.monotonic())
        self._happen(Happening.ASKED)
        self._thread.submit(request)

    def stop(self) -> None:
        """Stop whatever goes on."""
        self._interrupt()
        self._drop_recording()
        self.transcriber.show_playing(None)
        self._cancel_voice()
        self._happen(Happening.STOPPED)

    # What comes from the engine.

    def _on_event(self, request: Request, event: Any) -> None:
        if isinstance(event, Heard):
            self._on_heard(request, event)
            return
        reply = self._reply
        if reply is None or request is not reply.request:
            return
        if isinstance(event, Placed):
            self._talk.note(reply.key, place=event.place)
            return
        if isinstance(event, Trouble):
            self._say(event.sentence, trouble=True)
            return
        if isinstance(event, ContextTrimmed):
            self._say(self.tr("The conversation grew long: its oldest parts were left out of the model's memory."))
            return
        stored = self._talk.find(reply.key)
        if stored is not None:
            view = reply.take(stored.view, event, time.monotonic())
            self._talk.show(reply.key, **_fields(view))
        if isinstance(event, ReplyEnded):
            self._write_down_next()

    def _on_heard(self, request: Request, event: Heard) -> None:
        for mine in (self._reply, self._writing_down):
            if mine is not None and request is mine.request and mine.job.conversation == self.conversation.key:
                found = next((t for t in self._talk.stored if t.place == event.turn and t.recording), None)
                if found is not None and not found.view.text:
                    self._talk.show(found.view.key, text=event.text)
                    self._talk.keep(found.view.key)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if self._writing_down is not None and request is self._writing_down.request:
            self._writing_down = None
            if error is None:
                self._write_down_next()
            return
        reply = self._reply
        if reply is None or request is not reply.request:
            return
        if error is not None:
            self._fail(reply, self._sentence(error))
            return
        reply.over = True
        self._talk.note(reply.key, spans=tuple(reply.spans), **({"sound": reply.job.sound.name} if reply.spans else {}))
        if not reply.spans:
            self._settle(reply)
        self._write_down_next()

    def _fail(self, reply: Reply, sentence: str) -> None:
        self._reply = None
        self._sound.playback.stop()
        state, place = (TurnState.DONE, reply.job.place) if reply.revoice else (TurnState.FAILED, None)
        self._talk.note(reply.key, place=place)
        self._talk.show(reply.key, state=state, problem="" if reply.revoice else sentence, spoken=None)
        self._talk.keep(reply.key)
        self._happen(Happening.FAILED)
        again = (lambda: None) if reply.revoice else (lambda: self.try_again(reply.key))
        action = NoticeAction.NONE if reply.revoice else NoticeAction.RETRY
        self._say(sentence, trouble=True, action=action, help=again)

    def _settle(self, reply: Reply) -> None:
        """A reply is over and was heard to its end."""
        self._reply = None
        self._sound.playback.stop()
        self._talk.show(reply.key, state=TurnState.DONE, spoken=None)
        self._talk.keep(reply.key)
        self._happen(Happening.QUIET)
        self._write_down_next()

    def _interrupt(self) -> None:
        """Silence first, then end the reply: the model keeps what was heard."""
        heard = self._sound.playback.stop()
        if self._replay is not None:
            self._replay.cancel()
            if self._replayed is not None:
                self._talk.show(self._replayed, state=TurnState.DONE, spoken=None)
                self._talk.keep(self._replayed)
            self._replay = self._replayed = None
            self.transcriber.show_playing(None)
            return
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if reply.revoice:
            reply.request.cancel()
            self._talk.show(reply.key, state=TurnState.DONE, spoken=None)
            return
        reply.job.heard_24k = heard
        reply.request.cancel()
        self._show_interrupted(reply, heard)
        if reply.over:
            self._cut(reply, heard)

    def _cut(self, reply: Reply, heard: int) -> None:
        stored = self._talk.find(reply.key)
        if stored is not None and stored.place is not None:
            job = replace(reply.job, place=stored.place, heard_24k=heard)
            self._thread.submit(Request("cut", lambda desk, request: desk.cut(job, request)))

    def _show_interrupted(self, reply: Reply, heard: int) -> None:
        stored = self._talk.find(reply.key)
        if stored is None:
            return
        answer = stored.view.answer
        if reply.job.turn is None or reply.job.turn.spoken_answer:
            answer = heard_part(answer, character_at(reply.spans, reply.made_24k, heard)) if reply.spans else ""
        sound = reply.job.sound.name if reply.spans else ""
        self._talk.note(reply.key, spans=tuple(reply.spans), sound=sound)
        self._talk.show(reply.key, state=TurnState.INTERRUPTED, answer=answer, spoken=None)
        self._talk.keep(reply.key)

    def _on_engine_lost(self, sentence: str) -> None:
        if self._reply is not None and not self._reply.over:
            self._reply.request.cancel()
            self._fail(self._reply, sentence)
        self._say(sentence, trouble=True, action=NoticeAction.RETRY, help=self.retry_model)

    # Transcripts of what was said.

    def _write_down_next(self) -> None:
        """Have the newest spoken turn without a transcript written down, once the engine has time."""
        answering = self._reply is not None and not self._reply.over
        if self._writing_down is not None or answering:
            return
        for stored in reversed(self._talk.stored):
            view = stored.view
            if view.text or not stored.recording or stored.place is None or view.state is TurnState.FAILED:
                continue
            self._writing_down = self._submit_quietly(
                "write down", stored, lambda job: lambda desk, request: desk.write_down(job, request), SOON
            )
            return

    def _pause_writing_down(self) -> None:
        if self._writing_down is not None:
            self._writing_down.request.cancel()
            self._writing_down = None

    # Thirty times a second.

    def _on_clock(self) -> None:
        self._sound.poll()
        if self._wants_microphone:
            self._poll_microphone()
        if self._voice_name:
            self._poll_voice()
        self._poll_playback()
        playback, microphone = self._sound.playback, self._sound.microphone
        level = microphone.level if self.state is State.LISTENING else playback.level
        if level != self.level:
            self.level = level
            self.level_changed.emit(level)

    def _poll_microphone(self) -> None:
        microphone = self._sound.microphone
        if self.state is State.GETTING_READY and microphone.delivering:
            self._on_microphone_opened()
        if microphone.silent and not self.notice.text:
            self._say(
                self.tr("The microphone {name} gives only silence: allow it in the privacy settings, or unmute it.")
                .format(name=microphone.device),
                trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
            )  # fmt: skip
        if self._recording and microphone.recorded_s > _LONGEST_S:
            self._finish_talk()

    def _poll_playback(self) -> None:
        playback, reply = self._sound.playback, self._reply
        if reply is not None:
            if self.state is State.THINKING and playback.sounding:
                self._talk.show(reply.key, state=TurnState.SPEAKING)
                self._happen(Happening.SOUNDING)
            if self.state is State.SPEAKING:
                self._show_spoken(reply.key, reply.spans, reply.made_24k, playback.samples_played)
            if reply.over and playback.over:
                self._settle(reply)
        elif self._replay is not None and playback.over:
            self._interrupt()
            self._happen(Happening.QUIET)
        elif self._replay is not None and self._replayed is not None:
            stored = self._talk.find(self._replayed)
            if stored is not None:
                played = round(playback.samples_played * self._replay.speed)
                made = stored.spans[-1][0] + 1 if stored.spans else 0
                self._show_spoken(self._replayed, list(stored.spans), made, played)

    def _show_spoken(self, key: int, spans: list[tuple[int, int, int]], made_24k: int, played_24k: int) -> None:
        stored = self._talk.find(key)
        if stored is not None and spans:
            spoken = word_at(stored.view.answer, character_at(spans, made_24k, played_24k))
            self._talk.show(key, spoken=spoken)

    # Devices.

    def open_devices(self) -> None:
        """Open what is closed; for when the window comes to the front."""
        if self._clock.isActive():
            granted = self._settings.now.microphone_explained and self._parts.permission.access() is Access.GRANTED
            self._sound.open(microphone=self._settings.now.keep_warm and granted)

    def refresh_devices(self) -> None:
        """Look for devices anew, if nothing sounds and nobody speaks."""
        if self.state is State.IDLE and not self._voice_name:
            self._sound.refresh(microphone=self._sound.microphone.open)

    def _on_input_lost(self, name: str) -> None:
        sentence = self.tr("The microphone {name} went away.").format(name=name)
        if self._recording and self._sound.microphone.recorded_s > TAP_S:
            self._utterance = token = object()
            self._take_recording(token, sentence + " " + self.tr("What you said until then is kept: try again."))
        elif self._recording:
            self._drop_recording()
            self._happen(Happening.REFUSED)
        self._say(sentence + " " + self.tr("Earshot goes on with another one."), trouble=True)
        if self._settings.now.keep_warm:
            self._sound.open(microphone=True)

    def _on_output_lost(self, name: str) -> None:
        sentence = self.tr("The loudspeaker {name} went away: Earshot goes on with another one.")
        self._say(sentence.format(name=name), trouble=True)

    def _on_sound_failed(self, sentence: str) -> None:
        if self._recording and not self._sound.microphone.open:
            self._drop_recording()
            self._happen(Happening.REFUSED)
        self._say(sentence, trouble=True)

    def allow_microphone(self) -> None:
        """Ask the system for the microphone."""
        self._settings.change(microphone_explained=True)
        self.welcome_changed.emit(self.welcome)
        permission = self._parts.permission

        def answered() -> None:
            if permission.access() is Access.GRANTED:
                self._sound.open(microphone=self._settings.now.keep_warm)
            else:
                self._say_refused()

        if permission.access() is Access.UNASKED:
            permission.ask(answered)
        else:
            answered()

    # Notices.

    def _on_rang(self, label: str) -> None:
        name = self.tr("Timer “{label}”").format(label=label) if label else self.tr("The timer")
        self._say(self.tr("{name} rings.").format(name=name))
        if self.state is State.IDLE:
            self._start_replay(resource("sounds", "timer.wav"))

    def _say(
        self,
        text: str = "",
        *,
        trouble: bool = False,
        action: NoticeAction = NoticeAction.NONE,
        help: Callable[[], None] = lambda: None,
    ) -> None:
        self._help = help
        notice = Notice(text, trouble, action)
        if notice != self.notice:
            self.notice = notice
            self.notice_changed.emit(notice)

    def act_on_notice(self) -> None:
        """Do what the notice offers."""
        help = self._help
        self._say()
        help()

    def _sentence(self, error: BaseException | None) -> str:
        if isinstance(error, EngineError):
            return str(error)
        log.error("unexpected", exc_info=error)
        return self.tr("Something went wrong inside Earshot. Nothing you said is lost; the log says more.")

    def _happen(self, happening: Happening) -> None:
        state = after(self.state, happening)
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    # Conversations.

    def new_conversation(self) -> None:
        """Begin anew."""
        self.stop()
        self._pause_writing_down()
        self.clear_attachment()
        self._say()
        self._talk.new()

    def open_conversation(self, key: str) -> None:
        """Show a saved one."""
        if key != self.conversation.key:
            self.stop()
            self._pause_writing_down()
            self._say()
            self._talk.open(key)
            if self.conversation.preset:
                self._settings.change(preset=self.conversation.preset)

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        self._talk.rename(key, title)

    def delete_conversation(self, key: str) -> None:
        """Remove a conversation."""
        if key == self.conversation.key:
            self.stop()
            self._pause_writing_down()
        self._thread.submit(Request("leave", lambda desk, request: desk.leave(key)))
        self._talk.delete(key)

    def search(self, query: str) -> None:
        """List the conversations in which this was said."""
        self._talk.search(query)

    def attach(self, path: Path) -> None:
        """The next question is about this recording."""
        self._attached, self.attachment = path, path.name
        self.attachment_changed.emit(self.attachment)

    def ask_recording(self, key: str) -> None:
        """Talk about a file of the transcribe page, in a new conversation."""
        path = self.transcriber.path(key)
        if path is not None:
            self.new_conversation()
            self.attach(path)

    def clear_attachment(self) -> None:
        """The next question stands for itself."""
        if self._attached is not None:
            self._attached, self.attachment = None, ""
            self.attachment_changed.emit("")

    # Choices.

    def set_thinking(self, thinking: Thinking) -> None:
        """Whether to reason before answering."""
        self._settings.change(thinking=thinking)

    def set_spoken_answers(self, spoken: bool) -> None:
        """Whether answers are spoken."""
        self._settings.change(spoken_answers=spoken)

    def set_voice(self, name: str) -> None:
        """Who speaks."""
        self._settings.change(voice=name)

    def set_preset(self, name: str) -> None:
        """Who answers, and how: the preset's own choices become the settings."""
        network = {tool.name for tool in self.tools if tool.needs_network}
        kept = tuple(tool for tool in self._settings.now.tools if tool in network)
        choices = self._parts.apply_preset(name)
        choices["tools"] = (*(tool for tool in choices.get("tools", ()) if tool not in network), *kept)
        self._settings.change(preset=name, **choices)
        self._talk.set_preset(name)

    def set_tools(self, names: tuple[str, ...]) -> None:
        """Which tools are offered to the model."""
        self._settings.change(tools=names)
        self.model_changed.emit(self.model)

    def _on_setting(self, name: str) -> None:
        if name in ("retention", "retention_days"):
            if not self._talk.turns:
                self._talk.expire()
        elif name == "keep_warm" and self.state is State.IDLE:
            if self._settings.now.keep_warm:
                self._sound.open(microphone=self._parts.permission.access() is Access.GRANTED)
            else:
                self._sound.close_microphone()

    def switch_model(self, folder: str, insist: bool = False) -> None:
        """Use another model; the conversation goes on."""
        self.stop()
        self._pause_writing_down()
        self._models.load(Path(folder), insist)

    def retry_model(self) -> None:
        """Load the model again, with a new engine if the old one hangs."""
        self._say()
        self._models.retry()

    # Voices.

    def record_voice(self, name: str) -> None:
        """Record five seconds for a new voice."""
        if self._may_listen():
            self.stop()
            self._voice_name = name
            self._wants_microphone = True
            if self._sound.microphone.open:
                self._on_microphone_opened()
            else:
                self._sound.open(microphone=True)
            self.voice_recording_changed.emit(0.0)

    def _poll_voice(self) -> None:
        seconds = self._sound.microphone.recorded_s
        self.voice_recording_changed.emit(min(seconds / utterance.VOICE_S, 1.0))
        if seconds >= utterance.VOICE_S:
            name, self._voice_name = self._voice_name, ""
            samples = self._sound.microphone.stop()
            self._release_microphone()
            self.voice_recording_changed.emit(-1.0)
            path = self.transcriber.folder / "voice.flac"

            def written(said: Utterance | None, error: Exception | None) -> None:
                if said is not None:
                    self._add_voice(path, name)
                else:
                    self._say(self._sentence(error) if error else self.tr("Nothing was heard: record once more."))

            self._parts.disk.run(lambda: utterance.kept(samples, path), written)

    def cancel_voice_recording(self) -> None:
        """Record no voice after all."""
        self._cancel_voice()

    def _cancel_voice(self) -> None:
        if self._voice_name:
            self._voice_name = ""
            self._drop_recording()
            self.voice_recording_changed.emit(-1.0)

    def import_voice(self, path: Path, name: str) -> None:
        """Make a voice of a recording."""
        self._add_voice(path, name)

    def _add_voice(self, path: Path, name: str) -> None:
        self._change_voices("add voice", lambda desk, request: desk.add_voice(path, name))

    def hear_voice(self, name: str) -> None:
        """Let a voice say a few words."""
        self.stop()
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        self._change_voices("hear voice", lambda desk, request: desk.hear_voice(name, sink))

    def remove_voice(self, name: str) -> None:
        """Delete a voice."""
        self._change_voices("remove voice", lambda desk, request: desk.remove_voice(name))

    def rename_voice(self, name: str, new_name: str) -> None:
        """Give a voice another name."""
        self._change_voices("rename voice", lambda desk, request: desk.rename_voice(name, new_name))

    def _change_voices(self, name: str, work: Any) -> None:
        request = Request(name, work)

        def ended(which: Request, error: BaseException | None) -> None:
            if which is request:
                self._thread.ended.disconnect(ended)
                if error is not None:
                    self._say(self._sentence(error), trouble=True)

        self._thread.ended.connect(ended)
        self._thread.submit(request)

    def diagnostics(self) -> str:
        """Versions, devices and errors, without anything that was said."""
        return self._parts.diagnostics()

    def quit(self) -> None:
        """End the app."""
        self.quit_requested.emit()


class _Silence:
    def write(self, samples_24k: Samples, hold_s: float) -> bool:
        return True

    def finish(self) -> None:
        pass


def _device_views(devices: tuple[Device, ...]) -> tuple[DeviceView, ...]:
    return tuple(DeviceView(device.name, device.name) for device in devices)


def _joined(attached: Samples | None, said: Samples) -> Samples:
    if attached is None:
        return said
    return np.concatenate([attached, np.zeros(8000, np.float32), said])


def _fields(view: TurnView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in TurnView.__dataclass_fields__ if name != "key"}
