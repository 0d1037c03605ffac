"""A bare client of the Realtime protocol: it sends what it is told to and keeps what comes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from websockets.sync.client import ClientConnection, connect

from engine.events import Samples
from engine.samples import pcm, resample
from tests.engine.serving.conftest import HEADERS, Served
from tests.sounds import babble

Event = dict[str, Any]
_GUARD_S = 60
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}


class RealtimeClient:
    """One connection."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self.seen: list[Event] = []

    def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self.send_text(json.dumps({"type": kind} | fields))

    def send_text(self, text: str | bytes) -> None:
        """Send anything."""
        self._line.send(text)

    def until(self, kind: str) -> Event:
        """The next event of a kind; what comes before is only kept."""
        while True:
            event: Event = json.loads(self._line.recv(_GUARD_S))
            self.seen.append(event)
            if event["type"] == kind:
                return event

    def did(self, sent: str, answer: str, **fields: Any) -> Event:
        """Send an event and wait for what it brings."""
        self.send(sent, **fields)
        return self.until(answer)

    def update(self, **session: Any) -> Event:
        """The session after an update."""
        updated: Event = self.did("session.update", "session.updated", session={"type": "realtime"} | session)
        return updated["session"]

    def only_text(self, **session: Any) -> None:
        """Have the answers written, not spoken."""
        self.update(output_modalities=["text"], **session)

    def append(self, samples_16k: Samples) -> None:
        """Let the server hear something."""
        data = pcm(resample(samples_16k, 16_000, 24_000))
        for start in range(0, len(data), 9600):
            self.send("input_audio_buffer.append", audio=base64.b64encode(data[start : start + 9600]).decode())

    def write(self, text: str) -> str:
        """Put what the user writes into the conversation; the id of the item."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return str(self.did("conversation.item.create", "conversation.item.done", item=item)["item"]["id"])

    def ask(self, text: str, **response: Any) -> Event:
        """The whole response to what the user writes."""
        self.write(text)
        return self.answer(**response)

    def answer(self, **response: Any) -> Event:
        """The whole response to what there is."""
        done: Event = self.did("response.create", "response.done", response=response)
        return done["response"]

    def kinds(self, start: str = "") -> list[str]:
        """The kinds of the events that came, each once where it came several times in a row."""
        found = [event["type"] for event in self.seen if event["type"].startswith(start)]
        return [kind for place, kind in enumerate(found) if not place or found[place - 1] != kind]


@contextmanager
def realtime(served: Served, path: str = "/v1/realtime?model=gpt-realtime") -> Iterator[RealtimeClient]:
    """A client that has been greeted."""
    address = served.server.address.replace("http", "ws", 1) + path
    with connect(address, additional_headers=HEADERS, proxy=None, close_timeout=0.5) as line:
        client = RealtimeClient(line)
        client.until("session.created")
        yield client


def text_of(response: Event) -> str:
    """The words of a response."""
    (part,) = response["output"][-1]["content"]
    return str(part.get("text", part.get("transcript")))


def code_of(client: RealtimeClient, kind: str, **fields: Any) -> str:
    """The code of the error with which an event is answered."""
    error = client.did(kind, "error", event_id="mine", **fields)["error"]
    assert error["event_id"] == "mine"
    return str(error["code"])


def said(seconds: float = 1.0, silence_s: float = 1.0) -> Samples:
    """Sound like speech, and silence after it."""
    return np.concatenate([babble(seconds), np.zeros(round(silence_s * 16_000), np.float32)])
