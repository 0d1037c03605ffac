"""A recording in which nobody speaks can be described instead, at the real window."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.engine_side import describing
from app.engine_side.work import EngineWork
from app.shown.transcribe import JobState
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.transcribe.job_row import JobAction, JobRow
from engine.errors import NoSpeechError
from engine.events import AnswerText
from engine.samples import write_wav
from tests.app.conftest import Running, noise
from tests.app.fakes import reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def nobody_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_work: EngineWork, path: Path, *_given: Any) -> Iterator[Any]:
        yield from ()
        raise NoSpeechError(
            "No speech was found in {path}: check that the right microphone or track was recorded.", path=path
        )

    monkeypatch.setattr(EngineWork, "transcribe", silent)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    write_wav(tmp_path / "street.wav", noise(3.5, 16_000), 16_000)
    return tmp_path / "street.wav"


def queued(app: Running, street: Path, qtbot: QtBot) -> tuple[MainWindow, JobRow]:
    window = MainWindow(app.controller, app.settings)
    qtbot.addWidget(window)
    window.show()
    window.show_page(TRANSCRIBE)
    app.controller.transcriber.add_files([street])
    app.wait(lambda: [job.state for job in app.controller.transcriber.jobs] == [JobState.FAILED])
    return window, window.transcribe.card(app.controller.transcriber.jobs[0].key)


def settled(app: Running, row: JobRow) -> None:
    app.wait(lambda: not row.settling)


def test_its_sounds_are_described_stretch_by_stretch(
    start: Start, street: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "STRETCH_S", 2.0)
    monkeypatch.setattr("app.widgets.transcribe.job_row.SETTLING_MS", 0)
    engine = scripted(reply("A street with trams.", 0), reply("A bell rings.", 0))
    app = start(engine)
    window, row = queued(app, street, qtbot)
    settled(app, row)
    assert row.problem_words == "No speech was found. Describe the sounds?"
    assert JobAction.RETRY not in row.offered
    row.press(JobAction.DESCRIBE)
    app.wait(lambda: row.job.state is JobState.DONE)
    settled(app, row)
    assert [(s.start_s, s.end_s, s.text) for s in row.job.segments] == [
        (0.0, 2.0, "A street with trams."), (2.0, 3.5, "A bell rings.")
    ]  # fmt: skip
    assert row.meta_words == "4 s · sounds"
    assert [len(turn.samples_16k) for turn in engine.asked] == [32_000, 24_000]
    listing = window.sidebar.conversations.model()
    app.wait(lambda: any("sounds" in str(listing.index(n, 0).data(11)) for n in range(listing.rowCount())))


def test_a_description_is_cancelled_and_begins_anew(start: Start, street: Path, qtbot: QtBot) -> None:
    gate = threading.Event()
    engine = scripted([AnswerText("A str", 0), gate.wait, *reply("eet.", 0)], reply("Trams.", 0))
    app = start(engine)
    _window, row = queued(app, street, qtbot)
    key = row.job.key
    app.controller.transcriber.describe(key)
    app.wait(lambda: bool(engine.asked))
    assert row.job.state is JobState.RUNNING
    app.controller.transcriber.cancel(key)
    gate.set()
    app.controller.transcriber.retry(key)
    app.wait(lambda: row.job.state is JobState.DONE)
    assert [segment.text for segment in row.job.segments] == ["Trams."]


def test_it_is_not_offered_with_a_model_for_demonstration(start: Start, street: Path, qtbot: QtBot) -> None:
    engine = scripted()
    engine.about = {"demonstration": True}
    app = start(engine)
    _window, row = queued(app, street, qtbot)
    assert JobAction.DESCRIBE not in row.offered
    assert row.problem_words.startswith("No speech was found in street.wav: check that")


def test_a_restart_offers_it_still(start: Start, street: Path, qtbot: QtBot) -> None:
    first = start(scripted())
    queued(first, street, qtbot)
    first.controller.shutdown()
    again = start(scripted())
    again.wait(lambda: bool(again.controller.transcriber.jobs))
    assert again.controller.transcriber.jobs[0].no_speech
