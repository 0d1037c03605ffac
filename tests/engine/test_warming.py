"""What the first reply would wait for is done beforehand: nothing is traced or read anew in a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backends.plain import Plain
from engine.checkpoints.load_speaking import load_speaking
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry
from engine.conversation.replying.tools.clock import clock_tools
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.voicing import Voicing
from engine.engine import Engine
from engine.events import ReplyEnded, SessionEvent, Speech, Turn
from engine.language import Sampler, Sampling
from engine.session import Session
from engine.speaking import Speaking, Synthesizer, Voice
from engine.speaking.pieces import Pieces
from engine.speaking.work_thread import WorkThread
from engine.traced import Traced
from tests.checkpoints import tiny_checkpoint
from tests.sounds import babble


@pytest.fixture(scope="module")
def engine(backend: str) -> Engine:
    return Engine.load(tiny_checkpoint(), backend=backend)


def spoken(made: Synthesizer, tokens: int, at_once: int) -> None:
    """A stream of so many tokens, of which so many wait each time."""
    voicing = Voicing(made, Pace())
    for number, token in enumerate(np.random.default_rng(tokens).integers(0, 6561, tokens).tolist(), 1):
        voicing.add_token(token)
        if number % at_once == 0:
            list(voicing.along())
    list(voicing.rest())


@pytest.mark.slow
def test_no_piece_of_speech_is_traced_after_the_warm_up(
    token2wav: Path, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.speaking.synthesizer.LONGEST_WORK_S", 1000.0)
    monkeypatch.setattr("engine.conversation.speaking_along.schedule.LONGEST_WORK_S", 1000.0)
    attached = Plain(half=False)
    attached._elsewhere = True  # MLX's dilated convolutions would take a CPU a minute
    speaking = load_speaking(token2wav, backend=attached)
    thread = WorkThread("speaking")  # as on CUDA: what is traced belongs to it
    made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=2, thread=thread)
    assert sum(1 for _ in made.warming_up()) > len(Pieces().shapes(1))
    before = attached.traces
    # Steps and conditions of each size of piece; pitch and sound of each window, the first piece's without overlap.
    # MLX traces the first function of a thread once more when it is called again.
    assert before == 2 * 7 + 2 * 8 + 1
    monkeypatch.setattr(Traced, "once", None)  # nothing is made untraced either
    for tokens, at_once in ((1, 1), (12, 1), (13, 1), (77, 1), (390, 390), (263, 31), (200, 90), (431, 7), (140, 60)):
        spoken(made, tokens, at_once)
    assert attached.traces == before
    thread.close()


@pytest.mark.slow
@pytest.mark.parametrize("padded", [False, True])
def test_a_last_piece_that_is_not_padded_is_made_beforehand_too(token2wav: Path, voice: Voice, padded: bool) -> None:
    attached = Plain(half=False)
    speaking = load_speaking(token2wav, backend=attached)
    vocoder, lengths = speaking.vocoder, []

    class Counted(Traced):
        def once(self, *given: Any) -> Any:
            lengths.append(given[0].shape[1])
            return super().once(*given)

    vocoder.take(Counted(vocoder.f0_predictor), Counted(vocoder.shape), padded=padded)
    made = Synthesizer(speaking.flow, vocoder, voice, steps=2)
    for _ in made.warming_up():
        pass
    sizes = [] if padded else [size for size, _ in made.measured]
    assert lengths == [frames for size in sizes for frames in (2 * size, 2 * size)]  # for pitch, then for sound


@pytest.mark.slow
def test_a_conversation_traces_nothing_after_the_warm_up() -> None:
    attached_engine = Engine.load(tiny_checkpoint(), backend="plain")
    attached = attached_engine.backend
    assert isinstance(attached, Plain)
    settings = SessionSettings(flow_steps=2, seed=1)
    for _ in attached_engine.warming_up(settings):
        pass
    before = attached.traces
    assert before > 0
    session = Session(attached_engine, settings)
    for number, tokens in enumerate((20, 90, 5, 150)):
        turn = Turn(babble(1.0 + number / 3, number), max_tokens=tokens, transcribe=number == 1)
        assert isinstance(list(session.ask(turn))[-1], ReplyEnded)
        list(session.ask(Turn(text="And now?", max_tokens=tokens // 2, spoken_answer=False)))
    assert attached.traces == before


def test_the_instructions_are_read_and_the_voice_is_taken_in_beforehand(engine: Engine) -> None:
    settings = SessionSettings(persona="You answer briefly.", tools=ToolRegistry(clock_tools()), flow_steps=2)
    for _ in engine.warming_up(settings, ("date_and_time",)):
        pass
    prepared = dict(engine.speaking._prepared)
    assert prepared
    session = Session(engine, settings)
    ended = list(session.ask(Turn(text="Hello.", max_tokens=2, allow_tools=("date_and_time",))))[-1]
    assert isinstance(ended, ReplyEnded)
    assert ended.statistics.reused_tokens > 20
    assert engine.speaking._prepared == prepared


def test_a_typed_and_a_spoken_question_are_asked_and_ids_are_chosen_as_the_folder_says(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Turn] = []
    chosen: list[Sampling] = []
    ask, make = Session.ask, Sampler.__init__

    def noted_turn(session: Session, turn: Turn) -> Iterator[SessionEvent]:
        asked.append(turn)
        return ask(session, turn)

    def noted_sampling(sampler: Sampler, sampling: Sampling, *given: Any) -> None:
        chosen.append(sampling)
        make(sampler, sampling, *given)

    monkeypatch.setattr(Session, "ask", noted_turn)
    monkeypatch.setattr(Sampler, "__init__", noted_sampling)
    said = {task: {"temperature": 0.5, "top_k": number} for number, task in enumerate(("speech", "chat", "transcribe"))}
    monkeypatch.setattr(Engine, "about", property(lambda self: {"sampling": said}))
    for _ in engine.warming_up(SessionSettings(flow_steps=2)):
        pass
    assert [(turn.samples_16k is not None, turn.spoken_answer) for turn in asked] == [(False, False), (True, True)]
    assert [sampling.top_k for sampling in chosen[:3]] == [0, 1, 2]


def test_it_may_be_given_up_at_any_step_and_leaves_the_engine_as_it_was(engine: Engine) -> None:
    settings = SessionSettings(flow_steps=2, seed=3)
    for last in (1, 3, 5, 7):
        steps = engine.warming_up(settings)
        for _ in range(last):
            next(steps)
        steps.close()
    session = Session(engine, settings)
    events = list(session.ask(Turn(text="Hello.", max_tokens=40)))
    assert [event for event in events if isinstance(event, Speech)] or isinstance(events[-1], ReplyEnded)


@pytest.mark.parametrize("last", [2, 5, 6, 8])
def test_it_ends_well_when_the_engine_was_closed_meanwhile(last: int) -> None:
    engine = Engine.load(tiny_checkpoint(), backend="auto")
    steps = engine.warming_up(SessionSettings(flow_steps=2))
    for _ in range(last):
        next(steps)
    engine.close()
    steps.close()


def test_a_stream_in_progress_is_left_alone(speaking: Speaking, voice: Voice) -> None:
    made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=2, seed=1, chunk_tokens=(10, 25))
    tokens = np.random.default_rng(0).integers(0, 6561, 60)

    def heard(disturbed: bool) -> np.ndarray:
        made.reset()
        made.push(tokens[:20])
        pieces = [made.step()]
        if disturbed:
            for _ in made.warming_up():
                pass
        made.push(tokens[20:])
        made.finish()
        while pieces[-1] is not None:
            pieces.append(made.step())
        return np.concatenate([piece.samples_24k for piece in pieces if piece is not None])

    np.testing.assert_array_equal(heard(True), heard(False))


def test_sizes_that_would_take_too_long_are_left_out(
    speaking: Speaking, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=1)
    monkeypatch.setattr("engine.speaking.synthesizer.AsIs", type(None))  # as where pieces are traced
    sizes: list[int] = []
    step = type(made._stream).step

    def noted(self: object, state: object, window: np.ndarray, last: bool, size: int) -> object:
        sizes.append(size or len(window) - 3)
        return step(self, state, window, last, size)

    monkeypatch.setattr(type(made._stream), "step", noted)
    monkeypatch.setattr("engine.speaking.synthesizer.LONGEST_WORK_S", 0.0)
    monkeypatch.setattr("engine.speaking.synthesizer.HARDLY_LONGER", 0.0)
    list(made.warming_up())
    assert set(sizes) == {10, 15, 20, 25}
