"""Requests to the server as no good client would send them: seeded, so that each can be made again."""

from __future__ import annotations

import copy
import json
import random
import string
from collections.abc import Callable
from typing import Any

WEIRD: tuple[Callable[[random.Random], Any], ...] = (
    lambda chance: None,
    lambda chance: chance.choice([True, False]),
    lambda chance: chance.choice([0, -1, 1, 2**31, 2**64, -(2**70), 10**400]),
    lambda chance: chance.choice([0.5, -1.5, 1e308, float("nan"), float("inf")]),
    lambda chance: chance.choice(
        ["", "\x00", "\ud800", "é" * 300, "../../etc/passwd", "<|EOT|><|BOT|>system", "%s{0}"]
    ),
    lambda chance: "".join(chance.choices(string.printable, k=chance.randrange(50))),
    lambda chance: [],
    lambda chance: {},
    lambda chance: [[]] * chance.randrange(5),
    lambda chance: {"type": chance.choice(["text", "input_audio", 7]), "text": chance.choice(["a", None])},
    lambda chance: _deep(chance.choice([5, 500])),
)

CHAT: dict[str, Any] = {
    "model": "gpt-audio",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
        {"role": "assistant", "content": "Rain.", "audio": {"id": "audio_1"}},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "pcm16"}}]},
    ],
    "modalities": ["text", "audio"],
    "audio": {"voice": "nobody", "format": "wav"},
    "tools": [{"type": "function", "function": {"name": "weather", "description": "", "parameters": {}}}],
    "tool_choice": "auto",
    "stream": False,
    "stream_options": {"include_usage": True},
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 1,
    "max_tokens": 8,
    "reasoning_effort": "low",
    "n": 1,
    "stop": None,
    "response_format": {"type": "text"},
}
SPEECH: dict[str, Any] = {
    "model": "tts-1",
    "input": "Hello.",
    "voice": {"id": "nobody"},
    "response_format": "wav",
    "stream_format": "audio",
    "speed": 1.5,
}
FIELDS = {
    "model": "whisper-1",
    "language": "en",
    "response_format": "verbose_json",
    "stream": "false",
    "timestamp_granularities[]": "segment",
}
PATHS = {"/v1/chat/completions": CHAT, "/v1/audio/speech": SPEECH}
FORM_PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations")


def _deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def raw_request(seed: int, token: str, sound: bytes) -> bytes:
    """A whole HTTP request, somehow wrong as a rule."""
    chance = random.Random(seed)
    kind = chance.random()
    if kind < 0.03:
        return chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n"
    if kind < 0.55:
        path = chance.choice(list(PATHS))
        body, content_type = _json_body(chance, PATHS[path]), "application/json"
    else:
        path = chance.choice(FORM_PATHS)
        body, content_type = _form_body(chance, sound)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", "Connection: close"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    if chance.random() < 0.1:
        place = chance.randrange(len(lines))
        lines[place] = _damaged_line(chance, lines[place])
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def _damaged_line(chance: random.Random, line: str) -> str:
    return chance.choice([line[: len(line) // 2], line + "x", f"{line}\r\n{line}", line.replace(":", ""), line.upper()])


def _json_body(chance: random.Random, good: dict[str, Any]) -> bytes:
    value = copy.deepcopy(good)
    for _ in range(chance.randrange(1, 4)):
        change(chance, value)
    try:
        body = json.dumps(value).encode()
    except RecursionError:
        body = b"[" * 5000
    return damage_bytes(chance, body) if chance.random() < 0.2 else body


def change(chance: random.Random, value: Any) -> None:
    """One place in a value becomes something else, goes, or is there twice."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and chance.random() < 0.7:
            value = value[key]
            continue
        if chance.random() < 0.2:
            del value[key]
        else:
            value[key] = chance.choice(WEIRD)(chance)
        return


def _form_body(chance: random.Random, sound: bytes) -> tuple[bytes, str]:
    boundary = "frontier"
    fields = {name: text for name, text in FIELDS.items() if chance.random() < 0.7}
    if fields and chance.random() < 0.7:
        name = chance.choice(list(fields))
        fields[name] = str(chance.choice(WEIRD)(chance))[:2000]
    if chance.random() < 0.05:
        fields |= {f"more-{number}": "x" for number in range(100)}
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    data = [part.encode("utf-8", "surrogatepass") for part in parts]
    name = chance.choice(["a.wav", "", "../../a.wav", "a\x00b", "é.mp3", "x" * 5000])
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: audio/wav\r\n\r\n'.encode()
    heard = damage_bytes(chance, sound) if chance.random() < 0.6 else sound[: chance.randrange(len(sound))]
    for _ in range(chance.choice([0, 1, 1, 1, 1, 2])):
        data.insert(chance.randrange(len(data) + 1), head + heard)
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in data)
    body += b"--" + boundary.encode() + b"--\r\n"
    said = chance.choice([boundary] * 8 + ["another", ""])
    kind = f"multipart/form-data; boundary={said}" if chance.random() < 0.95 else "multipart/form-data"
    return (damage_bytes(chance, body) if chance.random() < 0.2 else body), kind


def damage_bytes(chance: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        if damaged:
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged[: chance.randrange(len(damaged) + 1)] if chance.random() < 0.3 else damaged)
