"""A few hundred damaged requests; tests/quality sends ten thousand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from engine.serving import connections
from engine.serving.access import Patience
from tests.engine.serving.conftest import HEADERS, TOKEN, Served
from tests.fuzzing.realtime_events import wrong_events, wrong_lines
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


@pytest.mark.slow
def test_damaged_realtime_events_are_answered_and_nothing_else_happens(
    served: Served, client: httpx.Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SILENT_S", 0.2)
    served.llm.scripts = EndsAtOnce(served.engine.vocabulary.eot)
    try:
        assert wrong_events(served.server.address, HEADERS, range(120)) == {}
        with ThreadPoolExecutor(12) as senders:
            wrong = senders.map(lambda seed: wrong_lines(served.server.address, TOKEN, [seed]), range(36))
            assert [each for each in wrong if each] == []
    finally:
        served.llm.scripts = []
    assert "Traceback" not in caplog.text
    assert client.get("/health").json() == {"status": "ok"}
    assert all_gone(served.server)
