"""Windows of speech from several recordings at once, decoded together: one batch for all who wait."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from engine.engine import Engine
from engine.events import Samples
from engine.serving.jobs import Host, Job, Priority, ended
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options, Recognised

_BATCH = 8

Text = tuple[int, str | Recognised]


@dataclass(frozen=True)
class _Kind:
    """What windows must have in common to be decoded together."""

    language: str
    translate_to: str
    details: bool


@dataclass(eq=False)
class _Wanted:
    """A window that somebody waits for, and where its text goes: (place, text), or what went wrong."""

    place: int
    samples: Samples
    texts: queue.SimpleQueue[Text | BaseException]


class Scribe:
    """Texts of windows. Its callers run on threads of their own and wait there."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._waiting: dict[_Kind, deque[_Wanted]] = {}
        self._at_work = False

    def recognise(self, options: Options, windows: Sequence[Samples], details: bool = False) -> Generator[Text]:
        """Texts of the windows with their places, as they are done. Raises what the model raises."""
        texts: queue.SimpleQueue[Text | BaseException] = queue.SimpleQueue()
        alike = _Kind(options.language, options.translate_to, details)
        wanted = [_Wanted(place, window, texts) for place, window in enumerate(windows)]
        with self._lock:
            self._waiting.setdefault(alike, deque()).extend(wanted)
            begin, self._at_work = not self._at_work, True
        if begin:
            self._host.submit(Job("transcribe for others", self._work, Priority.FILES, lambda _: None, self._ended))
        try:
            for _ in windows:
                found = texts.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            self._drop(alike, wanted)

    def _drop(self, alike: _Kind, wanted: list[_Wanted]) -> None:
        with self._lock:
            waiting = self._waiting.get(alike)
            if waiting is not None:
                self._waiting[alike] = deque(each for each in waiting if each not in wanted)

    def _next(self) -> tuple[_Kind, list[_Wanted]] | None:
        """The windows to decode together: of whoever waits longest, and of all who want it done alike."""
        with self._lock:
            for alike in list(self._waiting):
                waiting = self._waiting.pop(alike)
                if waiting:
                    batch = [waiting.popleft() for _ in range(min(_BATCH, len(waiting)))]
                    if waiting:
                        self._waiting[alike] = waiting  # behind the others
                    return alike, batch
            self._at_work = False
            return None

    def _work(self, engine: Engine, _: Job) -> Iterator[None]:
        while (together := self._next()) is not None:
            alike, batch = together
            try:
                recognise = Recogniser(engine, Options(alike.language, alike.translate_to), details=alike.details)
                for found in recognise([each.samples for each in batch]):
                    if found is not None:
                        row, text = found
                        batch[row].texts.put((batch[row].place, text))
                    yield
            except BaseException as error:
                for each in batch:  # those that have their text look no further
                    each.texts.put(ended() if isinstance(error, GeneratorExit) else error)
                if isinstance(error, GeneratorExit):
                    raise
            yield

    def _ended(self, error: BaseException | None) -> None:
        """The job is over. Without an error it had nothing left to do, and another one may have begun."""
        if error is None:
            return
        with self._lock:
            left = [each for waiting in self._waiting.values() for each in waiting]
            self._waiting.clear()
            self._at_work = False
        for each in left:
            each.texts.put(error)
