"""How a turn is answered: handed to the engine, shown as it comes, settled when it was heard."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.audio.sound_devices import SoundDevices
from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import Request
from app.engine_side.sinks import PlaybackSink
from app.engine_side.turns import Trouble
from app.shown.talk import State, ToolState, TurnState
from app.talk.answer import Answer
from app.talk.confirmations import Confirmations
from app.talk.conversation import Conversation
from app.talk.notices import Notices, explain
from app.talk.spoken_words import character_at, heard_part
from app.talk.state_machine import StateMachine
from app.talk.states import Happening
from app.talk.stored_turn import StoredTurn
from app.talk.turn_tasks import TurnTasks
from engine.events import ContextTrimmed, Heard, ReplyEnded, Samples, ToolCall

_OF_THE_QUESTION = ("text", "peaks", "seconds", "attachment", "speed", "recording")


class Answerer(QObject):
    """One answer at a time."""

    beginning = Signal(str)  # the engine is needed for the answer of this turn
    engine_free = Signal()  # it is done with one

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        conversation: Conversation,
        tasks: TurnTasks,
        thread: EngineThread,
        sound: SoundDevices,
        confirmations: Confirmations,
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._conversation = machine, notices, conversation
        self._tasks, self._thread, self._sound = tasks, thread, sound
        self._confirmations = confirmations
        self.answer: Answer | None = None
        machine.silencing.connect(self.interrupt)
        conversation.branch_changed.connect(self.make_agree)
        confirmations.asked.connect(lambda call: self._show_asking(call, ToolState.ASKING))
        confirmations.answered.connect(lambda call: self._show_asking(call, ToolState.RUNNING))
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    @property
    def waits_for_engine(self) -> bool:
        """Whether the engine is still at work for an answer."""
        return self.answer is not None and not self.answer.over

    @property
    def only_writes(self) -> bool:
        """Whether the engine is at work for an answer that nobody will hear."""
        return self.answer is not None and not (self.answer.over or self.answer.spoken)

    def is_about(self, id: str) -> bool:
        """Whether this turn is being answered."""
        return self.answer is not None and self.answer.id == id

    def ask(self, stored: StoredTurn, samples_16k: Samples | None = None, same_as: str = "") -> None:
        """Have the newest turn answered; an older answer of it goes. `same_as` is a version with the same recording."""
        sink, turn = self._new_sink(), self._tasks.turn(stored, samples_16k)
        self._conversation.give_files(stored.id, sound="")
        kept = {name: getattr(stored, name) for name in _OF_THE_QUESTION}
        self._conversation.put(StoredTurn(stored.id, stored.conversation, TurnState.WAITING, **kept))
        self._conversation.keep(stored.id)
        task = self._tasks.task(stored, sink, turn, same_as=same_as)
        request = Request("answer", lambda work, request: work.turns.answer(task, request))
        self._begin(Answer(stored.id, task, request, spoken=turn.spoken_answer, began_s=time.monotonic()), sink)

    def speak_again(self, stored: StoredTurn, voice: str) -> None:
        """Speak an answer once more, in another voice."""
        sink = self._new_sink()
        task = self._tasks.task(stored, sink, voice=voice)
        request = Request("speak again", lambda work, request: work.turns.speak_again(task, request))
        self._begin(Answer(stored.id, task, request, spoken_again=True, began_s=time.monotonic()), sink)

    def _new_sink(self) -> PlaybackSink:
        self._sound.open(microphone=False)
        return PlaybackSink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)

    def _begin(self, answer: Answer, sink: PlaybackSink) -> None:
        self.beginning.emit(answer.id)
        sink.request = answer.request
        self.answer = answer
        self._machine.happen(Happening.ASKED)
        self._thread.submit(answer.request)

    def skip_thinking(self) -> None:
        """Speak now."""
        if self.answer is not None and self.answer.request.on_skip is not None:
            self.answer.request.on_skip()

    def interrupt(self) -> None:
        """Silence first, then end the answer: the model keeps what was heard."""
        if self.answer is not None:
            self._thread.catch_up()
        if self.answer is None:
            return
        self._confirmations.answer(False)
        answer, self.answer = self.answer, None
        heard = self._sound.playback.stop()
        if answer.spoken_again:
            answer.request.cancel()
            self._conversation.show(answer.id, state=TurnState.DONE, spoken=None)
            self._conversation.keep(answer.id)  # with its new sound, if that was complete: the older one is gone then
            return
        answer.task.heard_24k = heard
        answer.request.cancel()
        self._show_interrupted(answer, heard)
        self.make_agree()  # the answer may have been complete before it could be cancelled
        self.engine_free.emit()

    def _show_interrupted(self, answer: Answer, heard: int) -> None:
        stored = self._conversation.find(answer.id)
        if stored is None:
            return
        whole = text = stored.answer
        if answer.spoken:
            text = heard_part(text, character_at(answer.spans, answer.made_24k, heard)) if answer.spans else ""
        sound = answer.task.sound.name if answer.spans else ""
        unfinished = (ToolState.RUNNING, ToolState.ASKING)
        tools = tuple(
            replace(each, state=ToolState.FAILED) if each.state in unfinished else each for each in stored.tools
        )
        self._conversation.show(
            answer.id, state=TurnState.INTERRUPTED, answer=text, unspoken=whole[len(text) :], spoken=None,
            spans=tuple(answer.spans), tools=tools, sound=sound, heard_24k=heard if answer.spoken else None,
        )  # fmt: skip
        self._conversation.keep(answer.id)

    def _show_asking(self, call: ToolCall, state: ToolState) -> None:
        answer = self.answer
        stored = self._conversation.find(answer.id) if answer is not None else None
        if answer is not None and stored is not None and call.id in answer.tool_ids:
            self._conversation.put(answer.with_tool_state(stored, call.id, state))

    def make_agree(self) -> None:
        """Have the model's memory agree with the conversation: at once if it is idle, else when it is."""
        branch, manner = self._conversation.branch(), self._tasks.manner()
        if self.answer is not None:
            self.answer.task.branch = branch
        self._thread.submit(Request("agree", lambda work, request: work.turns.agree(branch, manner), settles=True))

    def give_up(self) -> None:
        """The engine that was asked will not answer."""
        self._thread.catch_up()
        if self.answer is not None and not self.answer.over:
            self.answer.request.cancel()
            self._fail(self.answer, self.tr("The model stopped before the answer was complete."))

    def _on_event(self, request: Request, event: Any) -> None:
        answer = self.answer
        if answer is None or request is not answer.request:
            return
        if isinstance(event, Trouble):
            self._notices.say(event.sentence, trouble=True)
        elif isinstance(event, ContextTrimmed):
            self._notices.say(self._left_out(event))
        elif isinstance(event, Heard):
            self._conversation.take_transcript(event.turn, event.text)
        else:
            self._take(answer, event)

    def _left_out(self, event: ContextTrimmed) -> str:
        if event.turns_dropped:
            return self.tr(
                "The conversation no longer fits the model's context: from here on, its oldest turns are left out."
            )
        return self.tr("The model's context is nearly full: it now reads the oldest turns as text only.")

    def _take(self, answer: Answer, event: Any) -> None:
        stored = self._conversation.find(answer.id)
        if stored is not None:
            self._conversation.put(answer.take(stored, event, time.monotonic()))
        if isinstance(event, ReplyEnded):
            self.engine_free.emit()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        answer = self.answer
        if answer is None or request is not answer.request:
            return
        if error is not None:
            self._fail(answer, explain(error))
            return
        answer.over = True
        if answer.spans:
            self._conversation.show(answer.id, spans=tuple(answer.spans))
            self._conversation.give_files(answer.id, sound=answer.task.sound.name)
            self._conversation.keep(answer.id, state=TurnState.DONE)  # it is, even if Earshot ends while it sounds
        else:
            self._settle(answer)
        self.engine_free.emit()

    def _fail(self, answer: Answer, words: str) -> None:
        self.answer = None
        self._sound.playback.stop()
        if again := answer.spoken_again:
            self._conversation.show(answer.id, state=TurnState.DONE, spoken=None)
        else:
            self._conversation.show(answer.id, state=TurnState.FAILED, problem=words, spans=(), spoken=None)
        self._conversation.keep(answer.id)
        self._machine.happen(Happening.FAILED)
        if again:  # any other failure is told in the turn itself, with a way to try again
            self._notices.say(words, trouble=True)

    def _settle(self, answer: Answer) -> None:
        """An answer is over and was heard to its end."""
        self.answer = None
        self._sound.playback.stop()
        self._conversation.show(answer.id, state=TurnState.DONE, spoken=None)
        self._conversation.keep(answer.id)
        self._machine.happen(Happening.QUIET)
        self.engine_free.emit()

    def poll(self) -> None:
        """Follow the loudspeaker; called about 30 times a second."""
        playback, answer = self._sound.playback, self.answer
        if answer is None:
            return
        if self._machine.state is State.THINKING and playback.sounding:
            self._machine.happen(Happening.SOUNDING)  # first: else a turn would be said to speak while it is thinking
            self._conversation.show(answer.id, state=TurnState.SPEAKING)
        if self._machine.state is State.SPEAKING:
            self._conversation.show_spoken(answer.id, answer.spans, answer.made_24k, playback.samples_played)
        if answer.over and playback.over:
            self._settle(answer)
