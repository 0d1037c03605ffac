"""What goes wrong, in OpenAI's form: {"error": {"message", "type", "param", "code"}}. Nothing internal is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.errors import EngineError, Sentence
from engine.ranks.group import LostRankError
from engine.serving.jobs import HostEndedError, SlowReaderError

log = logging.getLogger(__name__)

_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_STATUS: dict[type[EngineError], int] = {HostEndedError: 503, LostRankError: 503, SlowReaderError: 408}
_USUAL = {404: "There is no such route here.", 405: "This route does not take that method."}
UNEXPECTED = "Something unexpected went wrong in Earshot. Its log says more."


class ProblemError(HTTPException):
    """A request that cannot be carried out, with its status and a sentence."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers) if headers else None)
        self.param, self.code = param, code


def error_value(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, object]:
    """The object that stands for a problem in an answer, a stream or an event."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": param, "code": code}


def problem_of(error: BaseException) -> ProblemError:
    """What to tell of an exception: its sentence if it is one for people, else nothing but that it happened."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return ProblemError(error.status_code, _USUAL.get(error.status_code, error.detail), headers=error.headers)
    if isinstance(error, EngineError):
        return ProblemError(_STATUS.get(type(error), 400), _without_folders(error.sentence))
    if isinstance(error, ClientDisconnect):
        return ProblemError(499, "The client went away.")
    log.error("a request failed", exc_info=error)
    return ProblemError(500, UNEXPECTED)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Starlette's handler of exceptions."""
    problem = problem_of(error)
    value = error_value(problem.status_code, problem.detail, problem.param, problem.code)
    return JSONResponse({"error": value}, problem.status_code, problem.headers)


def _without_folders(sentence: str) -> str:
    """The sentence, but for where files lie on this machine."""
    if not isinstance(sentence, Sentence) or not sentence.arguments:
        return sentence
    return sentence.template.format(**{name: _told(value) for name, value in sentence.arguments.items()})


def _told(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name or str(value)
    if isinstance(value, OSError):
        return value.strerror or type(value).__name__
    return _without_folders(value) if isinstance(value, str) else value
