"""What transcribing shows: recordings, how they are turned into text, and the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class JobState(Enum):
    """How the transcription of a file stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"


@dataclass(frozen=True)
class JobChoices:
    """How a recording is transcribed. Languages are codes: "" finds out what is spoken, and translates nothing.
    `speakers` is how many people to tell apart, 0 to find out how many there are, None not to ask. `model` is the
    folder of the model that does it, "" the one in use.
    """

    language: str = ""
    translate_to: str = ""
    speakers: int | None = None
    model: str = ""


@dataclass(frozen=True)
class TextSegment:
    """One stretch of a recording and what was said in it; times in seconds. `speaker` is a label, "" when not known."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""

    @property
    def stretch(self) -> tuple[float, float]:
        """Which part of the recording it is, whatever is written of it."""
        return self.start_s, self.end_s


@dataclass(frozen=True)
class JobView:
    """One recording of the transcribe pages. `names` are what a person calls its speakers: (label, name); `language`
    and `model` are those of the text that is there; `added` is in seconds since 1970.
    """

    key: str
    name: str
    state: JobState = JobState.WAITING
    seconds: float | None = None
    share: float = 0.0
    left_s: float | None = None
    segments: tuple[TextSegment, ...] = ()
    problem: str = ""
    names: tuple[tuple[str, str], ...] = ()
    choices: JobChoices = field(default_factory=JobChoices)
    language: str = ""
    model: str = ""
    added: float = 0.0
    summary: str = ""
    cleared: bool = False  # it is not in the queue any more
    own_title: str = ""  # what a person calls it
    no_speech: bool = False
    sounds: bool = False  # its text says what is heard in it, not what is said

    @property
    def title(self) -> str:
        """What it is called: the name of its file without what tells the format, until a person gives it another."""
        return self.own_title or self.name.rpartition(".")[0] or self.name

    @property
    def full_name(self) -> str:
        """What it is called where its format matters, too: the whole name of its file, until it has another one."""
        return self.own_title or self.name

    @property
    def speakers(self) -> tuple[str, ...]:
        """Labels of those who speak, in the order in which they appear."""
        return tuple(dict.fromkeys(each.speaker for each in self.segments if each.speaker))

    @property
    def words(self) -> int:
        """How many words were said; in scripts without spaces a character is one."""
        return sum(map(count_words, (each.text for each in self.segments)))

    def name_of(self, speaker: str) -> str:
        """What a speaker is called."""
        return dict(self.names).get(speaker, speaker)


def count_words(text: str) -> int:
    """Words between spaces; each character of a script without spaces."""
    alone = sum("\u3040" <= character <= "\u9fff" for character in text)
    return (
        alone + len("".join(" " if "\u3040" <= c <= "\u9fff" else c for c in text).split())
        if alone
        else len(text.split())
    )


@dataclass(frozen=True)
class ExportChoices:
    """What an exported text says beside the words."""

    times: bool = True
    speakers: bool = True


@dataclass(frozen=True)
class RecordingView:
    """A transcribed recording in the sidebar. `snippet` holds found text, its hits between \\x02 and \\x03."""

    key: str
    title: str
    when: float  # seconds since 1970, when it was added
    about: str = ""
    snippet: str = ""
