"""Who speaks when in a recording, by the model's own speaker network.

Every stretch of speech between two pauses is heard in pieces of two seconds. A stretch is divided where what comes
before and after sounds like two people; what remains is grouped by voice, and then every quarter of a second goes to
the speaker it is most like. Two people who talk at once are taken for the louder one.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import samples
from engine.events import Progress, Samples
from engine.samples import BrokenOffError
from engine.transcription.pauses import RATE_HZ, Window, WindowCutter
from engine.transcription.results import speaker_label
from engine.transcription.speaker_groups import Voices, speaker_voices, unit

VoiceOf = Callable[[Samples], NDArray[np.float32]]  # 16 kHz samples (n,) in, what tells voices apart (D,) out

PIECE_S, HOP_S = 2.0, 0.5
_SHORTEST_PIECE = RATE_HZ // 2
_CHANGE_BELOW = 0.35  # cosine of two neighbouring pieces that are two people's
_EDGE_S = 0.3  # how far a piece may reach over a change and still count for one side
_FRAME_S = 0.25
_SHORTEST_TURN_S = 0.75  # inside a stretch
_LOUDNESS_HZ = 20
_QUIETEST_WITHIN_S = 0.4


@dataclass(frozen=True)
class SpeakerTurn:
    """One speaker from here to there, in seconds of the file."""

    start_s: float
    end_s: float
    speaker: str


class SpeakerTurns:
    """Who speaks when: turns in order of time, none of which overlap."""

    def __init__(self, turns: Sequence[SpeakerTurn]) -> None:
        self.turns = tuple(turns)
        self._starts = [turn.start_s for turn in turns]

    def between(self, start_s: float, end_s: float) -> list[SpeakerTurn]:
        """The turns of a stretch of speech, from its start to its end without gaps; the nearest where there is none.

        Raises ValueError when nobody speaks at all.
        """
        first = max(0, bisect_right(self._starts, start_s) - 1)
        met = [turn for turn in self.turns[first : bisect_left(self._starts, end_s)] if turn.end_s > start_s]
        if not met:
            beside = self.turns[first : first + 2]
            met = [min(beside, key=lambda turn: max(turn.start_s - end_s, start_s - turn.end_s))]
        begin = [start_s, *(turn.start_s for turn in met[1:])]
        turns: list[SpeakerTurn] = []
        for begin_s, until_s, turn in zip(begin, [*begin[1:], end_s], met, strict=True):
            if turns and turns[-1].speaker == turn.speaker:
                begin_s = turns.pop().start_s
            turns.append(SpeakerTurn(begin_s, until_s, turn.speaker))
        return turns


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Speech between two pauses: voices (n, D) of its pieces, when each starts and ends, its loudness at 20 Hz."""

    start_s: float
    end_s: float
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    voices: Voices
    loudness: NDArray[np.float32]


@dataclass
class SpeakerFinder:
    """Hears stretches one after the other, and says in the end who spoke in them; `count` 0 finds out how many."""

    voice_of: VoiceOf
    count: int = 0
    _stretches: list[_Stretch] = field(default_factory=list)

    def hear(self, samples_16k: Samples, start_s: float) -> None:
        """The next stretch of speech (n,), and where it starts in the recording."""
        length_s = len(samples_16k) / RATE_HZ
        pieces = max(1, int(np.ceil((length_s - PIECE_S) / HOP_S)) + 1)
        starts = np.minimum(np.arange(pieces) * HOP_S, max(0.0, length_s - PIECE_S))
        ends = np.minimum(starts + PIECE_S, length_s)
        voices = [
            self._voice(samples_16k[round(a * RATE_HZ) : round(b * RATE_HZ)]) for a, b in zip(starts, ends, strict=True)
        ]
        self._stretches.append(
            _Stretch(
                start_s, start_s + length_s, start_s + starts, start_s + ends, np.stack(voices), _loudness(samples_16k)
            )
        )

    def turns(self) -> Generator[None, None, SpeakerTurns]:
        """Tell who spoke in what was heard, a short step for each stretch; the generator's value are the turns."""
        parts: list[tuple[_Stretch, int, int]] = []
        for stretch in self._stretches:
            parts += _parts(stretch)
            yield
        if not parts:
            return SpeakerTurns(())
        voices = unit(np.stack([stretch.voices[first:last].mean(axis=0) for stretch, first, last in parts]))
        seconds = np.array([stretch.ends_s[last - 1] - stretch.starts_s[first] for stretch, first, last in parts])
        speakers = speaker_voices(voices, seconds, self.count)
        names: dict[int, str] = {}
        turns: list[SpeakerTurn] = []
        for stretch in self._stretches:
            for start_s, end_s, who in _turns_in(stretch, speakers):
                turns.append(SpeakerTurn(start_s, end_s, names.setdefault(who, speaker_label(len(names) + 1))))
            yield
        return SpeakerTurns(turns)

    def _voice(self, piece_16k: Samples) -> Voices:
        if len(piece_16k) < _SHORTEST_PIECE:
            piece_16k = np.resize(piece_16k, _SHORTEST_PIECE)
        return unit(self.voice_of(piece_16k))


