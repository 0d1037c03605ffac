"""The hub that publishes models: its lists of files, and its files, over HTTP.

$HF_ENDPOINT names another hub and $HF_TOKEN the key to it, as Hugging Face's own tools have it.
"""

from __future__ import annotations

import email.utils
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.errors import CheckpointError, SentenceError

if TYPE_CHECKING:
    import httpx  # slow to import, and most starts of the app download nothing

HUB = "https://huggingface.co"
_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 15.0
_LARGEST_LIST = 32 << 20
_LARGEST_FILE = 1 << 50
_MOST_PAGES = 50
_MOST_REDIRECTIONS = 10
_MOST_REDIRECTIONS = 10
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
COMMIT = re.compile(r"[0-9a-f]{40,64}")
_DIGEST = re.compile(r"[0-9a-f]+")
_SHA1_DIGITS, _SHA256_DIGITS = 40, 64


class PassingError(SentenceError):
    """What may be over in a moment: the second half of a sentence, and the wait that the server asked for."""

    def __init__(self, template: str, /, wait_s: float | None = None, **arguments: Any) -> None:
        super().__init__(template, **arguments)
        self.wait_s = wait_s


class RangeRefusedError(PassingError):
    """The server cannot send the rest of a file alone."""


class NotThereError(CheckpointError):
    """The hub does not have what was asked for."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a published folder. `hash` is its SHA-256 (64 digits) or its git blob hash (40 digits)."""

    path: str
    bytes: int
    hash: str

    @property
    def hashed_by_git(self) -> bool:
        """Whether `hash` is the SHA-1 of git's header and the content, which small files have."""
        return len(self.hash) == _SHA1_DIGITS


