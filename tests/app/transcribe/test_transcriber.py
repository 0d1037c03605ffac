from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.engine_side.work import EngineWork
from app.shown.talk import State
from app.shown.transcribe import JobState
from app.transcribe import recordings as finding
from app.transcribe import transcriber
from engine.errors import SoundError
from engine.events import Progress
from engine.samples import SoundInfo, write_wav
from engine.transcription import Finished, Opened, Options, Segment, SegmentDone, Transcript
from tests.app.conftest import Running
from tests.app.fakes import reply, scripted, tone
from tests.sounds import write_with_old_title

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{name}.wav" for name in ("first", "second", "third")]
    for file in files:
        write_wav(file, tone(2.0, 16_000), 16_000)
    return files


class Steps:
    """Stands in for the recogniser: two segments a file; waits at the gate between them."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.step = threading.Event()  # one that is under way ends
        self.step.set()
        self.resumed: list[bool] = []
        self.calls: list[str] = []
        self.options: list[Options] = []
        self.speakers: tuple[str | None, ...] = (None, None)

    def __call__(self, work: EngineWork, path: Path, journal: Path, resume: bool, options: Options) -> Iterator[Any]:
        self.resumed.append(resume)
        self.calls.append(path.name)
        self.options.append(options)
        yield Opened(path, SoundInfo(2.0, 16_000, 1, "wav"))
        segments = [Segment(0.0, 1.0, "one"), Segment(1.0, 2.0, "two")]
        if "bad" in path.name:
            raise SoundError(f"{path.name} is damaged: copy it again.")
        for number, segment in enumerate(segments):
            assert self.step.wait(60)
            yield SegmentDone(number, segment)
            yield Progress("transcribe", segment.end_s, 2.0, "seconds")
            while not self.gate.wait(0.01):
                yield Progress("transcribe", segment.end_s, 2.0, "seconds")
        labelled = zip(segments, self.speakers, strict=True)
        said = tuple(replace(segment, speaker=speaker) for segment, speaker in labelled)
        yield Finished(Transcript(path.name, 2.0, said, work.model.engine.name))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    steps = Steps()
    monkeypatch.setattr(EngineWork, "transcribe", lambda work, *given: steps(work, *given))
    return steps


def states(app: Running) -> list[JobState]:
    return [job.state for job in app.controller.transcriber.jobs]


def test_three_files_and_a_bad_one_each_get_their_row(start: Start, steps: Steps, recordings: list[Path]) -> None:
    notes = recordings[0].with_name("notes.txt")
    notes.write_text("not a recording")
    app = start()
    app.controller.transcriber.add_files([*recordings, notes])
    app.wait(lambda: states(app).count(JobState.DONE) == 3)
    bad = app.controller.transcriber.jobs[0]
    assert (bad.name, bad.state) == ("notes.txt", JobState.FAILED)
    assert "notes.txt" in bad.problem
    assert [s.text for s in app.controller.transcriber.jobs[1].segments] == ["one", "two"]
    assert steps.calls == ["first.wav", "second.wav", "third.wav"]


@pytest.mark.parametrize("place", range(3))
def test_a_file_that_makes_earshot_fail_leaves_the_others_alone(
    place: int, start: Start, steps: Steps, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = finding.samples.probe

    def stumble(file: Path) -> SoundInfo:
        if file == recordings[place]:
            raise ValueError("a fault of Earshot's")
        return probe(file)

    monkeypatch.setattr(finding.samples, "probe", stumble)
    app = start()
    app.controller.transcriber.add_files(recordings)
    app.wait(lambda: states(app).count(JobState.DONE) == 2)
    (bad,) = (job for job in app.controller.transcriber.jobs if job.state is not JobState.DONE)
    assert (bad.name, bad.state) == (recordings[place].name, JobState.FAILED)
    assert bad.problem == "Something went wrong; the log says more."


def test_an_old_tag_among_dropped_files_is_no_hindrance(start: Start, steps: Steps, recordings: list[Path]) -> None:
    tagged = write_with_old_title(recordings[0].with_name("old.m4a"), tone(2.0, 16_000), 16_000, "aac")
    app = start()
    app.controller.transcriber.add_files([recordings[0], tagged, recordings[1]])
    app.wait(lambda: states(app) == [JobState.DONE] * 3)
    assert steps.calls == ["first.wav", "old.m4a", "second.wav"]


def test_files_that_cannot_be_listed_are_said(
    start: Start, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    said: list[str] = []
    app.controller.transcriber.trouble.connect(said.append)

    def asleep(_paths: Sequence[Path]) -> None:
        raise TimeoutError

    monkeypatch.setattr(transcriber, "find_recordings", asleep)
    app.controller.transcriber.add_files(recordings)
    app.wait(lambda: said)
    assert said == ["Something went wrong; the log says more."]


def test_a_spoken_turn_goes_before_the_next_step(start: Start, steps: Steps, recordings: list[Path]) -> None:
    app = start(scripted(reply("Now.", 0)))
    steps.gate.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: app.controller.transcriber.jobs and app.controller.transcriber.jobs[0].segments)
    app.controller.ask_text("Quick?")
    app.wait(lambda: app.controller.turns[0].answer == "Now.")
    app.wait_for(State.IDLE)
    assert states(app) == [JobState.RUNNING]
    steps.gate.set()
    app.wait(lambda: states(app) == [JobState.DONE])


def test_a_cancelled_file_keeps_its_row_and_can_be_tried_again(
    start: Start, steps: Steps, recordings: list[Path]
) -> None:
    app = start()
    steps.gate.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: JobState.RUNNING in states(app) and steps.calls)
    key = app.controller.transcriber.jobs[0].key
    app.controller.transcriber.cancel(key)
    assert states(app) == [JobState.CANCELLED]
    app.wait(lambda: not app.controller.transcriber._running)
    steps.gate.set()
    app.controller.transcriber.retry(key)
    app.wait(lambda: states(app) == [JobState.DONE])
    assert len(steps.calls) == 2


def test_a_cancelled_file_is_tried_again_before_its_last_step_is_over(
    start: Start, steps: Steps, recordings: list[Path]
) -> None:
    app = start()
    steps.step.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: steps.calls)
    key = app.controller.transcriber.jobs[0].key
    app.controller.transcriber.cancel(key)
    app.controller.transcriber.retry(key)
    assert states(app) == [JobState.WAITING]
    steps.step.set()
    app.wait(lambda: states(app) == [JobState.DONE])
    assert len(steps.calls) == 2
    assert [segment.text for segment in app.controller.transcriber.jobs[0].segments] == ["one", "two"]


def test_a_restart_goes_on_where_it_stopped(start: Start, steps: Steps, recordings: list[Path]) -> None:
    app = start()
    steps.gate.clear()
    app.controller.transcriber.add_files(recordings[:2])
    app.wait(lambda: JobState.RUNNING in states(app) and steps.calls)
    app.controller.shutdown()
    steps.gate.set()
    again = start()
    again.wait(lambda: states(again) == [JobState.DONE, JobState.DONE])
    assert steps.calls[:2] == ["first.wav", "first.wav"]


def test_corrected_text_is_exported_and_survives_a_restart(
    start: Start, steps: Steps, recordings: list[Path], tmp_path: Path
) -> None:
    app = start()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: states(app) == [JobState.DONE])
    key = app.controller.transcriber.jobs[0].key
    app.controller.transcriber.edit_segments(key, {0: "One, corrected"})
    for kind in ("txt", "srt", "vtt", "json", "md"):
        app.controller.transcriber.export(key, tmp_path / f"out.{kind}")
    app.wait((tmp_path / "out.md").exists)
    for kind in ("txt", "srt", "vtt", "json", "md"):
        assert "One, corrected" in (tmp_path / f"out.{kind}").read_text()
    app.controller.shutdown()
    again = start()
    assert again.controller.transcriber.jobs[0].segments[0].text == "One, corrected"


def test_a_folder_is_walked_for_recordings(start: Start, steps: Steps, recordings: list[Path]) -> None:
    (recordings[0].parent / "readme.md").write_text("x")
    app = start()
    app.controller.transcriber.add_files([recordings[0].parent])
    app.wait(lambda: states(app).count(JobState.DONE) == 3)
    assert len(states(app)) == 3
