"""Another model is chosen while a file is transcribed: at no moment are there the weights of both."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from pytestqt.qtbot import QtBot

from app.build import load_engine
from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, PATIENT, Interrupted, Request
from app.engine_side.work import EngineWork
from engine.conversation.replying.tools.timers import TimerService
from engine.events import Progress
from engine.samples import write_wav
from tests.sounds import babble
from tests.tiny_model import write_tiny_model

SIZES = {"small": 48 << 20, "large": 64 << 20}  # bytes


def with_weights(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
    """The real engine, with as many more bytes of weights as make its size plain."""
    mx.reset_peak_memory()
    engine = yield from load_engine(folder, insist)
    engine.more_weights = mx.ones(SIZES[folder.name] // 4)  # type: ignore[attr-defined]
    mx.eval(engine.more_weights)
    return engine


@pytest.fixture
def thread(qtbot: QtBot, tmp_path: Path) -> Iterator[EngineThread]:
    for seed, name in enumerate(SIZES):
        write_tiny_model(tmp_path / name, seed=seed)
    thread = EngineThread(lambda: EngineWork(with_weights, tmp_path, TimerService, lambda *_: True))
    yield thread
    thread.end()
    assert thread.join(20)


def done(thread: EngineThread, qtbot: QtBot, work: Callable[[EngineWork], Any]) -> None:
    request = Request("test", lambda all_work, request: work(all_work), FIRST, alone=True)
    with qtbot.waitSignal(thread.ended, timeout=60_000, check_params_cb=lambda which, _error: which is request):
        thread.submit(request)


def test_the_weights_of_the_old_model_are_gone_before_the_new_ones_come(
    thread: EngineThread, qtbot: QtBot, tmp_path: Path
) -> None:
    write_wav(tmp_path / "long.wav", babble(40.0), 16_000)
    gc.collect()
    before = mx.get_active_memory()  # what other tests of this process hold
    done(thread, qtbot, lambda work: work.load(tmp_path / "small"))
    under_way, ended = threading.Event(), {}
    thread.happened.connect(lambda request, event: under_way.set() if request.name == "transcribe" else None)
    thread.ended.connect(lambda request, error: ended.__setitem__(request.name, error))

    def transcribe(work: EngineWork, _request: Request) -> Iterator[Any]:
        return work.transcribe(tmp_path / "long.wav", tmp_path / "journal", False)

    thread.submit(Request("transcribe", transcribe, PATIENT))
    qtbot.waitUntil(under_way.is_set, timeout=60_000)
    done(thread, qtbot, lambda work: work.load(tmp_path / "large"))
    assert isinstance(ended["transcribe"], Interrupted)
    assert mx.get_peak_memory() - before <= 1.1 * SIZES["large"]
