"""What a client's microphone hears: kept until it is an item, and searched for where speech begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.events import Samples
from engine.serving.realtime.config import TurnDetection
from engine.speech_detector import SpeechDetector

_PER_MS = SpeechDetector.RATE_HZ // 1000
_BEGINS_AFTER = 3  # chunks of speech in a row: a click is not speech
_LESS_LIKELY = 0.15  # speech goes on at a lower likelihood than it begins at
_AT_ONCE_S = 0.5  # of sound that is searched for speech on the event loop
MOST_S = 900  # of one utterance


@dataclass(frozen=True)
class SpeechStarted:
    """Somebody began to speak, so many milliseconds after the session began, padding included."""

    at_ms: int


@dataclass(frozen=True, eq=False)
class SpeechStopped:
    """They stopped; the buffer holds what was said, and `samples_16k` is that. Nothing of it is left in the buffer."""

    at_ms: int
    samples_16k: Samples


class InputBuffer:
    """Sound at 16 kHz that was sent and is no item yet. With a `detection`, silence is dropped as it passes."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._length = 0
        self._start = 0  # the place of the first piece among all samples that were sent
        self._edges: _Edges | None = None
        self._detection: TurnDetection | None = None

    def detect(self, detection: TurnDetection | None) -> None:
        """Look for speech as a client wishes from now on."""
        if detection != self._detection:
            self._detection = detection
            self._edges = None if detection is None else _Edges(detection, self._end)

    @property
    def seconds(self) -> float:
        """How much sound there is."""
        return self._length / SpeechDetector.RATE_HZ

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks, as far as was heard."""
        return self._edges is not None and self._edges.speaking

    @property
    def heard_ms(self) -> int:
        """How much was sent since the session began."""
        return self._end // _PER_MS

    async def search(self, samples: Samples) -> list[SpeechStarted | SpeechStopped]:
        """`push`, beside the event loop where it takes long."""
        found = self.push(samples)
        if len(samples) < _AT_ONCE_S * SpeechDetector.RATE_HZ:
            return list(found)
        return await asyncio.to_thread(list, found)

    def push(self, samples: Samples) -> Iterator[SpeechStarted | SpeechStopped]:
        """More sound (n,); what happens in it."""
        self._pieces.append(samples)
        self._length += len(samples)
        if self._edges is None or self._detection is None:
            return
        for begins, place in self._edges.push(samples):
            if begins:
                self._drop_until(place - self._detection.prefix_padding_ms * _PER_MS)
                yield SpeechStarted(self._start // _PER_MS)
            else:
                said = self._joined()[: place - self._start]
                self._drop_until(place)
                yield SpeechStopped(place // _PER_MS, said)
        if not self._edges.speaking:
            padding = self._detection.prefix_padding_ms * _PER_MS + (_BEGINS_AFTER + 1) * SpeechDetector.CHUNK_SAMPLES
            self._drop_until(self._end - padding)

    def take(self) -> Samples:
        """All there is; the buffer is empty afterwards."""
        taken = self._joined()
        self.clear()
        return taken

    def clear(self) -> None:
        """Forget what was sent."""
        self._drop_until(self._end)
        if self._edges is not None:
            self._edges.reset(self._end)

    @property
    def _end(self) -> int:
        return self._start + self._length

    def _joined(self) -> Samples:
        self._pieces = [np.concatenate([np.zeros(0, np.float32), *self._pieces])]
        return self._pieces[0]

    def _drop_until(self, place: int) -> None:
        dropped = min(place - self._start, self._length)
        if dropped > 0:
            self._pieces = [self._joined()[dropped:].copy()]
            self._start, self._length = self._start + dropped, self._length - dropped


class _Edges:
    """Where speech begins and ends, by the detector. Places count samples from the beginning of the session."""

    def __init__(self, detection: TurnDetection, start: int) -> None:
        self._detector = SpeechDetector()
        self._likely = detection.threshold
        self._silent_chunks = max(round(detection.silence_duration_ms / 1000 / SpeechDetector.CHUNK_S), 1)
        self.reset(start)

    def reset(self, start: int) -> None:
        """Forget what was heard; what comes next begins at this place."""
        self._detector.reset()
        self._rest = np.zeros(0, np.float32)
        self._place = start  # of the end of the last chunk
        self._run = 0  # chunks of speech before it begins, or of silence before it ends
        self.speaking = False

    def push(self, samples: Samples) -> Iterator[tuple[bool, int]]:
        """True and where speech began, False and where it ended."""
        self._rest = np.concatenate([self._rest, samples])
        size = SpeechDetector.CHUNK_SAMPLES
        whole = len(self._rest) // size * size
        chunks, self._rest = self._rest[:whole].reshape(-1, size), self._rest[whole:].copy()
        for chunk in chunks:
            likely = self._detector.probability(chunk)
            self._place += size
            edge = likely < self._likely - _LESS_LIKELY if self.speaking else likely >= self._likely
            self._run = self._run + 1 if edge else 0
            if self._run == (self._silent_chunks if self.speaking else _BEGINS_AFTER):
                begun, self._run = not self.speaking, 0
                self.speaking = begun
                yield begun, self._place - (_BEGINS_AFTER * size if begun else 0)
