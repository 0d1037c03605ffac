"""Sends requests as bytes and looks at what comes back."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from engine.serving import Server

LEAKS = re.compile(rb'Traceback|File \\?"|/tmp/|/usr/|site-packages|0x[0-9a-f]{8}')


_KEPT_OPEN_S = 5.0  # a connection of which nobody said that it should be closed


class EndsAtOnce(list[Any]):
    """Scripts without end, each of which ends the model's answer at once."""

    def __init__(self, eot: int) -> None:
        super().__init__()
        self._eot = eot

    def __bool__(self) -> bool:
        return True

    def pop(self, *_: Any) -> list[int]:
        """The next script."""
        return [self._eot]


def wrong_answers(address: str, requests: Iterable[tuple[int, bytes]]) -> dict[int, str]:
    """What is wrong with the answers, by the seed of the request."""
    host, port = address.removeprefix("http://").split(":")
    wrong: dict[int, str] = {}
    for seed, request in requests:
        with closing(socket.create_connection((host, int(port)), timeout=60)) as line:
            answer = b""
            try:
                line.sendall(request)
                while piece := line.recv(65_536):
                    answer += piece
                    line.settimeout(_KEPT_OPEN_S)
            except ConnectionError:
                pass  # refused and closed while it was still being sent
            except TimeoutError:
                if not answer:
                    wrong[seed] = "is not answered"
        if said := _wrong(answer):
            wrong[seed] = said
    return wrong


def all_gone(server: Server) -> bool:
    """Whether no request is left that nobody waits for."""
    for _ in range(3000):
        if not server.access.clients:
            return True
        threading.Event().wait(0.01)
    return False


def _wrong(answer: bytes) -> str:
    """What is wrong with one answer; nothing for a good one. A request that breaks off is not answered at all."""
    if not answer:
        return ""
    head, _, body = answer.partition(b"\r\n\r\n")
    if leak := LEAKS.search(answer):
        return f"leaks {answer[max(leak.start() - 100, 0) : leak.end() + 100]!r}"
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    if not match or int(match[1]) >= 500:
        return f"is {head[:100]!r}: {body[:300]!r}"
    if int(match[1]) < 400:
        return ""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"has an error in another form: {answer[:300]!r}"
    return "" if set(error) == {"message", "type", "param", "code"} else f"has another error: {error}"