class Hub:
    """A hub at one address. Its methods raise PassingError for what is worth another try, otherwise CheckpointError.

    The token goes to that address only: not to other hosts that the hub refers to, and into no message.
    """

    def __init__(self, address: str = HUB, token: str = "", now: Callable[[], float] = time.time) -> None:
        import httpx

        self._address, self._now, self._answered = address.rstrip("/"), now, False
        try:
            self._url = httpx.URL(self._address)
            timeout = httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
            self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            raise CheckpointError(
                "The address or proxy of the hub cannot be used ({reason}). Correct it.", reason=error
            ) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise CheckpointError(
                "{address!r} is not the address of a hub: it must begin with https://. Correct HF_ENDPOINT.",
                address=address,
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise CheckpointError("HF_TOKEN contains characters that a token never has. Copy the token again.")
        # Not compressed: a range would count the compressed bytes, and go on in the middle of nothing.
        self._headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})

    @classmethod
    def of_environment(cls, now: Callable[[], float] = time.time) -> Hub:
        """The hub that the environment names, or the usual one."""
        return cls(os.environ.get("HF_ENDPOINT", "").strip() or HUB, os.environ.get("HF_TOKEN", "").strip(), now)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def find_commit(self, repository: str) -> str:
        """The newest revision of a repository."""
        answer, _ = self._read_json(repository, f"{self._address}/api/models/{repository}/revision/main")
        commit = answer.get("sha") if isinstance(answer, dict) else None
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            raise _not_understood(repository)
        return commit

    def list_files(self, repository: str, commit: str) -> list[RemoteFile]:
        """All files of one revision."""
        url = f"{self._address}/api/models/{repository}/tree/{commit}?recursive=true"
        entries: list[Any] = []
        for _ in range(_MOST_PAGES):
            page, following = self._read_json(repository, url)
            if not isinstance(page, list):
                raise _not_understood(repository)
            entries += page
            if not following:
                return _remote_files(entries, repository)
            url = following
        raise _not_understood(repository)

    @contextmanager
    def open_file(self, repository: str, commit: str, path: str, start: int = 0) -> Iterator[httpx.Response]:
        """A file's bytes from `start` on, or the whole file where the server knows no ranges."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._open(f"{self._address}/{repository}/resolve/{commit}/{quote(path)}", headers) as answer:
            yield answer

    def _read_json(self, repository: str, url: str) -> tuple[Any, str]:
        """The JSON value at `url`, and the address of the next page if there is one."""
        body = bytearray()
        with self._open(url) as answer:
            for block in answer.iter_raw():
                body += block
                if len(body) > _LARGEST_LIST:
                    raise CheckpointError("{host} sends a list without end. Try again later.", host=self._url.host)
            following = answer.links.get("next", {}).get("url", "")
        following_url = self._url.join(following)
        if following and (following_url.scheme, following_url.netloc) != (self._url.scheme, self._url.netloc):
            raise CheckpointError("{host} continues its list at another address. Try again later.", host=self._url.host)
        try:
            return json.loads(body), str(following_url) if following else ""
        except (ValueError, RecursionError):
            raise _not_understood(repository) from None

    @contextmanager
    def _open(self, url: str, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        import httpx

        try:
            answer = self._ask(self._client.build_request("GET", url, headers=self._headers | (headers or {})))
            with closing(answer):
                self._check(answer)
                yield answer
        except httpx.RequestError as error:
            host, reason = self._url.host, str(error) or type(error).__name__
            if not self._answered and isinstance(error, httpx.ConnectError):
                raise CheckpointError(
                    "The hub cannot be reached ({host}: {reason}). Check the connection and start it again.",
                    host=host,
                    reason=reason,
                ) from error
            raise PassingError("{host}: {reason}", host=host, reason=reason) from error

    def _ask(self, request: httpx.Request) -> httpx.Response:
        """The answer at the end of all redirections, its body not yet read.

        httpx would read the bodies of redirections, however long; it does take the token off at other hosts.
        """
        for _ in range(_MOST_REDIRECTIONS):
            answer = self._client.send(request, stream=True)
            self._answered = True
            if answer.next_request is None:
                return answer
            answer.close()
            if answer.url.scheme == "https" != answer.next_request.url.scheme:
                raise CheckpointError(
                    "{host} redirects to an address that is not secure. Try again later.", host=answer.url.host
                )
            request = answer.next_request
        raise PassingError("{host} redirects without end", host=self._url.host)

    def _check(self, answer: httpx.Response) -> None:
        """Raise what an answer's status means."""
        status, host = answer.status_code, answer.url.host
        if status in _PASSING_STATUS:
            wait_s = self._asked_wait_s(answer.headers.get("Retry-After", ""))
            raise PassingError(
                "{host} answered {status} {phrase}", wait_s, host=host, status=status, phrase=_phrase(status)
            )
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise RangeRefusedError("{host} does not send the rest of a file", host=host)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise CheckpointError(
                "{host} gives this model only to those it knows. Set HF_TOKEN to a token that may read it.", host=host
            )
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise NotThereError("{host} does not have this model, or not in this revision. Try again later.", host=host)
        if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise CheckpointError(
                "{host} answered {status} {phrase}. Try again later.", host=host, status=status, phrase=_phrase(status)
            )
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise PassingError("{host} sends compressed data although it was asked not to", host=host)

    def _asked_wait_s(self, value: str) -> float | None:
        """Seconds of a Retry-After header: a number, or a date."""
        if value.strip().isdecimal() and len(value) < 10:
            return float(value)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - self._now())
        except (ValueError, TypeError, OverflowError):
            return None


def _phrase(status: int) -> str:
    try:
        return f"({HTTPStatus(status).phrase})"
    except ValueError:
        return "(an unknown status)"


def _not_understood(repository: str) -> CheckpointError:
    return CheckpointError(
        "The list of files of {repository} could not be understood. Try again later.", repository=repository
    )


def _remote_files(entries: list[Any], repository: str) -> list[RemoteFile]:
    try:
        files = [_remote_file(entry) for entry in entries if entry["type"] == "file"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _not_understood(repository) from None
    if len({file.path.casefold() for file in files}) < len(files):  # a Mac tells capitals not apart
        raise _not_understood(repository)
    return files


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    path, lfs = PurePosixPath(entry["path"]), entry.get("lfs") or {}
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
        raise ValueError(entry["path"])
    size = lfs.get("size", entry["size"])
    digest = str(lfs["oid"]).removeprefix("sha256:") if lfs else entry["oid"]
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _LARGEST_FILE:
        raise ValueError(size)
    if len(digest) != (_SHA256_DIGITS if lfs else _SHA1_DIGITS) or not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return RemoteFile(str(path), size, digest)
