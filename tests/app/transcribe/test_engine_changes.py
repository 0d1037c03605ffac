"""A file that is being transcribed while the engine changes: it waits for the next one and goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.models import models
from app.shown.talk import NoticeAction
from app.shown.transcribe import JobState
from tests.app.conftest import Running
from tests.app.transcribe.test_transcriber import Steps, recordings, states, steps

pytestmark = pytest.mark.slow

__all__ = ["recordings", "steps"]  # the fixtures

Start = Callable[..., Running]


def test_a_file_goes_on_with_the_model_that_was_chosen_meanwhile(
    start: Start,
    steps: Steps,
    recordings: list[Path],
) -> None:
    app = start()
    steps.gate.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: states(app) == [JobState.RUNNING] and app.controller.transcriber.jobs[0].segments)
    app.controller.model_commands.switch_model("two")
    app.wait(lambda: app.engine.loads[-1] == Path("two") and app.controller.model.ready)
    steps.gate.set()
    app.wait(lambda: states(app) == [JobState.DONE])
    assert len(steps.calls) == 2


def test_a_file_goes_on_after_a_hanging_engine_was_replaced(
    start: Start,
    steps: Steps,
    recordings: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = start()
    steps.step.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: steps.calls)
    monkeypatch.setattr(models, "HANGING_S", 0.2)
    app.wait(lambda: app.controller.notice.action is NoticeAction.RETRY)
    monkeypatch.setattr(models, "HANGING_S", 60.0)
    app.controller.act_on_notice()
    assert states(app) == [JobState.WAITING]
    steps.step.set()
    app.wait(lambda: states(app) == [JobState.DONE])
    assert len(steps.calls) == 2
