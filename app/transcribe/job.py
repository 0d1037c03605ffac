"""A recording in the queue as it is kept, and as it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.audio.growing_recording import RECORDED
from app.shown.transcribe import JobChoices, JobState, JobView, TextSegment


@dataclass(frozen=True)
class Job:
    """One recording. `corrections` and `names` of speakers are a person's; they outlive transcribing it again. One that
    is `removed` can be restored until the queue is purged. `model` and `language` are of the text that is there.
    """

    key: str
    path: Path
    state: JobState = JobState.WAITING
    seconds: float | None = None
    segments: tuple[TextSegment, ...] = ()
    corrections: tuple[TextSegment, ...] = ()
    problem: str = ""
    removed: bool = False
    choices: JobChoices = field(default_factory=JobChoices)
    names: tuple[tuple[str, str], ...] = ()
    model: str = ""
    language: str = ""
    added: float = 0.0
    summary: str = ""
    cleared: bool = False  # out of the queue; its text is still there
    title: str = ""  # what a person calls it; "" for the name of its file
    no_speech: bool = False  # nothing was said in it, as far as was heard
    sounds: bool = False  # its text says what is heard in it, not what is said

    @property
    def name(self) -> str:
        """What its file is called; one that was made here is called as it is."""
        return self.title if self.title and self.path.name.endswith(f"{RECORDED}.wav") else self.path.name

    @property
    def busy(self) -> bool:
        """Whether it waits or is transcribed."""
        return self.state in (JobState.WAITING, JobState.RUNNING)

    def with_texts(self, texts: Mapping[int, str]) -> Job:
        """The segments of these numbers say this instead."""
        corrected = {number: replace(self.segments[number], text=text) for number, text in texts.items()}
        stretches = {each.stretch for each in corrected.values()}
        others = (each for each in self.corrections if each.stretch not in stretches)
        segments = tuple(corrected.get(number, each) for number, each in enumerate(self.segments))
        return replace(self, segments=segments, corrections=(*others, *corrected.values()))

    def with_segment(self, segment: TextSegment) -> Job:
        """The next segment, as it was corrected if it was."""
        return replace(self, segments=(*self.segments, self._corrected(segment)))

    def with_speakers(self, found: Iterable[TextSegment]) -> Job:
        """Who speaks in each segment is known now."""
        speakers = {each.stretch: each.speaker for each in found}
        said = (replace(each, speaker=speakers.get(each.stretch, each.speaker)) for each in self.segments)
        return replace(self, segments=tuple(said))

    def with_name(self, speaker: str, name: str) -> Job:
        """The speaker of a label is called this; "" takes the name away."""
        names = {label: known for label, known in self.names if label != speaker}
        return replace(self, names=(*names.items(), (speaker, name)) if name else tuple(names.items()))

    def _corrected(self, segment: TextSegment) -> TextSegment:
        corrected = (each for each in self.corrections if each.stretch == segment.stretch)
        found = next(corrected, None)
        return segment if found is None else replace(segment, text=found.text)


@dataclass(frozen=True)
class Progress:
    """How far a transcription is: its share of the recording, and the seconds left if they can be told."""

    share: float = 0.0
    left_s: float | None = None


def show(job: Job, progress: Progress) -> JobView:
    """What the pages show of a recording."""
    done = Progress(1.0) if job.state is JobState.DONE else progress
    return JobView(
        job.key, job.name, job.state, job.seconds, done.share, done.left_s, job.segments,
        job.problem, job.names, job.choices, job.language or job.choices.language, job.model, job.added,
        job.summary, job.cleared, job.title, job.no_speech, job.sounds,
    )  # fmt: skip
