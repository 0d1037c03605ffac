"""Ten thousand damaged requests, several at a time: each is answered in the protocol's form, and the server goes on."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from engine.serving import connections
from engine.serving.access import Patience
from tests.engine.serving.conftest import TOKEN, Served, client, recording, served  # noqa: F401 (fixtures)
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
    wrong: dict[int, str] = {}
    done: list[int] = []

    def send(first: int) -> None:
        requests = ((seed, raw_request(seed, TOKEN, sound)) for seed in range(1000 + first, 1000 + COUNT, AT_A_TIME))
        wrong.update(wrong_answers(served.server.address, requests))
        done.append(first)

    threads = [threading.Thread(target=send, args=(first,)) for first in range(AT_A_TIME)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served.llm.scripts = []
    assert wrong == {}
    assert sorted(done) == list(range(AT_A_TIME))
    assert "Traceback" not in caplog.text
    assert client.get("/health").json() == {"status": "ok"}
    assert all_gone(served.server)
