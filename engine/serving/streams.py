"""Answers that are sent while they are made."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from engine.serving.problems import error_value, problem_of

DONE = b"data: [DONE]\n\n"


class Stream(StreamingResponse):
    """Bytes as they come; however it ends, what makes them is closed at once."""

    def __init__(self, pieces: AsyncGenerator[bytes], media_type: str) -> None:
        super().__init__(pieces, media_type=media_type, headers={"cache-control": "no-cache"})
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()


def sse(values: AsyncGenerator[Any], *, done: bool = True) -> Stream:
    """Server-sent events (WHATWG HTML, section 9.2), one JSON value each; what goes wrong is the last, as an error."""

    async def lines() -> AsyncGenerator[bytes]:
        try:
            async for value in values:
                yield _line(value)
        except Exception as error:
            problem = problem_of(error)
            yield _line({"error": error_value(problem.status_code, problem.detail, problem.param, problem.code)})
        finally:
            await values.aclose()
        if done:
            yield DONE

    return Stream(lines(), "text/event-stream")


def _line(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
