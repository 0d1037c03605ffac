"""What a transcription is asked for, what it yields on the way, and what it is in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.events import Pause, Progress
from engine.samples import SoundInfo
from engine.transcription.spoken_language import language_of

Span = tuple[float, float]


def speaker_label(number: int) -> str:
    """What the speaker who appears as number 1, 2 … is called until somebody gives a name."""
    return f"Speaker {number}"


@dataclass(frozen=True)
class Options:
    """What to transcribe, and how.

    `language` is the language spoken, as a code such as "en", or "" to let the model find out. `translate_to` is the
    language to translate into, or "" to transcribe what is said. `batch` is how many windows are decoded together.
    `speakers` is how many people to tell apart, 0 to find out how many there are, None not to ask who speaks.
    """

    language: str = ""
    translate_to: str = ""
    batch: int = 8
    speakers: int | None = None


@dataclass(frozen=True)
class Recognised:
    """The text of a window, the ids it was written in, and the mean of their natural log-probabilities."""

    text: str
    ids: tuple[int, ...]
    log_probability: float


@dataclass(frozen=True)
class Details:
    """What else is known of a segment: see `Recognised`, and how likely nobody speaks in it, as the detector hears."""

    ids: tuple[int, ...]
    log_probability: float
    no_speech_probability: float


@dataclass(frozen=True)
class Segment:
    """One stretch of speech: at most 25 seconds. `spans` are its parts without the pauses, in seconds of the file;
    `speaker` is who speaks in it, if that was asked: "Speaker 1", "Speaker 2" … in the order in which they appear.
    `details` are there where the recogniser was asked for them; no journal and no export has them.
    """

    start_s: float
    end_s: float
    text: str
    spans: tuple[Span, ...] = ()
    speaker: str | None = None
    details: Details | None = None


@dataclass(frozen=True)
class Transcript:
    """The transcript of a whole recording. `problem` is a sentence when the file breaks off before its end."""

    source: str
    duration_s: float
    segments: tuple[Segment, ...]
    model: str = ""
    options: Options = field(default_factory=Options)
    problem: str = ""

    @property
    def text(self) -> str:
        """What was said, a line for each segment."""
        return "\n".join(segment.text for segment in self.segments)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks, in the order in which they appear; nobody when that was not asked."""
        return tuple(dict.fromkeys(each.speaker for each in self.segments if each.speaker is not None))

    def with_speakers_named(self, names: Mapping[str, str]) -> Transcript:
        """The same with names instead of the labels that `names` knows."""
        if not names:
            return self
        return replace(
            self, segments=tuple(replace(s, speaker=names.get(s.speaker or "", s.speaker)) for s in self.segments)
        )

    @property
    def language(self) -> str:
        """The language spoken, as a code: as it was named, or as the text tells; "" where a translation hides it."""
        if self.options.language or self.options.translate_to:
            return self.options.language
        return language_of(self.text)


@dataclass(frozen=True)
class Opened:
    """The first event: the file is readable. `resumed_s` is how far an interrupted run had come (0 for a new one)."""

    path: Path
    info: SoundInfo
    resumed_s: float = 0.0


@dataclass(frozen=True)
class SegmentDone:
    """The next segment in order of time. `resumed` when it comes from an interrupted run's journal."""

    index: int
    segment: Segment
    resumed: bool = False


@dataclass(frozen=True)
class Finished:
    """The last event."""

    transcript: Transcript


TranscriptionEvent = Opened | SegmentDone | Progress | Pause | Finished
