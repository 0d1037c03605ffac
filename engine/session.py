"""One conversation: turns in, events out. The whole path of a reply is the method `_reply`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checkpoints.memory import give_buffers_back
from engine.conversation.model import Model
from engine.conversation.prompting.chat_template import SPOKEN, THINKING, Variant
from engine.conversation.prompting.context import Context, Instructions
from engine.conversation.prompting.plain_english import typed_for
from engine.conversation.prompting.prompts import Prompts
from engine.conversation.prompting.reading import Readable
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.conversation.remembering.saving import Store
from engine.conversation.replying.answered_outside import with_results
from engine.conversation.replying.checks import check, check_sound
from engine.conversation.replying.cutting import as_remembered, heard_only
from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.replying.reply_parser import ReplyParser
from engine.conversation.replying.settings import TALK, SessionSettings, sampling_for, text_before_speech, turns_to_show
from engine.conversation.replying.single_tasks import read_aloud, transcript_of
from engine.conversation.replying.sorting import sort_out
from engine.conversation.replying.thinking import prefers_thinking, think
from engine.conversation.replying.tool_use import use_tools
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.voices import Voices
from engine.conversation.speaking_along.voicing import Voicing
from engine.errors import RequestError
from engine.events import (
    EndReason,
    Heard,
    Pause,
    ReplyEnded,
    SessionEvent,
    Speech,
    Thinking,
    ToolResult,
    Turn,
    new_turn_id,
)

if TYPE_CHECKING:
    from engine.speaking import Voice

_SHORTENED = " … (shortened)"
_SHORT_RESULT = 50  # ids of the result of a tool that are never cut


class Session:
    """A conversation with one engine, on the engine's thread. At most one of its generators may be open at a time.

    Everything that answers is a generator of events; closing it at any moment leaves the session consistent, within
    one token or one piece of sound. Only `interrupt` and `skip_thinking` may be called from other threads.

    Turns are named by their ids. `path` are the ids of those that the next prompt is made of; turns that are not on it
    (other branches, hidden ones) are remembered all the same until they are forgotten.
    """

    def __init__(self, engine: Model, settings: SessionSettings | None = None, saved: Path | str | None = None) -> None:
        """`saved` is a folder written by `save`. Raises RequestError or StorageError if it cannot be used."""
        self.settings = settings or SessionSettings()
        self._engine = engine
        self._vocabulary = engine.vocabulary
        self._reader = engine.new_reader()
        self._voices = Voices(lambda: engine.speaking)
        self._pace = Pace(burst=text_before_speech(engine.about))
        self._voice_scale = 1.0
        self._store = Store(engine.vocabulary, engine.name)
        self._memory = Memory() if saved is None else self._store.restore(Path(saved))
        prompts = Prompts(engine.vocabulary, engine.hearing, Variant(engine.variant), typed_for(engine.about))
        self._context = Context(self._memory, prompts, engine.context_length, engine.name)
        self._busy = False
        self._interrupted = threading.Event()
        self._skip = threading.Event()

    @property
    def path(self) -> tuple[str, ...]:
        """The ids of the turns that the next prompt is made of, oldest first."""
        return self._memory.path

    @property
    def turns(self) -> tuple[TurnRecord, ...]:
        """The turns of the path, oldest first, read-only."""
        return self._memory.on_path()

    @property
    def remembered(self) -> frozenset[str]:
        """The ids of all turns that are remembered, on the path or not."""
        return frozenset(record.id for record in self._memory)

    def turn(self, turn_id: str) -> TurnRecord:
        """A turn that is remembered. Raises RequestError for an unknown one."""
        return self._memory.record(turn_id)

    def ask(self, turn: Turn) -> Generator[SessionEvent]:
        """Answer a turn at the end of the path. The last event is ReplyEnded.

        Raises RequestError when this model cannot do what the turn asks or its id is known already, SoundError for a
        recording that is none. The events raise RequestError when persona and tools leave no room for the turn.
        Whatever is raised, path and turns are then exactly as before. Closing the generator keeps what was handed out.
        """
        return self._answered(turn, self.path)

    def edit(self, turn_id: str, turn: Turn) -> Generator[SessionEvent]:
        """Answer `turn` in place of one of the path: the path is what was before it, then `turn`.

        The old turn and those after it stay in memory, off the path. Raises as `ask` does, and RequestError for a turn
        that is not on the path.
        """
        return self._answered(turn, self._memory.path_before(turn_id))

    def go_on(self, turn_id: str, results: Sequence[ToolResult] = ()) -> Generator[SessionEvent]:
        """Answer on in the last turn of the path, whose reply ended with calls of tools that are answered outside.

        `results` are those that the turn does not hold yet. Raises RequestError when the turn waits for none, when one
        is missing, or when it is not the last.
        """
        if not self.path or self.path[-1] != turn_id:
            raise RequestError("Only the last turn of a conversation can be continued.")
        return self._exclusive(self._reply(with_results(self.turn(turn_id), results), self.path[:-1]))

    def regenerate(self, turn_id: str, new_id: str | None = None) -> Generator[SessionEvent]:
        """Answer the request of a turn once more, under a new id, in its place. See `edit`."""
        return self.edit(turn_id, dataclasses.replace(self.turn(turn_id).request, id=new_id or new_turn_id()))

    def follow(self, path: Sequence[str]) -> None:
        """Go on from another path, such as a branch. Raises RequestError if it names an unknown turn, or one twice."""
        self._must_be_idle()
        self._memory.follow(path)

    def forget(self, turn_ids: Iterable[str]) -> None:
        """Drop turns for good, from memory and path; the next `save` removes their files. Unknown ones are ignored."""
        self._must_be_idle()
        self._memory.forget(turn_ids)
        self._context.keep_only_shown(self._instructions())

    def remember(
        self, turn_id: str, turn: Turn, answer: str, transcript: str | None = None, calls: Sequence[Passage] = ()
    ) -> None:
        """Take in a turn from its words (and sound), as stored elsewhere; the path stays as it is.

        Its answer has no speech: the model reads it as text. `calls` are passages before it that called tools, made by
        `calling`; with no answer behind them the turn can `go_on`. Raises RequestError for an id that is known already,
        SoundError for a recording that is none.
        """
        self._must_be_idle()
        self._memory.refuse_known(turn_id)
        check_sound(turn)
        passage = Passage(False, tuple(self._vocabulary.encode(answer)), answer)
        request = dataclasses.replace(turn, id=turn_id)
        passages = (*calls, passage) if answer else tuple(calls)
        self._memory.put(TurnRecord(request, transcript, passages=passages, speech=self._vocabulary.speech))

    def reading_ahead(self, allow_tools: tuple[str, ...] = ()) -> Iterator[Pause]:
        """Read what stands before the next question, in short steps, so that its answer does not wait for that.

        Anything may be asked between two steps; once the path is another one, nothing more is read. `allow_tools` are
        those that the question will offer.
        """
        instructions, path, turns = self._instructions(Turn(allow_tools=allow_tools)), self.path, 1
        while self._reader.reads_ahead and self.path == path:
            readable = self._context.ahead(instructions, turns)
            if readable is None:
                return
            if self._reader.read(readable):
                yield Pause()
            else:
                turns += 1

    def interrupt(self) -> None:
        """End the running reply within one token or piece of sound; its ReplyEnded still comes. From any thread."""
        self._interrupted.set()

    def skip_thinking(self) -> None:
        """End the reasoning of the running reply and go on to the answer. From any thread; else without effect."""
        self._skip.set()

    def played(self, turn_id: str, samples_24k_heard: int) -> None:
        """Keep of a turn's spoken answer only what was heard: its first samples at 24 kHz.

        To be called after a reply was interrupted, or when its playing was; text and speech are cut at the same point.
        A reply without speech stays as it is. A turn whose reply failed is not remembered, so there is nothing to cut.
        """
        self._must_be_idle()
        if turn_id not in self._memory or not (record := self.turn(turn_id)).pieces:
            return
        if record.reason is not EndReason.INTERRUPTED and samples_24k_heard >= sum(p.samples for p in record.pieces):
            return
        cut = heard_only(record, self._vocabulary, samples_24k_heard, self._vocabulary.tts_end)
        if (cut.passages, cut.reason) != (record.passages, record.reason):  # else it was cut there before
            self._memory.put(cut)

    def transcribe(self, turn_id: str) -> Generator[Heard]:
        """Transcribe what was said in a turn; at once if that is known. Nothing for a turn without sound."""
        return self._exclusive(self._transcribed(self.turn(turn_id)))

    def speak_again(self, turn_id: str, voice: Voice | None = None) -> Generator[Speech]:
        """Speak a past answer again, in another voice if given; a written answer is read aloud by the model.

        Raises RequestError when there is nothing to say or the model cannot speak.
        """
        record = self.turn(turn_id)
        if not self._engine.capabilities.speaks:
            raise RequestError(
                "{model} has no networks for speech, so it cannot speak this answer.", model=self._engine.name
            )
        if not record.answer and not len(record.speech_tokens):
            raise RequestError("This turn has no answer that could be spoken.")
        return self._exclusive(self._spoken_again(record, voice))

    def save(self, folder: Path | str) -> None:
        """Write what is new or has changed since it was last saved here into a folder, and remove what was forgotten.

        A crash leaves all turns but the one being written. Raises StorageError. Voices and tools are not part of it:
        give the settings again when restoring.
        """
        self._store.save(Path(folder), self._memory)

    # The path of a reply.

    def _answered(self, turn: Turn, before: tuple[str, ...]) -> Generator[SessionEvent]:
        self._memory.refuse_known(turn.id)
        check(turn, self._engine)
        return self._exclusive(self._begun(turn, before))

    def _begun(self, turn: Turn, before: tuple[str, ...]) -> Generator[SessionEvent]:
        self._memory.refuse_known(turn.id)  # two generators may have been made for it
        known = self._memory.transcript_of(turn.samples_16k)  # of another version of this question
        yield from self._reply(TurnRecord(turn, known, speech=self._vocabulary.speech), before)

    def _reply(self, begun: TurnRecord, before: tuple[str, ...]) -> Generator[SessionEvent]:
        memory, trimming = self._memory.copy(), self._context.trimming
        reply, turn = ReplyInProgress(begun), begun.request
        self._memory.put(begun)
        self._memory.follow((*before, turn.id))
        try:
            yield from self._make_room(reply)
            if not begun.passages and self._thinks(reply):
                yield from self._think(reply)
            yield from self._answer(reply)
            reply.stop_clock()
            if turn.transcribe and not self._interrupted.is_set():
                yield from self._heard(reply)
        except GeneratorExit:
            self._keep(reply, broken_off=True)
            raise
        except BaseException:
            self._memory.go_back(memory)
            self._context.trimming = trimming
            self._reader.forget()
            raise
        self._keep(reply, broken_off=self._interrupted.is_set())
        record = self.turn(turn.id)
        yield ReplyEnded(turn.id, record.reason, record.statistics, reply.context_tokens, self._context.length)

    def _make_room(self, reply: ReplyInProgress) -> Iterator[SessionEvent]:
        """Leave out of the prompt what does not fit; sounds that go are transcribed before."""
        opening = THINKING if self._may_think(reply.turn) else SPOKEN
        heard: list[Heard] = []

        def transcribe(record: TurnRecord) -> None:
            heard.extend(self._transcribed(record))

        instructions = self._instructions(reply.turn)
        trimmed = self._context.make_room(instructions, opening, transcribe, self._interrupted.is_set)
        yield from heard
        if trimmed is not None:
            yield trimmed

    def _answer(self, reply: ReplyInProgress) -> Iterator[SessionEvent]:
        """Passages until one ends without calling tools, or waits for somebody outside."""
        for round in range(self.settings.tool_rounds + 1):
            yield from self._passage(reply)
            wanted = reply.passage.wanted
            if not wanted or self._interrupted.is_set():
                return
            may_run = round < self.settings.tool_rounds
            yield from use_tools(
                reply, wanted, self.settings, may_run, self._interrupted.is_set, lambda: self._fitted(reply)
            )
            if reply.passage.waits:
                return

    def _passage(self, reply: ReplyInProgress) -> Iterator[SessionEvent]:
        spoken = reply.turn.spoken_answer
        readable = reply.opened or self._prompt(reply, SPOKEN if spoken else "")
        reply.opened = None
        place = reply.begin_passage(spoken)
        parser = ReplyParser(self._vocabulary, text_start=place.character)
        voicing = None
        if spoken:
            synthesizer = self._voices.synthesizer(self.settings, reply.record)
            voicing = Voicing(synthesizer, self._pace, place, self._voice_scale)
        ended = False
        with closing(voicing) if voicing else nullcontext():
            with closing(self._write(reply, readable, reply.turn.max_tokens - reply.generated)) as stream:
                for id in stream:
                    if ended := id in self._vocabulary.end_ids:
                        break
                    reply.passage.ids.append(id)
                    yield from sort_out(reply, parser.feed(id), voicing)
                    if voicing:
                        yield from reply.sounding(self._until_interrupted(voicing.along()))
                        if voicing.runs_on:
                            break
                    if self.settings.pauses:
                        yield Pause()
            yield from sort_out(reply, parser.finish(), voicing)
            if not ended and not self._interrupted.is_set():
                reply.reason = EndReason.LENGTH
            if voicing and not self._interrupted.is_set():
                yield from reply.sounding(self._until_interrupted(voicing.rest()))
                self._voice_scale = voicing.scale

    # Thinking.

    def _may_think(self, turn: Turn) -> bool:
        return turn.thinking is not Thinking.OFF and self._engine.capabilities.thinks

    def _thinks(self, reply: ReplyInProgress) -> bool:
        """Whether to think first; in automatic mode the model's own next id decides between the two openings."""
        if not self._may_think(reply.turn) or reply.turn.thinking_budget <= 0:
            return False
        if reply.turn.thinking is Thinking.ALWAYS:
            return True
        thinking = self._prompt(reply, THINKING)
        plain = self._prompt(reply, SPOKEN if reply.turn.spoken_answer else "")
        return prefers_thinking(self._reader, thinking, plain, self._interrupted.is_set)

    def _think(self, reply: ReplyInProgress) -> Iterator[SessionEvent]:
        readable = self._prompt(reply, THINKING)
        most = min(reply.turn.thinking_budget, reply.turn.max_tokens // 2)
        with closing(self._write(reply, readable, most)) as stream:
            yield from think(reply, readable, stream, self._vocabulary, self._skip.is_set)

    # What the user said, and speaking again.

    def _heard(self, reply: ReplyInProgress) -> Iterator[SessionEvent]:
        if reply.turn.samples_16k is not None and (text := self._transcript_of(reply.record)) is not None:
            reply.transcript = text
            yield Heard(reply.turn.id, text)

    def _transcribed(self, record: TurnRecord) -> Generator[Heard]:
        if record.samples_16k is not None and (text := self._transcript_of(record)) is not None:
            self._memory.put(dataclasses.replace(self.turn(record.id), transcript=text))
            yield Heard(record.id, text)

    def _transcript_of(self, record: TurnRecord) -> str | None:
        """What was said in a turn; None when it was interrupted: half of it is not what was said."""
        if record.transcript is not None:
            return record.transcript
        text = transcript_of(self._engine, self._context.sound(record), self._interrupted.is_set)
        return None if self._interrupted.is_set() else text

    def _spoken_again(self, record: TurnRecord, voice: Voice | None) -> Generator[Speech]:
        chosen = self.settings if voice is None else dataclasses.replace(self.settings, voice=voice, own_voice=False)
        voicing = Voicing(self._voices.synthesizer(chosen, record), self._pace, scale=self._voice_scale)
        voicing.add_text(record.answer)
        with closing(voicing):
            if len(record.speech_tokens):
                for token in record.speech_tokens.tolist():
                    voicing.add_token(token)
            else:
                sampling = self.settings.sampling
                tokens = read_aloud(self._engine, record.answer, sampling, self._interrupted.is_set)
                for token in self._pace.writing(tokens):
                    voicing.add_token(token)
                    yield from self._until_interrupted(voicing.along())
            yield from self._until_interrupted(voicing.rest())

    # Small things.

    def _prompt(self, reply: ReplyInProgress, opening: str) -> Readable:
        return self._context.prompt(self._instructions(reply.turn), opening, reply.passages)

    def _instructions(self, turn: Turn | None = None) -> Instructions:
        """What the prompt of a turn begins with."""
        tools = self.settings.tools
        offered = [name for name in turn.allow_tools if name in tools] if turn else []
        schemas = tools.schemas(offered) if offered else ""
        return Instructions(self.settings.persona, schemas, turns_to_show(self.settings, self._engine.about))

    def _fitted(self, reply: ReplyInProgress) -> ToolResult:
        """The last result of a tool; a long one is cut as far as the context holds it together with an answer."""
        results = reply.passage.results
        ids, mark = (self._vocabulary.encode(text) for text in (results[-1].text, _SHORTENED))
        over = len(self._prompt(reply, SPOKEN)) - self._context.longest_prompt(reply.turn)
        if over > 0 and len(ids) > _SHORT_RESULT:
            kept = self._vocabulary.decode(ids[: max(len(ids) - over - len(mark), _SHORT_RESULT)])
            results[-1] = dataclasses.replace(results[-1], text=kept + _SHORTENED)
        return results[-1]

    def _write(self, reply: ReplyInProgress, readable: Readable, max_tokens: int) -> Generator[int]:
        """Ids from the language model, measured."""
        task = "speech" if reply.turn.spoken_answer else "chat"
        sampling = self.settings.sampling or sampling_for(task, self._engine.about, TALK, self._vocabulary)
        if self.settings.seed is not None:
            sampling = dataclasses.replace(sampling, seed=self.settings.seed)
        stream = self._reader.write(
            readable,
            sampling=sampling,
            end_ids=self._vocabulary.end_ids,
            max_tokens=min(max_tokens, self._context.length - len(readable)),
            cancelled=self._interrupted.is_set,
        )
        with closing(stream):  # type: ignore[type-var]
            began = time.perf_counter()
            for place, id in enumerate(stream):
                seconds = time.perf_counter() - began
                if place:
                    self._pace.wrote(seconds)
                    reply.wrote(seconds)
                else:
                    reply.read(len(readable), self._reader.reused, seconds)
                    reply.wrote(0.0)
                yield id
                began = time.perf_counter()

    def _until_interrupted(self, speeches: Iterator[Speech]) -> Iterator[Speech]:
        """Asked before every piece, not after it: what nobody wants is not made."""
        while not self._interrupted.is_set() and (speech := next(speeches, None)) is not None:
            yield speech

    def _keep(self, reply: ReplyInProgress, *, broken_off: bool) -> None:
        """Put the reply into the history, cut to what was handed out if it was broken off."""
        if broken_off:
            reply.reason = EndReason.INTERRUPTED
        self._memory.put(as_remembered(reply.record, self._vocabulary, self._vocabulary.tts_end))
        self._context.keep_only_shown(self._instructions())
        give_buffers_back()

    def _exclusive(self, events: Generator) -> Generator:
        """Run one generator at a time; a second one is a mistake of the caller. From here on `interrupt` counts."""
        self._must_be_idle()
        self._interrupted.clear()
        self._skip.clear()

        def run() -> Generator:
            self._must_be_idle()
            self._busy = True
            try:
                with closing(events):
                    yield from events
            finally:
                self._busy = False

        return run()

    def _must_be_idle(self) -> None:
        if self._busy:
            raise RuntimeError("another generator of this session is still open; close it first")
