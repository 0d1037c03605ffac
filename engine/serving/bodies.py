"""Requests whose body is a JSON object, and fields of it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from engine.serving.problems import ProblemError

MOST_BYTES = 256 * 1024 * 1024  # an hour of 16 kHz sound in base64 is 154 MB


async def json_object(request: Request) -> dict[str, Any]:
    """The body. Raises ProblemError when it is anything else."""
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > MOST_BYTES:
            raise ProblemError(413, f"The request is larger than {MOST_BYTES:,} bytes.", code="request_too_large")
        pieces.append(piece)
    try:
        value = json.loads(b"".join(pieces))
    except (ValueError, RecursionError):
        raise ProblemError(400, "The body of the request is not JSON.") from None
    if not isinstance(value, dict):
        raise ProblemError(400, "The body of the request is no JSON object.")
    return value


def text_of(value: dict[str, Any], name: str, default: str | None = None) -> str:
    """A field that is a text; it must be there where there is no default."""
    found = value.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, str):
        raise ProblemError(400, f"{name} must be a text.", param=name)
    if any("\ud800" <= sign <= "\udfff" for sign in found):
        raise ProblemError(400, f"{name} holds half a sign (a lone surrogate).", param=name)
    return found


def number_of(value: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    """A field that is a number from `least` to `most`."""
    found = value.get(name)
    if found is None:
        return default
    if not isinstance(found, int | float) or isinstance(found, bool) or not least <= found <= most:
        raise ProblemError(400, f"{name} must be a number from {least:g} to {most:g}.", param=name)
    return float(found)


def flag_of(value: dict[str, Any], name: str, default: bool = False) -> bool:
    """A field that is true or false."""
    found = value.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise ProblemError(400, f"{name} must be true or false.", param=name)
    return found


def one_of(value: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    """A field that is one of some texts."""
    found = text_of(value, name, default)
    if found not in known:
        raise ProblemError(400, f"{name} is one of {', '.join(known)}.", param=name)
    return found
