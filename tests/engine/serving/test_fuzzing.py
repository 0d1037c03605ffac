"""A few hundred damaged requests; tests/quality sends ten thousand."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from engine.serving import connections
from engine.serving.access import Patience
from tests.engine.serving.conftest import TOKEN, Served
from tests.fuzzing.sending import EndsAtOnce, all_gone, wrong_answers
from tests.fuzzing.served_requests import raw_request


def test_damaged_requests_are_answered_and_nothing_else_happens(
    served: Served,
    client: httpx.Client,
    recording: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "SILENT_S", 0.2)
    monkeypatch.setattr(served.server.access, "patience", Patience(body_s=0.2))
    served.llm.scripts = EndsAtOnce(served.engine.vocabulary.eot)
    sound = recording.read_bytes()[:20_000]
    requests = ((seed, raw_request(seed, TOKEN, sound)) for seed in range(150))
    try:
        assert wrong_answers(served.server.address, requests) == {}
    finally:
        served.llm.scripts = []
    assert "Traceback" not in caplog.text
    assert client.get("/health").json() == {"status": "ok"}
    assert all_gone(served.server)
