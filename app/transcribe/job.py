"""A recording in the queue as it is kept, and as it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.shown import JobState, JobView, SegmentView


@dataclass(frozen=True)
class TextSegment:
    """A stretch of the recording, in seconds, and what was said in it."""

    start_s: float
    end_s: float
    text: str

    @property
    def stretch(self) -> tuple[float, float]:
        """Which part of the recording it is, whatever is written of it."""
        return self.start_s, self.end_s


@dataclass(frozen=True)
class Job:
    """One recording. `corrections` are a person's; they outlive transcribing it again. One that is `removed` can be
    restored until the queue is purged.
    """

    key: str
    path: Path
    state: JobState = JobState.WAITING
    seconds: float | None = None
    segments: tuple[TextSegment, ...] = ()
    corrections: tuple[TextSegment, ...] = ()
    problem: str = ""
    removed: bool = False

    @property
    def busy(self) -> bool:
        """Whether it waits or is transcribed."""
        return self.state in (JobState.WAITING, JobState.RUNNING)

    def with_correction(self, index: int, text: str) -> Job:
        """Segment `index` says this instead."""
        corrected = replace(self.segments[index], text=text)
        others = (each for each in self.corrections if each.stretch != corrected.stretch)
        segments = (*self.segments[:index], corrected, *self.segments[index + 1 :])
        return replace(self, segments=segments, corrections=(*others, corrected))

    def with_segment(self, segment: TextSegment) -> Job:
        """The next segment, as it was corrected if it was."""
        corrected = (each for each in self.corrections if each.stretch == segment.stretch)
        return replace(self, segments=(*self.segments, next(corrected, segment)))


@dataclass(frozen=True)
class Progress:
    """How far a transcription is: its share of the recording, and the seconds left if they can be told."""

    share: float = 0.0
    left_s: float | None = None


def show(job: Job, progress: Progress, playing: int | None) -> JobView:
    """What the page shows of a recording; `playing` is the number of the segment that sounds."""
    done = Progress(1.0) if job.state is JobState.DONE else progress
    segments = tuple(SegmentView(each.start_s, each.end_s, each.text) for each in job.segments)
    return JobView(
        job.key, job.path.name, job.state, job.seconds, done.share, done.left_s, segments, playing, job.problem
    )
