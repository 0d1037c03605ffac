"""Ten thousand damaged requests and as many Realtime events, several at a time: each is answered in good form."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from engine.serving import connections
from engine.serving.access import Patience
from tests.engine.serving.conftest import HEADERS, TOKEN, Served, client, recording, served  # noqa: F401 (fixtures)
from tests.fuzzing.realtime_events import wrong_events, wrong_lines
from tests.fuzzing.sending import EndsAtOnce, all_gone, wrong_answers
from tests.fuzzing.served_requests import raw_request

COUNT, AT_A_TIME = 10_000, 32


def test_ten_thousand_damaged_requests(
    served: Served,  # noqa: F811
    client: httpx.Client,  # noqa: F811
    recording: Path,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "SILENT_S", 0.5)
    monkeypatch.setattr(served.server.access, "patience", Patience(body_s=0.5))
    served.llm.scripts = EndsAtOnce(served.engine.vocabulary.eot)
    sound = recording.read_bytes()[:20_000]

    def send(seeds: range) -> dict[int, str]:
        return wrong_answers(served.server.address, ((seed, raw_request(seed, TOKEN, sound)) for seed in seeds))

    wrong = together(send, COUNT)
    served.llm.scripts = []
    assert wrong == {}
    assert "Traceback" not in caplog.text
    assert client.get("/health").json() == {"status": "ok"}
    assert all_gone(served.server)


def test_ten_thousand_damaged_realtime_events(
    served: Served,  # noqa: F811
    client: httpx.Client,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a thousand connections that are no WebSockets as they should be."""
    monkeypatch.setattr(connections, "SILENT_S", 0.5)
    served.llm.scripts = EndsAtOnce(served.engine.vocabulary.eot)
    wrong = together(lambda seeds: wrong_events(served.server.address, HEADERS, seeds), COUNT)
    wrong |= together(lambda seeds: wrong_lines(served.server.address, TOKEN, seeds), COUNT // 10)
    served.llm.scripts = []
    assert wrong == {}
    assert "Traceback" not in caplog.text
    assert client.get("/health").json() == {"status": "ok"}
    assert all_gone(served.server)


def together(send: Callable[[range], dict[int, str]], count: int) -> dict[int, str]:
    """What is wrong with the answers to so many seeds, sent by several at a time."""
    parts = [range(1000 + first, 1000 + count, AT_A_TIME) for first in range(AT_A_TIME)]
    with ThreadPoolExecutor(AT_A_TIME) as senders:
        return {seed: said for wrong in senders.map(send, parts) for seed, said in wrong.items()}
