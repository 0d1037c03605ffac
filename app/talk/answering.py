"""How a turn is answered: handed to the engine, shown as it comes, settled when it was heard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.audio import recording_files
from app.engine_side.desk import HeardAt, Job, Manner, Placed, Sink, Trouble
from app.engine_side.engine_thread import SOON, Request
from app.shown import Notice, NoticeAction, State, TurnState
from app.talk.confirmation import Confirmation
from app.talk.parts import Parts
from app.talk.reply import PlaySink, Reply, Silence, arguments_in_words, character_at, heard_part, word_at
from app.talk.states import Happening, after
from app.talk.stored_turn import StoredTurn
from engine.errors import EngineError
from engine.events import ContextTrimmed, ReplyEnded, Samples, ToolCall, Turn, new_turn_id

log = logging.getLogger(__name__)

_OF_THE_QUESTION = ("text", "peaks", "seconds", "attachment", "speed", "recording", "place")


class Answering(QObject):
    """The lowest layer of the controller: the state, the notice, and replies on their way."""

    state_changed = Signal(State)
    notice_changed = Signal(Notice)
    confirmation_wanted = Signal(Confirmation)  # emitted on the engine's thread
    confirmation_over = Signal(Confirmation)  # likewise

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._settings, self._talk, self._sound = parts.settings, parts.conversation, parts.sound
        self._thread, self._models = parts.thread, parts.models
        self.transcriber = parts.transcriber
        self.tool_servers = parts.servers
        self.state = State.IDLE
        self.notice = Notice()
        self._help: Callable[[], None] = lambda: None
        self._reply: Reply | None = None
        self._writing_down: Reply | None = None
        self._written_down: set[str] = set()  # keys of turns; one in which no words were found is not tried again
        self._pending: object | None = None  # identity of what is being read or written before it can be asked
        self._confirmation: Confirmation | None = None
        self._said_meanwhile: tuple[Notice, Callable[[], None]] = self.notice, self._help  # while a question stands
        self._server_notice = Notice()
        self.confirmation_wanted.connect(self._on_confirmation)
        self.confirmation_over.connect(self._on_confirmation_over)
        parts.servers.trouble.connect(self._on_server_trouble)
        parts.models.lost.connect(self._on_engine_lost)
        parts.thread.happened.connect(self._on_event)
        parts.thread.ended.connect(self._on_ended)

    def _turn(self, samples_16k: Samples | None, text: str) -> Turn:
        now, model = self._settings.now, self._models.status
        return Turn(
            samples_16k,
            text.strip(),
            spoken_answer=now.spoken_answers and (self._models.can_speak or not model.ready),
            thinking=now.thinking,
            thinking_budget=now.thinking_budget,
            allow_tools=(*now.tools, *(tool.name for tool in self.tool_servers.tools)),
        )

    def _job(self, stored: StoredTurn, turn: Turn | None, sink: Sink) -> Job:
        now = self._settings.now
        name = f"answer-{stored.id}-{time.time_ns()}.wav"
        voice = (
            now.voice if any(voice.key == now.voice for voice in self._models.voices) or not self._models.voices else ""
        )
        language = "zh" if now.language.startswith("zh") else "en"
        preset, served = self._talk.view.preset or now.preset, self.tool_servers.tools
        manner = Manner(preset, language, voice, now.tools, now.ask_first, served)
        folder = self._talk.folder
        return Job(stored.conversation, folder, manner, turn, stored.place, folder / name, sink)

    def _submit(self, stored: StoredTurn, turn: Turn | None, place: int | None) -> None:
        """Have a turn answered; its older answer goes."""
        self._pause_writing_down()
        self._sound.open(microphone=False)
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        job = self._job(replace(stored, place=place), turn, sink)
        request = Request("answer", lambda desk, request: desk.answer(job, request))
        sink.request = request
        spoken = turn.spoken_answer if turn is not None else bool(stored.sound)
        self._reply = Reply(stored.id, job, request, spoken=spoken, began_s=time.monotonic())
        self._talk.give_files(stored.id, sound="")
        now = self._talk.find(stored.id) or stored
        kept = {name: getattr(now, name) for name in _OF_THE_QUESTION}
        self._talk.put(StoredTurn(stored.id, stored.conversation, TurnState.WAITING, **kept))
        self._talk.keep(stored.id)
        self._happen(Happening.ASKED)
        self._thread.submit(request)

    def skip_thinking(self) -> None:
        """Speak now."""
        reply = self._reply
        if reply is not None and reply.request.on_skip is not None:
            reply.request.on_skip()

    def regenerate(self, key: str) -> None:
        """Answer a turn again; what came after it goes."""
        stored = self._talk.find(key)
        if stored is None:
            return
        if stored.place is None:
            self.try_again(key)
            return
        self.stop()
        self._forget(self._talk.after(key))
        self._talk.remove_after(key)
        self._submit(stored, None, stored.place)

    def edit_turn(self, key: str, text: str) -> None:
        """Ask something else instead; what came after it goes."""
        stored = self._talk.find(key)
        if stored is None or not text.strip():
            return
        self.stop()
        self._forget([stored, *self._talk.after(key)])
        self._talk.remove_after(key)
        self._talk.give_files(key, recording="")
        self._talk.show(key, place=None, text=text.strip(), peaks=(), seconds=None)
        self._submit(self._talk.find(key) or stored, self._turn(None, text), None)

    def _forget(self, turns: Sequence[StoredTurn]) -> None:
        """Whatever becomes of the answer that is asked for next: the model's memory ends where the window does."""
        remembered = [turn for turn in turns if turn.place is not None]
        if remembered:
            job = self._job(remembered[0], None, Silence())
            self._thread.submit(Request("forget", lambda desk, request: desk.forget_from(job, request), settles=True))

    def try_again(self, key: str) -> None:
        """Ask a failed turn again, from its recording on disk; it becomes the newest turn."""
        stored = self._talk.find(key)
        if stored is None:
            return
        self.stop()
        self._say()
        if stored is not self._talk.stored[-1]:
            self._talk.remove(key)
            stored = self._talk.add(replace(stored, id=new_turn_id(), sound="", place=None))
        if not stored.recording:
            self._submit(stored, self._turn(None, stored.text), None)
            return
        self._pending = stored
        self._happen(Happening.ASKED)
        path, text = self._talk.folder / stored.recording, stored.text if stored.attachment else ""
        self._parts.disk.run(
            lambda: recording_files.attachment(path), lambda said, error: self._on_read(stored, text, said, error)
        )

    def _on_read(self, stored: StoredTurn, text: str, said: Samples | None, error: Exception | None) -> None:
        if stored is not self._pending:
            return
        self._pending = None
        if said is None:
            self._happen(Happening.FAILED)
            self._say(self._sentence(error), trouble=True)
        else:
            self._submit(stored, self._turn(said, text), None)

    def delete_turn(self, key: str) -> None:
        """Take a turn out of the conversation and the model's memory."""
        stored = self._talk.find(key)
        if stored is None:
            return
        reply, job = self._reply, self._job(stored, None, Silence())
        if reply is not None and reply.key == key:  # where it stands may be known to the engine only
            job = reply.job if stored.place is None else replace(job, sound=reply.job.sound)
        if self._is_about(stored):
            self.stop()
        self._pause_writing_down()  # it knows its turn by a place that may change now
        self._thread.submit(Request("forget", lambda desk, request: desk.forget(job, request), settles=True))
        later = [turn.id for turn in self._talk.after(key)]
        if stored.place is not None and self._reply is not None and self._reply.key in later:
            self._reply.job.gone_before += 1
        self._talk.remove(key)
        self._write_down_next()

    def _is_about(self, stored: StoredTurn) -> bool:
        """Whether a turn is what goes on: it is being answered, or read to be."""
        reading = isinstance(self._pending, StoredTurn) and self._pending.id == stored.id
        return reading or (self._reply is not None and self._reply.key == stored.id)

    def _on_event(self, request: Request, event: Any) -> None:
        if isinstance(event, HeardAt):
            self._on_heard(request, event)
            return
        reply = self._reply
        if reply is None or request is not reply.request:
            return
        if isinstance(event, Placed):
            self._talk.show(reply.key, place=event.place - reply.job.gone_before)
            return
        if isinstance(event, Trouble):
            self._say(event.sentence, trouble=True)
            return
        if isinstance(event, ContextTrimmed):
            self._say(self.tr("The conversation grew long: its oldest parts were left out of the model's memory."))
            return
        stored = self._talk.find(reply.key)
        if stored is not None:
            self._talk.put(reply.take(stored, event, time.monotonic()))
        if isinstance(event, ReplyEnded):
            self._write_down_next()

    def _on_heard(self, request: Request, event: HeardAt) -> None:
        for mine in (self._reply, self._writing_down):
            if mine is not None and request is mine.request and mine.job.conversation == self._talk.view.key:
                found = next((t for t in self._talk.stored if t.place == event.place and t.recording), None)
                if found is not None and not found.text:
                    self._talk.show(found.id, text=event.text)
                    self._talk.keep(found.id)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if self._writing_down is not None and request is self._writing_down.request:
            written, self._writing_down = self._writing_down, None
            if error is None:
                self._written_down.add(written.key)
                self._write_down_next()
            return
        reply = self._reply
        if reply is None or request is not reply.request:
            return
        if error is not None:
            self._fail(reply, self._sentence(error))
            return
        reply.over = True
        self._talk.show(reply.key, spans=tuple(reply.spans))
        if reply.spans:
            self._talk.give_files(reply.key, sound=reply.job.sound.name)
        if not reply.spans:
            self._settle(reply)
        self._write_down_next()

    def _fail(self, reply: Reply, sentence: str) -> None:
        self._reply = None
        self._sound.playback.stop()
        state, place = (TurnState.DONE, reply.job.place) if reply.revoice else (TurnState.FAILED, None)
        if not reply.revoice:
            self._talk.show(reply.key, spans=())
        self._talk.show(reply.key, place=place, state=state, problem="" if reply.revoice else sentence, spoken=None)
        self._talk.keep(reply.key)
        self._happen(Happening.FAILED)
        if reply.revoice:  # any other failure is told in the turn itself, with a way to try again
            self._say(sentence, trouble=True)

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
        self.refuse_tool()
        heard = self._sound.playback.stop()
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if reply.revoice:
            reply.request.cancel()
            self._talk.show(reply.key, state=TurnState.DONE, spoken=None)
            self._talk.keep(reply.key)  # with its new sound, if that was complete: the older one is gone then
            return
        reply.job.heard_24k = heard
        reply.request.cancel()
        self._show_interrupted(reply, heard)
        job = reply.job  # the answer may have been complete before it could be cancelled
        self._thread.submit(Request("cut", lambda desk, request: desk.cut(job, request), settles=True))
        self._write_down_next()

    def _show_interrupted(self, reply: Reply, heard: int) -> None:
        stored = self._talk.find(reply.key)
        if stored is None:
            return
        answer = stored.answer
        if reply.spoken:
            answer = heard_part(answer, character_at(reply.spans, reply.made_24k, heard)) if reply.spans else ""
        sound = reply.job.sound.name if reply.spans else ""
        self._talk.show(
            reply.key, state=TurnState.INTERRUPTED, answer=answer, spoken=None, spans=tuple(reply.spans), sound=sound
        )
        self._talk.keep(reply.key)

    def _on_engine_lost(self, sentence: str) -> None:
        if self._reply is not None and not self._reply.over:
            self._reply.request.cancel()
            self._fail(self._reply, self.tr("The model stopped before the answer was complete."))
        self._say(sentence, trouble=True, action=NoticeAction.RETRY, help=self.retry_model)

    def _on_server_trouble(self, sentence: str) -> None:
        """Said where nothing else is, and no longer than it is true."""
        if self.notice == self._server_notice or not self.notice.text:
            self._say(sentence)
            self._server_notice = self.notice

    def _write_down_next(self) -> None:
        """Have the newest spoken turn without a transcript written down, once the engine has time."""
        answering = self._reply is not None and not self._reply.over
        if self._writing_down is not None or answering:
            return
        stored = next(filter(self._lacks_transcript, reversed(self._talk.stored)), None)
        if stored is not None:
            job = self._job(stored, None, Silence())
            request = Request("write down", lambda desk, request: desk.write_down(job, request), SOON)
            self._writing_down = Reply(stored.id, job, self._thread.submit(request))

    def _lacks_transcript(self, stored: StoredTurn) -> bool:
        """Whether it was spoken, can be written down and was not."""
        can_be = bool(stored.recording) and stored.place is not None and stored.state is not TurnState.FAILED
        return can_be and not stored.text and stored.id not in self._written_down

    def _pause_writing_down(self) -> None:
        if self._writing_down is not None:
            self._writing_down.request.cancel()
            self._writing_down = None

    def _poll_playback(self) -> None:
        playback, reply = self._sound.playback, self._reply
        if reply is not None:
            if self.state is State.THINKING and playback.sounding:
                self._happen(Happening.SOUNDING)  # first: a turn that speaks while it is thinking would be said twice
                self._talk.show(reply.key, state=TurnState.SPEAKING)
            if self.state is State.SPEAKING:
                self._show_spoken(reply.key, reply.spans, reply.made_24k, playback.samples_played)
            if reply.over and playback.over:
                self._settle(reply)

    def _show_spoken(self, key: str, spans: list[tuple[int, int, int]], made_24k: int, played_24k: int) -> None:
        stored = self._talk.find(key)
        if stored is not None and spans:
            spoken = word_at(stored.answer, character_at(spans, made_24k, played_24k))
            self._talk.show(key, spoken=spoken)

    def confirm(self, call: ToolCall, request: Request) -> bool:
        """Ask the user whether a request may use a tool. Runs on the engine's thread and waits there."""
        confirmation = Confirmation(call, request)
        self.confirmation_wanted.emit(confirmation)
        allowed = confirmation.wait(self._thread.beat)
        self.confirmation_over.emit(confirmation)
        return allowed

    def _on_confirmation(self, confirmation: Confirmation) -> None:
        if self._reply is None or confirmation.request is not self._reply.request:
            # stopped while the question was on its way
            confirmation.answer(False)
            return
        call, self._said_meanwhile = confirmation.call, (self.notice, self._help)
        title = self.tool_titles.get(call.name, call.name)
        words = self.tr("Earshot wants to use {tool}: {arguments}")
        self._say(
            words.format(tool=title, arguments=arguments_in_words(call.arguments)),
            action=NoticeAction.ALLOW,
            help=lambda: confirmation.answer(True),
        )
        self._confirmation = confirmation

    @property
    def tool_titles(self) -> dict[str, str]:
        """What the tools are called in the window, by name."""
        return {tool.name: tool.title for tool in self._parts.tools} | self.tool_servers.titles

    def _on_confirmation_over(self, confirmation: Confirmation) -> None:
        """Answered, or not answered for too long: nothing is asked any more."""
        if confirmation is self._confirmation:
            self._confirmation = None
            self._show_notice(*self._said_meanwhile)

    def refuse_tool(self) -> None:
        """Do not allow what is asked for; the model is told so and goes on."""
        if self._confirmation is not None:
            self._confirmation.answer(False)
            self._on_confirmation_over(self._confirmation)

    def _change_voices(self, name: str, work: Any, then: Callable[[], None] = lambda: None) -> None:
        request = Request(name, work)

        def ended(which: Request, error: BaseException | None) -> None:
            if which is request:
                self._thread.ended.disconnect(ended)
                then()
                if error is not None:
                    self._say(self._sentence(error), trouble=True)

        self._thread.ended.connect(ended)
        self._thread.submit(request)

    def _say(
        self,
        text: str = "",
        *,
        trouble: bool = False,
        action: NoticeAction = NoticeAction.NONE,
        help: Callable[[], None] = lambda: None,
    ) -> None:
        notice = Notice(text, trouble, action)
        if self._confirmation is None:
            self._show_notice(notice, help)
        elif text:  # it waits for the question to be answered: without its words nobody could
            self._said_meanwhile = notice, help

    def _show_notice(self, notice: Notice, help: Callable[[], None]) -> None:
        self._help = help
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

    def retry_model(self) -> None:
        """Load the model again, with a new engine if the old one hangs."""
        self._say()
        self._pause_writing_down()
        if self._reply is not None and not self._reply.over:  # asked of the engine that is given up
            self._reply.request.cancel()
            self._fail(self._reply, self.tr("The model stopped before the answer was complete."))
        self._models.retry()

    def stop(self) -> None:
        """Stop whatever goes on."""
        self._interrupt()
        self._happen(Happening.STOPPED)
