"""Cuts a stream of sound at its pauses into windows that the model can hear at once; leaves silence out."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.events import Samples
from engine.speech_detector import SpeechDetector
from engine.transcription.results import Span

RATE_HZ = SpeechDetector.RATE_HZ
CHUNK = SpeechDetector.CHUNK_SAMPLES


@dataclass(frozen=True)
class Rules:
    """When speech begins and ends and where windows are cut, in seconds and probabilities."""

    begins_above: float = 0.5
    ends_below: float = 0.35
    shortest_pause_s: float = 0.25
    shortest_speech_s: float = 0.1
    margin_s: float = 0.2  # kept before and after speech
    long_pause_s: float = 2.0  # always ends a window
    pause_s: float = 0.6  # ends a window that is long enough
    enough_s: float = 8.0
    longest_s: float = 25.0


@dataclass(frozen=True, eq=False)
class Window:
    """A piece of the recording for the model: its samples, when it starts, the spans of speech in it, who speaks, and
    how likely nobody does.
    """

    samples_16k: Samples
    start_s: float
    end_s: float
    spans: tuple[Span, ...]
    speaker: str | None = None
    no_speech_probability: float = 0.0


class Speaking(Protocol):
    """One speaker from here to there, in seconds."""

    @property
    def start_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...

    @property
    def speaker(self) -> str: ...


# Who speaks in a stretch of speech from its start to its end, in seconds: turns that follow each other.
WhoSpeaks = Callable[[float, float], Sequence[Speaking]]


class WindowCutter:
    """Push blocks of 16 kHz samples, get the windows that are complete; keeps less than a minute of sound.

    Where `who_speaks` is given, a window is of one speaker.
    """

    def __init__(
        self,
        detector: SpeechDetector | None = None,
        rules: Rules | None = None,
        who_speaks: WhoSpeaks | None = None,
    ) -> None:
        self._detector = detector or SpeechDetector()
        self._rules = rules or Rules()
        self._finder = _SpanFinder(self._rules)
        self._kept = _Tape()
        self._rest = np.zeros(0, np.float32)
        self._loudest = _RecentPeak()
        self._heard: deque[float] = deque(maxlen=round(60 / SpeechDetector.CHUNK_S))  # speech in the last chunks
        self._spans: list[tuple[int, int]] = []  # of the window being filled, in samples, margins included
        self._speaker: str | None = None  # of the window being filled
        self._who_speaks = who_speaks
        self._over_until = 0  # where another speaker's window ended

    @property
    def position_s(self) -> float:
        """How far the stream has been heard."""
        return self._finder.chunks * CHUNK / RATE_HZ

    def push(self, block_16k: Samples) -> list[Window]:
        """Hear the next block (n,) of any length."""
        heard = np.concatenate([self._rest, block_16k])
        whole = len(heard) // CHUNK * CHUNK
        self._rest = heard[whole:]
        return self._hear(heard[:whole])

    def finish(self) -> list[Window]:
        """The stream is over: the remaining windows."""
        padded = np.pad(self._rest, (0, -len(self._rest) % CHUNK))
        end = self._kept.end + len(self._rest)
        self._rest = np.zeros(0, np.float32)
        windows = self._hear(padded)
        for first, last in self._finder.finish():
            windows += self._add(first * CHUNK, min(last * CHUNK, end))
        if self._spans:
            windows.append(self._window(len(self._spans), limit=end))
        return windows

    def _hear(self, samples: Samples) -> list[Window]:
        self._kept.append(samples)
        gain = self._loudest.gain(samples)
        windows: list[Window] = []
        for chunk in samples.reshape(-1, CHUNK):
            probability = self._detector.probability(chunk * gain if gain > 1 else chunk)
            self._heard.append(probability)
            for first, last in self._finder.step(probability, float(np.dot(chunk, chunk))):
                windows += self._add(first * CHUNK, last * CHUNK)
            windows += self._after_long_pause()
        self._kept.forget_before(self._needed_from())
        return windows

    def _add(self, start: int, end: int) -> list[Window]:
        """Take a span into the window being filled; returns the windows that had to end before it."""
        if self._who_speaks is None:
            return self._add_span(start, end)
        windows: list[Window] = []
        for turn in self._who_speaks(start / RATE_HZ, end / RATE_HZ):
            if self._spans and turn.speaker != self._speaker:
                windows += self._end_before(round(turn.start_s * RATE_HZ))
            self._speaker = turn.speaker
            windows += self._add_span(round(turn.start_s * RATE_HZ), round(turn.end_s * RATE_HZ))
        return windows

    def _end_before(self, sample: int) -> list[Window]:
        """The window being filled, over before another speaker begins."""
        first, last = self._spans[-1]
        self._over_until = max(first + 1, min(last, sample))
        self._spans[-1] = (first, self._over_until)
        return [self._window(len(self._spans))]

    def _add_span(self, start: int, end: int) -> list[Window]:
        rules, margin = self._rules, round(self._rules.margin_s * RATE_HZ)
        span = (max(start - margin, self._kept.start, self._over_until), end + margin)
        if self._spans and self._spans[-1][1] > span[0]:
            before = self._spans[-1]
            middle = (before[1] - margin + start) // 2
            self._spans[-1], span = (before[0], middle), (middle, span[1])
        windows = []
        while self._spans and (cut := self._cut_before(span, rules)):
            windows.append(self._window(cut))
        self._spans.append(span)
        return windows

    def _cut_before(self, span: tuple[int, int], rules: Rules) -> int:
        """How many of the collected spans must end a window now that `span` comes; 0 when it still fits."""
        spans = [*self._spans, span]
        pause_s = (span[0] - self._spans[-1][1]) / RATE_HZ + 2 * rules.margin_s
        filled_s = (self._spans[-1][1] - self._spans[0][0]) / RATE_HZ
        if pause_s >= rules.long_pause_s or (pause_s >= rules.pause_s and filled_s >= rules.enough_s):
            return len(self._spans)
        if (span[1] - spans[0][0]) / RATE_HZ <= rules.longest_s:
            return 0
        # Too long: end at the longest pause that leaves a window worth hearing.
        pauses = [
            (spans[i][0] - spans[i - 1][1], i)
            for i in range(1, len(spans))
            if (spans[i - 1][1] - spans[0][0]) / RATE_HZ >= rules.enough_s
        ]
        return max(pauses)[1] if pauses else len(self._spans)

    def _after_long_pause(self) -> list[Window]:
        if not self._spans or self._finder.speaking_since is not None:
            return []
        silence_s = (self._finder.chunks * CHUNK - self._spans[-1][1]) / RATE_HZ + self._rules.margin_s
        if silence_s < self._rules.long_pause_s:
            return []
        return [self._window(len(self._spans))]

    def _window(self, count: int, limit: int | None = None) -> Window:
        spans, self._spans = self._spans[:count], self._spans[count:]
        start, end = spans[0][0], min(spans[-1][1], limit or self._kept.end)
        seconds = tuple((first / RATE_HZ, min(last, end) / RATE_HZ) for first, last in spans)
        samples = self._kept.between(start, end)
        silent = self._no_speech_probability(start, end)
        return Window(samples, start / RATE_HZ, end / RATE_HZ, seconds, self._speaker, silent)

    def _no_speech_probability(self, start: int, end: int) -> float:
        """Of the chunks from one sample to another, on average."""
        before = self._finder.chunks - len(self._heard)
        first, last = max(start // CHUNK - before, 0), max(-(-end // CHUNK) - before, 0)
        heard = list(itertools.islice(self._heard, first, last))
        return 1.0 - sum(heard) / len(heard) if heard else 0.0

    def _needed_from(self) -> int:
        if self._spans:
            return self._spans[0][0]
        since = self._finder.speaking_since
        heard = self._finder.chunks if since is None else since
        return heard * CHUNK - round(self._rules.margin_s * RATE_HZ) - CHUNK


class _SpanFinder:
    """Probabilities of chunks in, spans of speech (first chunk, chunk after the last) out."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._pause_chunks = max(1, round(rules.shortest_pause_s / SpeechDetector.CHUNK_S))
        self._speech_chunks = round(rules.shortest_speech_s / SpeechDetector.CHUNK_S)
        # Margins on both sides must still fit into a window.
        self._longest_chunks = int((rules.longest_s - 2 * rules.margin_s) / SpeechDetector.CHUNK_S)
        self._quiet = 0
        self._energies: deque[float] = deque(maxlen=self._longest_chunks)
        self.chunks = 0
        self.speaking_since: int | None = None

    def step(self, probability: float, energy: float) -> list[tuple[int, int]]:
        self.chunks += 1
        self._energies.append(energy)
        if self.speaking_since is None:
            if probability >= self._rules.begins_above:
                self.speaking_since, self._quiet = self.chunks - 1, 0
            return []
        self._quiet = self._quiet + 1 if probability < self._rules.ends_below else 0
        if self._quiet >= self._pause_chunks:
            return self.finish()
        if self.chunks - self.speaking_since >= self._longest_chunks:
            return [self._cut_at_quietest(self.speaking_since)]
        return []

    def finish(self) -> list[tuple[int, int]]:
        if self.speaking_since is None:
            return []
        span = (self.speaking_since, self.chunks - self._quiet)
        self.speaking_since = None
        return [span] if span[1] - span[0] >= self._speech_chunks else []

    def _cut_at_quietest(self, since: int) -> tuple[int, int]:
        """Nobody pauses: cut where it is quietest for a sixth of a second, in the second half."""
        energies = np.array(self._energies)[-(self.chunks - since) :]
        half = len(energies) // 2
        smooth = np.convolve(energies, np.ones(5), mode="same")
        cut = since + half + int(smooth[half:-2].argmin())
        self.speaking_since = cut
        return since, cut


class _Tape:
    """The last stretch of a stream, addressed by sample numbers of the whole stream."""

    def __init__(self) -> None:
        self.start = 0
        self._samples = np.zeros(0, np.float32)

    @property
    def end(self) -> int:
        return self.start + len(self._samples)

    def append(self, samples: Samples) -> None:
        self._samples = np.concatenate([self._samples, samples])

    def between(self, start: int, end: int) -> Samples:
        return self._samples[start - self.start : end - self.start].copy()

    def forget_before(self, sample: int) -> None:
        drop = min(max(sample - self.start, 0), len(self._samples))
        self._samples = self._samples[drop:].copy()
        self.start += drop


class _RecentPeak:
    """How much to raise a quiet recording for the detector, which misses speech below a thousandth of full scale."""

    TARGET, HIGHEST_GAIN, DECAY = 0.3, 30.0, 0.7

    def __init__(self) -> None:
        self._peak = 0.0

    def gain(self, samples: Samples) -> float:
        self._peak = max(self._peak * self.DECAY, float(np.abs(samples).max(initial=0.0)))
        return float(np.clip(self.TARGET / max(self._peak, 1e-9), 1.0, self.HIGHEST_GAIN))
