"""Scenes of the Transcribe page and of a transcript."""

from __future__ import annotations

from dataclasses import replace

from app.shown.transcribe import JobChoices, JobState, JobView, TextSegment
from app.widgets.frame.window import TRANSCRIBE, Window
from tests.app.widgets.scenes.frame import dress, recordings, words
from tests.app.widgets.scenes.turns import speech


def removed_recording(window: Window) -> None:
    """A recording with a long name was removed."""
    transcribe(window)
    name = "minutes of the meeting of the fourteen…"
    window.toast.tell(words("Sentences", "Removed “{name}”").format(name=name))


A, B, MARA = "Speaker 1", "Speaker 2", "Speaker 3"
SAID = (
    (724, A, "So that leaves the reading room. The new windows come to forty-one thousand, six more than the budget we "
     "agreed on in January."),
    (739, MARA, "Could we do the north side this year and the rest next year? The repair budget starts again in "
     "September."),
    (751, B, "I would rather not split it. The scaffolding alone is nine thousand, and we would pay for it twice."),
    (764, A, "Fair point. Then the question is where the six thousand come from."),
    (772, MARA, "The summer festival stayed under budget. There are four thousand left, and nobody has "
     "plans for them."),
    (787, B, "That would do. I can ask for a discount if we order before the end of the month."),
    (800, A, "Good. Mara, would you write that up, and we vote on it next week?"),
)  # fmt: skip
MEETING = tuple(TextSegment(start, start + 7, text, speaker) for start, speaker, text in SAID)
BOARD = JobView(
    "board", "Board meeting, 12 March.m4a", JobState.DONE, 3134, 1.0, segments=MEETING, language="en",
    names=((A, "Speaker A"), (MARA, "Mara"), (B, "Speaker B")),
)  # fmt: skip


def _recording_page(window: Window) -> None:
    dress(window)
    window.show_page(TRANSCRIBE)
    window.sidebar.show_kind(recordings=True)


def transcribe(window: Window) -> None:
    """The queue: one under way, one waiting, two done, two with a sentence why not."""
    _recording_page(window)
    window.sidebar.show_entries(recordings(), "")
    window.sidebar.queue.show_queue(2, in_front=True)
    said = (
        TextSegment(
            0,
            6,
            "So, twice a day the water goes, and twice a day the whole bay empties as if someone had pulled a plug",
        ),
    )
    memo = (TextSegment(0, 180, "word " * 412),)
    jobs = [
        replace(BOARD, key="6", name="Board meeting, 12 March.m4a"),
        JobView("5", "Voice memo 31.m4a", JobState.DONE, 180, 1.0, segments=memo),
        JobView("4", "tape-4.wav", JobState.DONE, 2400, 1.0, segments=memo,
                problem=words("Scenes", "The file ends early: 12 of 40 minutes could be read. Their text is kept.")),
        JobView("3", "notes.pages", JobState.FAILED,
                problem=words("Scenes", "This is not a recording. Earshot opens sound and video.")),
        JobView("2", "荡口古镇口述.m4a", JobState.WAITING, 1440, choices=JobChoices("zh", "en")),
        JobView("1", "Lecture on tides.mp4", JobState.RUNNING, 6720, 0.38, 360, segments=said, language="en",
                choices=JobChoices(speakers=0)),
    ]  # fmt: skip
    window.transcribe.show_models([("", "Step-Audio 2 mini · 4-bit"), ("/models/starter", "Earshot starter")])
    window.transcribe.show_new_choices(JobChoices(speakers=0))
    window.transcribe.show_jobs(jobs)
    window.toast.tell(words("Sentences", "Removed “{name}”").format(name="interview.wav"))


def transcribe_empty(window: Window) -> None:
    """Nothing was transcribed yet."""
    _recording_page(window)
    window.sidebar.show_entries([], "", empty=words("SidebarListBinding", "Recordings you transcribe appear here."))
    window.sidebar.queue.show_queue(0, in_front=True)
    window.transcribe.show_jobs([])


def transcript(window: Window) -> None:
    """One recording: played, searched, and one of its segments being edited."""
    _recording_page(window)
    window.sidebar.show_entries(recordings(), "board")
    window.sidebar.queue.show_queue(2, in_front=False)
    page = window.transcript
    page.show_waveform(3134, speech(1000))
    whole = _spread(MEETING)
    page.show_job(replace(BOARD, segments=tuple(whole)))
    page.side.show_summary(
        "- The windows of the reading room cost 41,000: six over budget.\n"
        "- Doing it in two parts pays for the scaffolding twice.\n"
        "- 4,000 are left from the festival; a discount may cover the rest.\n"
        + words("Scenes", "To do")
        + "\n- Mara writes the proposal 13:20\n- B asks for the discount 13:07",
        busy=False,
    )
    window.show_transcript("board", "Board meeting, 12 March", "52 min · English")
    page.show_player(739.5, 3134, playing=True)
    page.player.speed.show_choices(page.player.speed.choices, 1.25)
    page.find_field.setText("budget")
    first = whole.index(MEETING[0])
    page.segments.edit_row(first + 2)
    bar = page.segments.verticalScrollBar()
    for _ in range(3):  # those in sight are measured only then
        bar.setValue(bar.value() + page.segments.visualRect(page.segments.model().index(first, 0)).top())


def _spread(segments: tuple[TextSegment, ...]) -> list[TextSegment]:
    """With more said before and later, so that the ribbon and the marks of what was found tell something."""
    return [
        *_talk_between(0, 720, (A, B, A, MARA, B, A), (3,)),
        *segments,
        *_talk_between(830, 3130, (A, B, A, MARA, A, B, A, MARA), (2, 4, 6)),
    ]


def _talk_between(start: float, end: float, speakers: tuple[str, ...], hits: tuple[int, ...]) -> list[TextSegment]:
    step = (end - start) / len(speakers)
    return [
        TextSegment(
            start + n * step, start + (n + 0.97) * step, "About the budget." if n in hits else "And so on.", speaker
        )
        for n, speaker in enumerate(speakers)
    ]