def find_speakers(
    path: Path, duration_s: float, voice_of: VoiceOf, count: int
) -> Generator[Progress, None, SpeakerTurns]:
    """Hear a whole recording for its speakers, one stretch at a time; the generator's value is who speaks when.

    A file that breaks off is heard as far as it goes. Raises SoundError.
    """
    cutter = WindowCutter()
    finder = SpeakerFinder(voice_of, count)

    def hear(windows: Sequence[Window]) -> Iterator[Progress]:
        heard_s = cutter.position_s
        for window in windows:
            for start_s, end_s in window.spans:
                first, last = (round((time - window.start_s) * RATE_HZ) for time in (start_s, end_s))
                if last > first:
                    finder.hear(window.samples_16k[first:last], start_s)
                yield Progress("speakers", heard_s, max(duration_s, heard_s), "seconds")

    try:
        for block in samples.stream(path):
            yield from hear(cutter.push(block))
            yield Progress("speakers", cutter.position_s, max(duration_s, cutter.position_s), "seconds")
    except BrokenOffError:
        pass  # whoever transcribes meets it again and reports it
    yield from hear(cutter.finish())
    heard = Progress("speakers", cutter.position_s, max(duration_s, cutter.position_s), "seconds")
    steps = finder.turns()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            turns: SpeakerTurns = end.value
            return turns
        yield heard


def _loudness(samples_16k: Samples) -> NDArray[np.float32]:
    frame = RATE_HZ // _LOUDNESS_HZ
    padded = np.pad(samples_16k, (0, -len(samples_16k) % frame))
    return np.sqrt((padded.reshape(-1, frame) ** 2).mean(axis=1)).astype(np.float32)


def _parts(stretch: _Stretch) -> Iterator[tuple[_Stretch, int, int]]:
    """The stretch divided where the speaker changes: the pieces from first to before last that lie on one side."""
    edges = [-np.inf, *_changes(stretch), np.inf]
    for before, after in itertools.pairwise(edges):
        inside = np.flatnonzero((stretch.starts_s >= before - _EDGE_S) & (stretch.ends_s <= after + _EDGE_S))
        if len(inside):
            yield stretch, int(inside[0]), int(inside[-1]) + 1


def _changes(stretch: _Stretch) -> list[float]:
    """When the speaker changes within the stretch: where two pieces that follow each other are least alike."""
    times: list[float] = []
    alike: list[float] = []
    for index, end_s in enumerate(stretch.ends_s):
        following = int(np.argmin(np.abs(stretch.starts_s - end_s)))
        if abs(stretch.starts_s[following] - end_s) < _EDGE_S:
            times.append(float(end_s))
            alike.append(float(stretch.voices[index] @ stretch.voices[following]))
    return [
        times[i]
        for i, cosine in enumerate(alike)
        if cosine < _CHANGE_BELOW and cosine == min(alike[max(0, i - 2) : i + 3])
    ]


def _turns_in(stretch: _Stretch, speakers: Voices) -> list[tuple[float, float, int]]:
    """Start, end and number of the speaker of every turn in the stretch."""
    frames = max(1, round((stretch.end_s - stretch.start_s) / _FRAME_S))
    times = np.linspace(stretch.start_s, stretch.end_s, frames + 1)
    middles, centres = (times[1:] + times[:-1]) / 2, (stretch.starts_s + stretch.ends_s) / 2
    weights = np.maximum(0.0, 1 - np.abs(middles[:, None] - centres[None]) / (PIECE_S / 2)) + 1e-6
    who = np.argmax(weights / weights.sum(axis=1, keepdims=True) @ (stretch.voices @ speakers.T), axis=1)
    bounds = [0, *(np.flatnonzero(np.diff(who)) + 1).tolist(), frames]
    turns = [[first, last, int(who[first])] for first, last in itertools.pairwise(bounds)]
    turns = _without_slivers(turns, round(_SHORTEST_TURN_S / _FRAME_S))
    cuts = [_quietest(stretch, float(times[first])) for first, _, _ in turns[1:]]
    edges = [stretch.start_s, *cuts, stretch.end_s]
    return [(edges[i], edges[i + 1], turn[2]) for i, turn in enumerate(turns)]


def _without_slivers(turns: list[list[int]], least: int) -> list[list[int]]:
    """Turns (first frame, frame after the last, speaker) of at least so many frames: shorter ones join a neighbour."""
    turns = [list(turn) for turn in turns]
    while len(turns) > 1:
        shortest = min(range(len(turns)), key=lambda i: turns[i][1] - turns[i][0])
        if turns[shortest][1] - turns[shortest][0] >= least:
            break
        beside = [i for i in (shortest - 1, shortest + 1) if 0 <= i < len(turns)]
        longer = max(beside, key=lambda i: turns[i][1] - turns[i][0])
        turns[shortest][2] = turns[longer][2]
        joined: list[list[int]] = []
        for first, last, who in turns:
            if joined and joined[-1][2] == who:
                joined[-1][1] = last
            else:
                joined.append([first, last, who])
        turns = joined
    return turns


def _quietest(stretch: _Stretch, time_s: float) -> float:
    """The quietest moment near a time inside the stretch: a change there cuts no word."""
    around = np.arange(len(stretch.loudness)) / _LOUDNESS_HZ + stretch.start_s + 0.5 / _LOUDNESS_HZ
    near = np.flatnonzero(np.abs(around - time_s) <= _QUIETEST_WITHIN_S)
    return float(around[near[stretch.loudness[near].argmin()]]) if len(near) else time_s
