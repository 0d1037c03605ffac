"""Thousands of damaged messages to /earshot/v1: each is answered or ends its connection, and nothing fails inside."""

from __future__ import annotations

import json
import logging
import random
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from engine.errors import EngineError
from engine.remote.address import Address
from engine.remote.earshot.connection import Connection, LostConnectionError
from engine.remote.earshot.speaking import voice_bytes
from engine.remote.earshot.wire import Message, numbers_bytes, samples_bytes
from tests.engine.serving.conftest import TOKEN, Served, nobody, served  # noqa: F401 (a fixture)

_DAMAGED_VALUES, _DAMAGED_BYTES = 4000, 1000
_ANYTHING: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 7, 1 << 31, 1 << 63, 1 << 200, -(1 << 63), 0.5, -0.0, 1e308, float("nan")),
    *("", "x", "en", "Klingon", "\ud800", "../../etc/passwd", "x" * 300, [], [1], [[0, 1, "d"]], [[1, 0, "d"]]),
    *([None] * 70, {}, {"a": 1}, {"temperature": "hot"}, {"kinds": {}}, {"kinds": {"text_end": 1}}, {"top_k": 1e9}),
)


def _usual(there: Served) -> list[tuple[dict[str, Any], bytes]]:
    """One message of every kind, as an Earshot sends it."""
    prompt = {"reader": "r", "sounds": [], "shared": 1, "sampling": {"temperature": 0.5, "top_k": 5, "seed": 1}}
    ids = numbers_bytes([there.engine.vocabulary.bot, 5, 6, 7])
    sound = samples_bytes(np.zeros(1600, np.float32))
    return [
        ({"do": "write", **prompt, "end_ids": [3], "max_tokens": 2, "penalise_prompt": True}, ids),
        ({"do": "prefer", **prompt, "id": 1, "other": 2}, ids),
        ({"do": "hear", "digest": "d"}, sound),
        ({"do": "warm", "synthesizer": 1}, b""),
        ({"do": "voice", "name": "x"}, b""),
        ({"do": "analyse", "name": "x"}, sound),
        ({"do": "synthesizer", "steps": 1, "seed": 1}, voice_bytes(nobody(there.engine))),
        ({"do": "piece", "synthesizer": 1, "size": 10, "fresh": True, "finished": True}, numbers_bytes([1, 2, 3])),
        ({"do": "recognise", "lengths": [1600], "language": "en", "translate_to": ""}, sound),
        ({"do": "drop", "reader": "r"}, b""),
        ({"do": "cancel"}, b""),
    ]


def _damaged(chance: random.Random, value: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    value = dict(value)
    for _ in range(chance.randint(1, 2)):
        name = chance.choice([*value, "call"])
        if chance.random() < 0.2:
            value.pop(name, None)
        else:
            value[name] = chance.choice(_ANYTHING)
    if chance.random() < 0.3:
        place = chance.randrange(len(data) + 1)
        data = data[:place] + chance.randbytes(chance.randint(0, 9)) + data[place + chance.randint(0, 9) :]
    return value, data


@pytest.fixture
def connections(served: Served) -> Iterator[Any]:  # noqa: F811
    kept: list[Connection] = []

    def opened() -> Connection:
        if not kept or not kept[-1].is_open:
            connection = Connection.open(Address.of(served.server.address), TOKEN)
            assert connection is not None
            kept.append(connection)
        return kept[-1]

    yield opened
    for each in kept:
        each.close()


def test_damaged_messages_are_answered_and_harm_nothing(
    served: Served,  # noqa: F811
    connections: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance, usual = random.Random(0), _usual(served)
    with caplog.at_level(logging.ERROR):
        for _ in range(_DAMAGED_VALUES):
            value, data = _damaged(chance, *chance.choice(usual))
            _send(connections(), value, data)
        for _ in range(_DAMAGED_BYTES):
            value, data = chance.choice(usual)
            raw = bytearray(Message({"call": 1 << 20, **value}, data).pack())
            for _ in range(chance.randint(1, 4)):
                raw[chance.randrange(min(len(raw), 200))] = chance.randrange(256)
            try:
                connections()._socket.send(bytes(raw))
            except ConnectionClosed:
                continue
        connections().close()
        connections().call("tokenizer").end()
    assert [record.getMessage() for record in caplog.records] == []


def _send(connection: Connection, value: dict[str, Any], data: bytes) -> None:
    """One message, and what comes of it. Those without a number of ours are not waited for."""
    do, call = value.pop("do", None), value.pop("call", None)
    try:
        if isinstance(do, str) and call is None and do not in ("drop", "cancel"):
            connection.call(do, data, **value).end()
        else:
            head = json.dumps({"do": do, "call": call, **value}).encode()
            connection._socket.send(struct.pack("<I", len(head)) + head + data)
    except (EngineError, LostConnectionError, ConnectionClosed):
        return
