"""Events and frames as no good client of the Realtime protocol would send them: seeded, so each can be made again."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
import socket
import struct
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fuzzing.sending import LEAKS
from tests.fuzzing.served_requests import change, damage_bytes

PATHS = ("/v1/realtime", "/v1/realtime/translations")
_EVENTS_A_LINE = 40
_GUARD_S = 60
_KEPT_OPEN_S = 0.2  # a connection of which nobody said that it should be closed
_SOUND = base64.b64encode(bytes(range(256)) * 40).decode()
_SESSION = {
    "type": "realtime",
    "instructions": "Be brief.",
    "output_modalities": ["text"],
    "max_output_tokens": 8,
    "tools": [{"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}],
    "tool_choice": "auto",
    "reasoning": {"effort": "low"},
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "nobody"}, "speed": 1.2, "language": "en"},
    },
}
_MESSAGE = {
    "id": "first",
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hello."}, {"type": "input_audio", "audio": _SOUND}],
}
_CALL = {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "rain"}
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "session.update", "session": _SESSION},
    {"type": "session.update", "session": _SESSION | {"type": "transcription"}},
    {"type": "input_audio_buffer.append", "audio": _SOUND},
    {"type": "session.input_audio_buffer.append", "audio": _SOUND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "previous_item_id": "root", "item": _MESSAGE},
    {"type": "conversation.item.create", "item": _CALL},
    {"type": "conversation.item.create", "item": _OUTPUT},
    {"type": "conversation.item.retrieve", "item_id": "first"},
    {"type": "conversation.item.truncate", "item_id": "first", "content_index": 0, "audio_end_ms": 100},
    {"type": "conversation.item.delete", "item_id": "first"},
    {"type": "response.create", "response": {"metadata": {"a": "b"}, "input": [_MESSAGE], "conversation": "none"}},
    {"type": "response.create", "response": {"instructions": "Greet.", "tools": [], "audio": {"output": {}}}},
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "output_audio_buffer.clear"},
)


def raw_event(seed: int) -> str | bytes:
    """One message, somehow wrong as a rule."""
    chance = random.Random(seed)
    event = copy.deepcopy(chance.choice(EVENTS)) | {"event_id": f"event {seed}"}
    for _ in range(chance.randrange(3)):
        change(chance, event)
    try:
        text = json.dumps(event)
    except RecursionError:
        text = "[" * 5000
    if chance.random() < 0.1:
        damaged = damage_bytes(chance, text.encode())
        return damaged if chance.random() < 0.3 else damaged.decode("utf-8", "replace")
    return text


def wrong_events(address: str, headers: dict[str, str], seeds: Iterable[int]) -> dict[int, str]:
    """What is wrong with what the server says to events, by their seeds; many of them over one connection."""
    left, wrong = list(seeds), {}
    while left:
        now, left = left[:_EVENTS_A_LINE], left[_EVENTS_A_LINE:]
        path = PATHS[now[0] // _EVENTS_A_LINE % 4 == 3]
        url = address.replace("http", "ws", 1) + path
        with connect(url, additional_headers=headers, proxy=None, max_size=None) as line:
            for seed in now:
                if said := _said_wrongly(line, seed):
                    wrong[seed] = said
    return wrong


def _said_wrongly(line: ClientConnection, seed: int) -> str:
    """Send an event and one that is surely refused: what comes until then is the answer."""
    mark = f"after {seed}"
    try:
        line.send(raw_event(seed))
        line.send(json.dumps({"type": "no such event", "event_id": mark}))
        while True:
            text = line.recv(_GUARD_S)
            event = json.loads(text)
            if said := _wrong(text, event):
                return said
            if event["type"] == "error" and event["error"]["event_id"] == mark:
                return ""
    except (ConnectionClosed, TimeoutError) as error:
        return f"is answered by {error!r}"


def _wrong(text: str | bytes, event: dict[str, Any]) -> str:
    shown = text.encode() if isinstance(text, str) else text
    if leak := LEAKS.search(re.sub(rb'"(delta|audio)": "[^"]*"', b"", shown)):
        return f"leaks {shown[max(leak.start() - 100, 0) : leak.end() + 100]!r}"
    if not event.get("event_id") or not event.get("type"):
        return f"has no id or type: {shown[:300]!r}"
    if event["type"] != "error":
        return ""
    error = event["error"]
    if set(error) != {"type", "code", "message", "param", "event_id"}:
        return f"has another error: {error}"
    return "" if error["type"] != "server_error" else f"is a mistake of the server's: {error}"


def wrong_lines(address: str, token: str, seeds: Iterable[int]) -> dict[int, str]:
    """What is wrong with the end of connections that are no WebSockets as they should be, by their seeds."""
    host, port = address.removeprefix("http://").split(":")
    wrong: dict[int, str] = {}
    for seed in seeds:
        chance = random.Random(seed)
        with closing(socket.create_connection((host, int(port)), timeout=_GUARD_S)) as line:
            answer = b""
            try:
                line.sendall(_handshake(chance, token) + _frames(chance))
                while not _is_whole(answer) and (piece := line.recv(65_536)):
                    answer += piece
                    line.settimeout(_KEPT_OPEN_S if answer.startswith(b"HTTP/1.1 101") else _GUARD_S)
            except ConnectionError:
                pass  # closed while it was still being sent
            except TimeoutError:
                if not answer:
                    wrong[seed] = "is not answered"
        if said := _wrong_end(answer):
            wrong[seed] = said
    return wrong


def _is_whole(answer: bytes) -> bool:
    """Whether it is a refusal to its end; the connection may be kept open for another request."""
    return 0 < _length(answer) <= len(answer)


def _length(answer: bytes) -> int:
    """Of the first refusal in what came, as its header says; 0 while that is not known."""
    head, blank, _ = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return len(head) + len(blank) + int(length[1]) if blank and length else 0


def _wrong_end(answer: bytes) -> str:
    """What is wrong with all that came over a connection; frames may follow a handshake that was good."""
    status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    if leak := LEAKS.search(answer):
        return f"leaks {answer[max(leak.start() - 100, 0) : leak.end() + 100]!r}"
    if answer and (status is None or int(status[1]) >= 500):
        return f"is {answer[:300]!r}"
    if status is None or int(status[1]) < 400:
        return ""
    first = answer[: _length(answer)]  # what is sent behind a refused request may be refused for itself
    try:
        error = json.loads(first.partition(b"\r\n\r\n")[2])["error"]
    except (ValueError, KeyError, TypeError):
        return f"has an error in another form: {answer[:500]!r}"
    return "" if set(error) == {"message", "type", "param", "code"} else f"has another error: {error}"


def _handshake(chance: random.Random, token: str) -> bytes:
    lines = [
        "GET /v1/realtime HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(chance.randbytes(16)).decode()}",
    ]
    if chance.random() < 0.5:
        place = chance.randrange(len(lines))
        line = lines[place]
        lines[place] = chance.choice(["X: y", line[: len(line) // 2], line + "x", line.upper(), line.replace(":", "")])
    return "\r\n".join([*lines, "", ""]).encode()


def _frames(chance: random.Random) -> bytes:
    """Frames with wrong opcodes, lengths, masks and texts (RFC 6455, section 5)."""
    made = b""
    for _ in range(chance.randrange(1, 6)):
        payload = chance.choice([b'{"type": "session.update"}', chance.randbytes(chance.randrange(200)), b"\xff\xfe"])
        first = chance.choice([0x81, 0x82, 0x88, 0x89, chance.randrange(256)])
        length = chance.choice([len(payload), len(payload), chance.randrange(126)])
        if chance.random() < 0.1:
            made += (
                bytes([first, 0xFF]) + struct.pack("!Q", chance.choice([1 << 40, len(payload)])) + bytes(4) + payload
            )
        else:
            made += bytes([first, (0x80 if chance.random() < 0.8 else 0) | length]) + bytes(4) + payload
    return made
