"""A question goes before recordings: it waits for one step of the real engine, wherever the transcription is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, PATIENT, URGENT, Request
from app.engine_side.work import EngineWork
from engine.engine import Engine
from engine.events import Pause, Progress
from engine.samples import write_wav
from engine.transcription import SegmentDone
from tests.sounds import babble

WAIT_MS = 120_000
WINDOWS = 9  # one, two, four, and the rest


class Steps:
    """Counts the engine's steps, and has something done in the midst of one of them."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.kinds: list[str] = []
        self.during: Callable[[int], None] = lambda step: None
        llm, block = type(engine.llm), type(engine.hearing.encoder.blocks[0])
        read, hidden, listen = llm.__call__, llm.hidden_states, block.__call__

        def listened(block: Any, x: mx.array, mask: mx.array | None) -> mx.array:
            self._step("layer")
            return listen(block, x, mask)

        def answered(llm: Any, embeddings: mx.array, cache: Any) -> mx.array:
            self._step("id" if embeddings.shape[1] == 1 else "prompt")
            return read(llm, embeddings, cache)

        def looked(llm: Any, embeddings: mx.array, cache: Any) -> mx.array:
            if embeddings.shape[1] > 1 and self.kinds[-1] != "prompt":
                self._step("prompt")
            return hidden(llm, embeddings, cache)

        monkeypatch.setattr(block, "__call__", listened)
        monkeypatch.setattr(llm, "__call__", answered)
        monkeypatch.setattr(llm, "hidden_states", looked)

    def _step(self, kind: str) -> None:
        self.count += 1
        self.kinds.append(kind)
        self.during(self.count)


@pytest.fixture
def engine(tiny_model: Path) -> Engine:
    return Engine.load(tiny_model)


@pytest.fixture
def thread(engine: Engine, qtbot: QtBot, tmp_path: Path) -> Iterator[EngineThread]:
    def loader(folder: Path, insist: bool) -> Iterator[Progress]:
        yield Progress("read", 1, 1)
        return engine  # type: ignore[return-value]

    thread = EngineThread(lambda: EngineWork(loader, tmp_path, lambda _label: None, lambda *_: True))  # type: ignore[arg-type]
    load = Request("load", lambda work, request: work.load(Path("model")), FIRST, alone=True)
    with qtbot.waitSignal(thread.ended, timeout=WAIT_MS, check_params_cb=lambda which, error: which is load):
        thread.submit(load)
    yield thread
    thread.end()
    assert thread.join(60)


@pytest.fixture
def recording(tmp_path: Path, everything_is_speech: None) -> Path:
    path = tmp_path / "long.wav"
    write_wav(path, np.tile(babble(5.0), 5 * WINDOWS), 16_000)
    return path


def transcription(recording: Path, journal: Path) -> Request:
    return Request("transcribe", lambda work, request: work.transcribe(recording, journal, False), PATIENT)


@pytest.mark.slow
def test_a_question_waits_for_one_step_of_a_transcription_at_most(
    thread: EngineThread, engine: Engine, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    steps = Steps(engine, monkeypatch)
    waited: list[int] = []
    asked: set[str] = set()

    def ask(asked_at: int) -> None:
        if asked_at % 3:
            return
        asked.add(steps.kinds[-1])

        def question(work: EngineWork, request: Request) -> Iterator[str]:
            waited.append(steps.count - asked_at)
            yield "taken"

        thread.submit(Request("answer", question, URGENT))

    steps.during = ask
    request = transcription(recording, tmp_path / "journal")
    seen: list[object] = []
    thread.happened.connect(lambda which, event: seen.append(event) if which is request else None)
    with qtbot.waitSignal(thread.ended, timeout=WAIT_MS, check_params_cb=lambda which, error: which is request):
        thread.submit(request)
    assert len(waited) == steps.count // 3 > 20
    assert max(waited) <= 1  # the next id is begun before the last one is looked at
    assert asked == {"layer", "prompt", "id"}
    assert any(isinstance(event, SegmentDone) for event in seen)
    assert not any(isinstance(event, Pause) for event in seen)  # the window need not hear of every step


@pytest.mark.slow
@pytest.mark.parametrize("place", [2, 30, 60])
def test_a_transcription_is_cancelled_within_one_step(
    thread: EngineThread,
    engine: Engine,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    place: int,
) -> None:
    steps = Steps(engine, monkeypatch)
    request = transcription(recording, tmp_path / "journal")
    steps.during = lambda step: request.cancel() if step == place else None
    with qtbot.waitSignal(thread.ended, timeout=WAIT_MS, check_params_cb=lambda which, error: which is request):
        thread.submit(request)
    assert steps.count - place <= 1
