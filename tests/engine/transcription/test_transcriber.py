from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import NoSpeechError, RequestError, SoundError, StorageError
from engine.events import Progress, Samples
from engine.samples import BrokenOffError, probe
from engine.transcription.journal import interrupted_at_s
from engine.transcription.results import Finished, Opened, Options, SegmentDone, Transcript, TranscriptionEvent
from engine.transcription.transcriber import Recognise, run
from tests.sounds import babble, cut_in_half, silence, tone, write_with_soundfile

pytestmark = pytest.mark.slow


def lengths(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
    """A recogniser that says how long each window is, the last one first."""
    for row in reversed(range(len(windows))):
        yield row, f"{len(windows[row])} samples"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Five stretches of speech with pauses of three seconds."""
    parts = [part for seed in (0, 2, 3, 0, 2) for part in (babble(2.0, seed), silence(3.0))]
    return write_with_soundfile(tmp_path / "five.wav", np.concatenate(parts), 16_000)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def _run(path: Path, model: Path, recognise: Recognise = lengths, **more: object) -> list[TranscriptionEvent]:
    options = more.pop("options", Options())
    return list(run(path, recognise, model_folder=model, options=options, **more))  # type: ignore[arg-type]


def _transcript(events: list[TranscriptionEvent]) -> Transcript:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.transcript


def _counting(calls: list[int]) -> Callable[[Sequence[Samples]], Iterator[tuple[int, str]]]:
    def recognise(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
        calls.append(len(windows))
        yield from lengths(windows)

    return recognise


def test_events_come_in_order_of_time(recording: Path, model: Path) -> None:
    events = _run(recording, model)
    assert isinstance(events[0], Opened)
    segments = [event for event in events if isinstance(event, SegmentDone)]
    assert [event.index for event in segments] == [0, 1, 2, 3, 4]
    starts = [event.segment.start_s for event in segments]
    assert starts == pytest.approx([0, 4.8, 9.8, 14.8, 19.8], abs=0.2)
    transcript = _transcript(events)
    assert transcript.segments == tuple(event.segment for event in segments)
    assert transcript.duration_s == 25.0
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done[-1] == pytest.approx(25.0, abs=0.05)
    assert all(event.total >= event.done for event in events if isinstance(event, Progress))


def test_batches_grow_so_that_the_first_words_come_soon(recording: Path, model: Path) -> None:
    calls: list[int] = []
    _run(recording, model, _counting(calls), options=Options(batch=2))
    assert calls[0] == 1
    assert max(calls) == 2
    assert sum(calls) == 5


def test_a_window_without_words_makes_no_segment(recording: Path, model: Path) -> None:
    def every_other(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
        yield from ((row, "  " if row % 2 else "words") for row in range(len(windows)))

    transcript = _transcript(_run(recording, model, every_other))
    assert {segment.text for segment in transcript.segments} == {"words"}
    assert len(transcript.segments) < 5


def test_a_cancelled_run_goes_on_where_it_stopped(recording: Path, model: Path, tmp_path: Path) -> None:
    whole = _transcript(_run(recording, model))
    journal = tmp_path / "five.journal"
    work = run(recording, lengths, model_folder=model, options=Options(), journal=journal)
    done = 0
    for event in work:
        done += isinstance(event, SegmentDone)
        if done == 2:
            break
    work.close()
    assert interrupted_at_s(journal) == whole.segments[1].end_s
    calls: list[int] = []
    events = _run(recording, model, _counting(calls), journal=journal, resume=True)
    assert events[0] == Opened(recording, events[0].info, whole.segments[1].end_s)  # type: ignore[union-attr]
    assert [event.resumed for event in events if isinstance(event, SegmentDone)] == [True, True, False, False, False]
    assert sum(calls) == 3
    assert _transcript(events) == whole
    assert not journal.exists()


def test_the_journal_stays_until_the_result_is_safe(recording: Path, model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "five.journal"
    work = run(recording, lengths, model_folder=model, options=Options(), journal=journal)
    for event in work:
        if isinstance(event, Finished):
            break
    work.close()
    assert interrupted_at_s(journal) is not None


def test_without_resume_an_old_journal_is_started_over(recording: Path, model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "five.journal"
    journal.write_text("anything")
    calls: list[int] = []
    _run(recording, model, _counting(calls), journal=journal)
    assert sum(calls) == 5


KILLED = """
    import sys
    from pathlib import Path
    from engine.transcription.results import Options, SegmentDone
    from engine.transcription.transcriber import run

    def lengths(windows):
        for row, window in enumerate(windows):
            yield row, f"{len(window)} samples"

    work = run(sys.argv[1], lengths, model_folder=Path(sys.argv[2]), options=Options(), journal=Path(sys.argv[3]))
    for event in work:
        if isinstance(event, SegmentDone):
            print(event.index, flush=True)
            sys.stdin.readline()
"""


def test_a_killed_process_is_resumed(recording: Path, model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "five.journal"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(recording), str(model), str(journal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for index in range(3):
            assert process.stdout.readline() == f"{index}\n"
            if index < 2:
                process.stdin.write("\n")
                process.stdin.flush()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    events = _run(recording, model, journal=journal, resume=True)
    assert [event.resumed for event in events if isinstance(event, SegmentDone)] == [True] * 3 + [False] * 2
    assert _transcript(events) == _transcript(_run(recording, model))


def test_a_half_written_line_of_the_journal_is_done_again(recording: Path, model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "five.journal"
    work = run(recording, lengths, model_folder=model, options=Options(), journal=journal)
    for event in work:
        if isinstance(event, SegmentDone) and event.index == 2:
            break
    work.close()
    journal.write_bytes(journal.read_bytes()[:-20])
    events = _run(recording, model, journal=journal, resume=True)
    assert [event.resumed for event in events if isinstance(event, SegmentDone)] == [True] * 2 + [False] * 3
    assert len(_transcript(events).segments) == 5


def _interrupted(recording: Path, model: Path, journal: Path) -> None:
    work = run(recording, lengths, model_folder=model, options=Options(), journal=journal)
    next(event for event in work if isinstance(event, SegmentDone))
    work.close()


def _change_recording(recording: Path, model: Path) -> Options:
    recording.write_bytes(recording.read_bytes()[:-2] + b"\x01\x00")
    return Options()


def _change_model(recording: Path, model: Path) -> Options:
    (model / "config.json").write_text('{"other": 1}')
    return Options()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_change_recording, "belongs to another recording, or the recording was changed"),
        (_change_model, "belongs to another model"),
        (lambda *_: Options(language="en"), "was made with other options"),
    ],
)
def test_resuming_another_run_is_refused_and_keeps_its_journal(
    change: Callable[[Path, Path], Options], reason: str, recording: Path, model: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "five.journal"
    _interrupted(recording, model, journal)
    before = journal.read_bytes()
    options = change(recording, model)
    with pytest.raises(RequestError, match=reason):
        _run(recording, model, journal=journal, resume=True, options=options)
    assert journal.read_bytes() == before


def test_a_truncated_recording_is_transcribed_as_far_as_it_goes(recording: Path, model: Path) -> None:
    transcript = _transcript(_run(cut_in_half(recording), model))
    assert len(transcript.segments) == 3
    assert transcript.duration_s == pytest.approx(12.5, abs=0.1)
    assert transcript.problem == f"{recording} breaks off at 0:12 of 0:25: copy or record it again."


def test_a_truncated_recording_without_speech_is_refused(tmp_path: Path, model: Path) -> None:
    path = cut_in_half(write_with_soundfile(tmp_path / "a.wav", silence(4.0), 16_000))
    with pytest.raises(BrokenOffError, match="breaks off at 0:01 of 0:04"):
        _run(path, model)


@pytest.mark.parametrize(
    ("sound", "kind", "sentence"),
    [
        (silence(5.0), NoSpeechError, r"No speech was found in .*a\.wav: check that"),
        (tone(5.0), NoSpeechError, r"No speech was found in .*a\.wav: check that"),
        (tone(0.05), SoundError, r"a\.wav is only 0\.05 s long: record at least"),
    ],
)
def test_a_recording_without_speech_is_refused_and_the_model_not_asked(
    sound: Samples, kind: type[SoundError], sentence: str, tmp_path: Path, model: Path
) -> None:
    calls: list[int] = []
    path = write_with_soundfile(tmp_path / "a.wav", sound, 16_000)
    with pytest.raises(kind, match=sentence):
        _run(path, model, _counting(calls))
    assert calls == []


def test_speech_of_which_the_model_makes_nothing_is_an_error(recording: Path, model: Path) -> None:
    with pytest.raises(SoundError, match="made out no words"):
        _run(recording, model, lambda windows: ((row, "") for row in range(len(windows))))


def test_a_journal_that_cannot_be_written_stops_the_run_before_the_work(recording: Path, model: Path) -> None:
    calls: list[int] = []
    with pytest.raises(StorageError, match=r"five\.wav.*a file is in the way"):
        _run(recording, model, _counting(calls), journal=recording / "x.journal")
    assert calls == []


def test_a_models_folder_may_hold_files_whose_names_are_no_text(recording: Path, model: Path, tmp_path: Path) -> None:
    try:
        (model / os.fsdecode(b"r\xe9sum\xe9.txt")).write_text("")
    except OSError:
        pytest.skip("this file system knows only text")
    assert _transcript(_run(recording, model, journal=tmp_path / "journal")).segments


def test_a_run_that_was_left_behind_leaves_the_journal_of_its_successor_alone(
    recording: Path, model: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "five.journal"
    options = {"model_folder": model, "options": Options(), "journal": journal, "resume": True}
    hanging = run(recording, lengths, **options)
    assert isinstance(next(hanging), Opened)
    going_on = run(recording, lengths, **options)
    while not isinstance(next(going_on), SegmentDone):
        pass
    hanging.close()
    assert interrupted_at_s(journal) is not None
    going_on.close()
    assert interrupted_at_s(journal) is not None


def test_a_journal_is_for_its_owner_alone(recording: Path, model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "five.journal"
    work = run(recording, lengths, model_folder=model, options=Options(), journal=journal)
    next(work)
    assert journal.stat().st_mode & 0o777 == 0o600
    work.close()


def test_no_segment_ends_after_the_recording(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_with_soundfile(tmp_path / "to-the-end.wav", babble(3.0), 16_000)
    declared = probe(path)
    monkeypatch.setattr("engine.samples.probe", lambda _path: replace(declared, duration_s=2.5))
    transcript = _transcript(_run(path, model))
    assert transcript.duration_s == pytest.approx(3.0, abs=0.01)
    assert transcript.segments[-1].end_s <= transcript.duration_s
