"""Hears and reads on another machine: windows of sound and prompts go there, ids come back."""

from __future__ import annotations

import hashlib
import uuid
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from engine.conversation.prompting.reading import Readable
from engine.events import Samples
from engine.hearing import WINDOW_SAMPLES, frame_count, patch_count
from engine.language import Sampling
from engine.remote.earshot.connection import Connection, LostConnectionError
from engine.remote.earshot.returning import Line, wait_for_return
from engine.remote.earshot.wire import (
    Message,
    UnknownSoundError,
    numbers_bytes,
    samples_bytes,
    sampling_value,
)


@dataclass(frozen=True, eq=False)
class RemoteWindow:
    """A window of a sound that another machine hears; `shape` as that of its embeddings there."""

    samples_16k: Samples
    digest: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, samples_16k: Samples) -> RemoteWindow:
        """A window of at most 25 s."""
        digest = hashlib.sha256(samples_bytes(samples_16k)).hexdigest()[:32]
        return cls(samples_16k, digest, (patch_count(frame_count(len(samples_16k))),))


class RemoteListener:
    """Cuts sounds into windows as `Hearing` does; they are sent when they are first read."""

    def patch_counts(self, samples: int) -> list[int]:
        """See `Hearing.patch_counts`."""
        starts = range(0, samples, WINDOW_SAMPLES)
        return [patch_count(frame_count(min(WINDOW_SAMPLES, samples - start))) for start in starts]

    def listen(self, samples_16k: Samples) -> tuple[RemoteWindow, ...]:
        """See `Hearing.listen`."""
        samples = np.asarray(samples_16k, np.float32)
        starts = range(0, len(samples), WINDOW_SAMPLES)
        windows = (RemoteWindow.of(samples[start : start + WINDOW_SAMPLES]) for start in starts)
        return tuple(window for window in windows if window.shape[0])


class RemoteReader:
    """A `PromptReader` on another machine. A connection that is lost in the midst of an answer is opened again, and the
    answer goes on where it was.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._name = uuid.uuid4().hex
        self.reused = 0
        self._gone = weakref.finalize(self, _drop, line, self._name)
        self._gone.atexit = False

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
        except UnknownSoundError:
            connection.sounds.clear()
            _send_sounds(connection, windows)
            yield from connection.call(do, data, **value).answers(cancelled)


def _send_sounds(connection: Connection, windows: Sequence[RemoteWindow]) -> None:
    """Let the other machine hear what it does not know yet. Raises LostConnectionError, and what it says of them."""
    for window in windows:
        if window.digest not in connection.sounds:
            connection.call("hear", samples_bytes(window.samples_16k), digest=window.digest).end()
            connection.sounds.add(window.digest)


def _drop(line: Line, name: str) -> None:
    """Let the other machine forget a reader that nobody has any more."""
    line.drop_reader(name)
