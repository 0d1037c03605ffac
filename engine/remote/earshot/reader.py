"""Hears and reads on another machine: windows of sound and prompts go there, ids come back."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from typing import Any, cast

from engine.conversation.prompting.reading import Readable
from engine.language import Sampling
from engine.remote.earshot.connection import Connection, LostConnectionError
from engine.remote.earshot.returning import Line, wait_for_return
from engine.remote.earshot.wire import ForgottenError, Message, numbers_bytes, samples_bytes, sampling_value
from engine.remote.listener import RemoteWindow


class EarshotReader:
    """A `PromptReader` on another machine. A connection that is lost in the midst of an answer is opened again, and the
    answer goes on where it was.
    """

    reads_ahead = False

    def __init__(self, line: Line) -> None:
        self._line = line
        self._name = uuid.uuid4().hex
        self.reused = 0
        self._gone = weakref.finalize(self, line.drop_reader, self._name)
        self._gone.atexit = False

    def read(self, readable: Readable) -> bool:
        """See `PromptReader`. Nothing is read ahead."""
        return False

    def forget(self) -> None:
        """See `PromptReader`. The other machine goes by what a prompt has in common with the last one."""

    def prefers(
        self, readable: Readable, id: int, other: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """See `PromptReader`. Raises RemoteError."""
        asked = {"id": id, "other": -1 if other is None else other}
        while not cancelled():
            try:
                return any(
                    answer.get("prefers", bool) for answer in self._answers("prefer", readable, asked, cancelled)
                )
            except LostConnectionError as lost:
                wait_for_return(self._line, lost, cancelled)
        return False

    def write(
        self,
        readable: Readable,
        *,
        sampling: Sampling,
        end_ids: Collection[int],
        max_tokens: int,
        penalise_prompt: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """See `PromptReader`. Raises RemoteError."""
        written: list[int] = []
        asked = {"sampling": sampling_value(sampling), "end_ids": sorted(end_ids), "penalise_prompt": penalise_prompt}
        while len(written) < max_tokens and not cancelled():
            asked["max_tokens"] = max_tokens - len(written)
            try:
                for id in self._written(readable.followed_by(written), asked, cancelled):
                    written.append(id)
                    yield id
                return
            except LostConnectionError as lost:
                wait_for_return(self._line, lost, cancelled)

    def _written(self, readable: Readable, asked: dict[str, Any], cancelled: Callable[[], bool]) -> Iterator[int]:
        with closing(self._answers("write", readable, asked, cancelled)) as answers:  # type: ignore[type-var]
            for answer in answers:
                self.reused = answer.get("reused", int, self.reused)
                yield answer.get("id", int)

    def _answers(
        self, do: str, readable: Readable, asked: dict[str, Any], cancelled: Callable[[], bool]
    ) -> Iterator[Message]:
        """What is answered about a prompt; its sounds are sent before, those again that were forgotten there."""
        connection = self._line.connection()
        windows = cast("tuple[RemoteWindow, ...]", readable.sounds)
        places = [
            [where.start, where.stop, window.digest]
            for where, window in zip(readable.prompt.sounds, windows, strict=True)
        ]
        value = {"reader": self._name, "sounds": places, "shared": readable.shared, **asked}
        data = numbers_bytes(readable.prompt.ids)
        _send_sounds(connection, windows)
        try:
            yield from connection.call(do, data, **value).answers(cancelled)
        except ForgottenError:
            connection.sounds.clear()
            _send_sounds(connection, windows)
            yield from connection.call(do, data, **value).answers(cancelled)


def _send_sounds(connection: Connection, windows: Sequence[RemoteWindow]) -> None:
    """Let the other machine hear what it does not know yet. Raises LostConnectionError, and what it says of them."""
    for window in windows:
        if window.digest not in connection.sounds:
            connection.call("hear", samples_bytes(window.samples_16k), digest=window.digest).end()
            connection.sounds.add(window.digest)
