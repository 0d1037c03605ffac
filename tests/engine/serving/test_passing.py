from __future__ import annotations

import httpx
import pytest

from engine.serving import Worker
from engine.serving.jobs import Job
from tests.engine.serving.conftest import Served
from tests.engine.serving.realtime_client import realtime
from tests.engine.serving.test_chat import asked, speaks, user

IDS = 40


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of jobs, each time one lets more urgent work pass."""
    seen: list[str] = []
    let_pass = Worker._let_pass

    def watched(worker: Worker, engine: object, job: Job) -> None:
        seen.append(job.name)
        let_pass(worker, engine, job)  # type: ignore[arg-type]

    monkeypatch.setattr(Worker, "_let_pass", watched)
    return seen


def test_others_pass_a_realtime_answer_after_every_id(served: Served, passed: list[str]) -> None:
    """Also after speech tokens, of which nobody is told one by one."""
    speaks(served, "Good day.", tokens=IDS)
    with realtime(served) as client:
        assert client.ask("Hello.", audio={"output": {"voice": "nobody"}})["status"] == "completed"
    assert passed.count("talk with others") >= IDS


def test_others_pass_a_chats_answer_after_every_id(served: Served, client: httpx.Client, passed: list[str]) -> None:
    speaks(served, "Good day.", tokens=IDS)
    asked(client, user("Hello."), modalities=["text", "audio"], audio={"voice": "nobody", "format": "wav"})
    assert passed.count("answer others") >= IDS
