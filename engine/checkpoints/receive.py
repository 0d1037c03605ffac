"""Receives one file from the hub in pieces, however the server treats ranges and lengths."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checkpoints.hub import PassingError, RangeRefusedError, RemoteFile
from engine.errors import CheckpointError

if TYPE_CHECKING:
    import httpx

_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")


class Receiver:
    """Appends what is missing of `file` to `part`; `open_from` asks the hub for the file from a byte on."""

    def __init__(
        self, file: RemoteFile, part: Path, open_from: Callable[[int], AbstractContextManager[httpx.Response]]
    ) -> None:
        self._file, self._part, self._open_from = file, part, open_from
        self._by_range = True  # until the server refuses to send the rest alone

    def receive(self) -> Iterator[int]:
        """Receive until all is there; yields how many bytes are.

        Raises PassingError when it broke off and is worth another call, CheckpointError for a file of another length.
        """
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(handle, "ab", buffering=0) as sink:
            have = os.fstat(handle).st_size
            if have > self._file.bytes:  # of another revision
                sink.truncate(have := 0)
            if have < self._file.bytes:
                yield from self._append(sink, have)
            os.fsync(handle)

    def _append(self, sink: RawIOBase, have: int) -> Iterator[int]:
        try:
            with self._open_from(have if self._by_range else 0) as answer:
                repeated = have - self._start_of(answer, have)
                for block in answer.iter_raw():
                    news = block[repeated:]
                    repeated = max(0, repeated - len(block))
                    room = self._file.bytes - have
                    sink.write(news[:room])
                    have += min(room, len(news))
                    yield have
                    if len(news) > room:
                        raise self._of_other_length()
        except RangeRefusedError:
            self._by_range = False
            raise
        if have < self._file.bytes:
            raise PassingError(
                "{file} broke off after {have:,} of {total:,} bytes",
                file=self._file.path,
                have=have,
                total=self._file.bytes,
            )

    def _start_of(self, answer: httpx.Response, have: int) -> int:
        """The byte of the file that an answer begins with; before `have`, or there."""
        start, size = 0, "*"
        if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
            named = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if named is None or int(named[1]) > have:
                raise RangeRefusedError(
                    "{host} sends the wrong part of {file}", host=answer.url.host, file=self._file.path
                )
            start, size = int(named[1]), named[2]
        length = answer.headers.get("Content-Length", "")
        if size not in ("*", str(self._file.bytes)):
            raise self._of_other_length()
        if length.isdecimal() and len(length) < 19 and int(length) > self._file.bytes - start:
            raise self._of_other_length()
        return start

    def _of_other_length(self) -> CheckpointError:
        return CheckpointError(
            "{file} is not {total:,} bytes long, as the hub lists it. Start the download again later; "
            "what arrived is kept.",
            file=self._file.path,
            total=self._file.bytes,
        )
