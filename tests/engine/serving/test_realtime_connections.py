"""Who may talk over the Realtime protocol, how long, and what is left when they go."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import threading
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.serving import connections
from engine.serving.access import Patience
from engine.serving.realtime import conversations
from engine.serving.realtime.outbox import Outbox
from engine.session import Session
from tests.engine.serving.conftest import HEADERS, Served
from tests.engine.serving.realtime_client import code_of, realtime, said, text_of
from tests.engine.serving.test_chat import speaks
from tests.fuzzing.sending import all_gone


def test_a_stranger_stays_outside(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    address = served.server.address.replace("http", "ws", 1)
    for path, headers, status in (
        ("/v1/realtime", {}, 401),
        ("/v1/realtime", HEADERS | {"Origin": "http://evil.example"}, 403),
        ("/v1/nowhere", HEADERS, 404),
    ):
        with pytest.raises(InvalidStatus) as refused, connect(address + path, additional_headers=headers, proxy=None):
            pass
        assert refused.value.response.status_code == status
        assert set(json.loads(refused.value.response.body)["error"]) == {"message", "type", "param", "code"}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_silent_client_stays_connected(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENT_S", 0.05)
    with realtime(served) as client:
        threading.Event().wait(0.2)  # longer than a connection may take to say what it wants
        client.update()


def test_a_client_that_does_not_read_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.server.access, "patience", Patience(reader_s=0.2))
    others = set(served.server._server.server_state.connections)
    with realtime(served) as client:
        content = [{"type": "input_audio", "audio": base64.b64encode(bytes(480_000)).decode()}]
        item = {"type": "message", "role": "user", "content": content, "id": "long"}
        client.did("conversation.item.create", "conversation.item.done", item=item)
        for _ in range(60):
            client.send("conversation.item.retrieve", item_id="long")
        assert all_gone(served.server)
        open_ones = served.server._server.server_state.connections
        for _ in range(3000):
            if open_ones <= others:
                break
            threading.Event().wait(0.01)
        assert open_ones <= others


def test_a_client_that_goes_leaves_nothing_behind(served: Served) -> None:
    speaks(served, "one two three four five six seven eight nine ten " * 6, tokens=1500)
    with realtime(served) as client:
        client.write("Count.")
        client.did("response.create", "response.output_audio.delta")
    served.says("Free again.")
    with realtime(served) as client:
        client.only_text()
        assert text_of(client.ask("Hello.")) == "Free again."
        gc.collect()
        sessions = [each for each in gc.get_objects() if isinstance(each, Session) and each._engine is served.engine]
        assert len(sessions) == 1


def test_a_conversation_holds_so_much_sound_whoever_spoke(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST_SOUND_S", 1.0)
    speaks(served, "Good day.", tokens=40)
    with realtime(served) as client:
        client.update(audio={"input": {"turn_detection": None}})
        (item,) = client.ask("Hello.")["output"]
        assert code_of(client, "response.create") == "too_much_sound"
        client.append(said(0.5, 0.0))
        assert code_of(client, "input_audio_buffer.commit") == "too_much_sound"
        client.did("conversation.item.delete", "conversation.item.deleted", item_id=item["id"])
        served.says("Yes.")
        client.only_text()
        assert text_of(client.ask("Are you there?")) == "Yes."


def test_what_waits_to_be_sent_is_bounded_in_size_too() -> None:
    class Line:
        """A client that reads nothing at first."""

        def __init__(self) -> None:
            self.reads = asyncio.Event()

        async def send_text(self, text: str) -> None:
            await self.reads.wait()

    async def converse() -> None:
        line: Any = Line()
        outbox = Outbox(line)
        outbox.put("conversation.item.retrieved", {"audio": "A" * (8 << 20)})
        sending, waiting = asyncio.ensure_future(outbox.send()), asyncio.ensure_future(outbox.room())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        line.reads.set()
        await asyncio.wait_for(waiting, 20)
        outbox.finish()
        await sending

    asyncio.run(converse())
