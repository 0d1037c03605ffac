"""`earshot transcribe` and `translate` through the real command line, with a small random model."""

from __future__ import annotations

import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import samples
from engine.cli import main
from engine.events import Progress, Samples
from engine.transcription import Options, SegmentDone
from engine.transcription.journal import run_key
from engine.transcription.transcriber import run
from tests.permissions import unprivileged
from tests.sounds import (
    babble,
    cut_in_half,
    silence,
    tone,
    write_with_old_title,
    write_with_pyav,
    write_with_soundfile,
)


@pytest.fixture(autouse=True)
def _own_model_and_cache(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(tiny_model))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three stretches of speech."""
    parts = [part for seed in (0, 2, 3) for part in (babble(1.5, seed), silence(2.5))]
    return write_with_soundfile(tmp_path / "talk.wav", np.concatenate(parts), 16_000)


def _subprocess(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


@contextmanager
def _disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what a full disk looks like to a program."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_text_comes_on_stdout_and_nothing_else(recording: Path) -> None:
    done = _subprocess("transcribe", recording)
    assert done.returncode == 0
    assert re.fullmatch(r"([a-z ]+\n){3}", done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["transcribe", "translate"])
def test_every_format_is_written_into_the_folder(
    command: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "texts"
    more = ["--to", "zh"] if command == "translate" else []
    stem = "talk.zh" if command == "translate" else "talk"
    assert main([command, str(recording), "-o", str(folder), "--format", "txt,srt,vtt,json,md", *more]) == 0
    names = [f"{stem}.{ending}" for ending in ("txt", "srt", "vtt", "json", "md")]
    assert capsys.readouterr().out.split() == [str(folder / name) for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    written = json.loads((folder / f"{stem}.json").read_text())
    assert [round(segment["start"]) for segment in written["segments"]] == [0, 4, 8]
    assert (folder / f"{stem}.srt").read_text().count("-->") >= 3


def test_subtitles_can_go_to_stdout(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(recording), "--format", "srt"]) == 0
    numbers = re.findall(r"^(\d+)\n\d\d:\d\d:\d\d,\d{3} --> ", capsys.readouterr().out, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) >= 3


def test_json_is_one_object_a_file_also_for_the_bad_one(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.touch()
    assert main(["transcribe", str(bad), str(recording), "--json"]) == 2
    captured = capsys.readouterr()
    first, second = map(json.loads, captured.out.splitlines())
    assert first == {"file": str(bad), "error": f"{bad} is empty (0 bytes): record or copy it again."}
    assert second["file"] == str(recording)
    assert len(second["segments"]) == 3
    assert captured.err == f"earshot: {bad} is empty (0 bytes): record or copy it again.\n"


def test_one_bad_file_of_several_does_not_keep_the_others_from_being_done(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = write_with_soundfile(tmp_path / "silent.wav", silence(3.0), 16_000)
    other = write_with_soundfile(tmp_path / "other.flac", babble(2.0), 16_000)
    files = [str(recording), str(tmp_path / "none.wav"), str(silent), str(other)]
    assert main(["transcribe", *files, "--output", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert captured.out.split() == [str(tmp_path / "out" / "talk.txt"), str(tmp_path / "out" / "other.txt")]
    assert captured.err.splitlines() == [
        f"earshot: There is no file {tmp_path / 'none.wav'}: check the name.",
        f"earshot: No speech was found in {silent}: check that the right microphone or track was recorded.",
    ]


def test_three_recordings_with_a_bad_one_in_the_middle_give_two_texts_and_one_sentence(
    recording: Path, tmp_path: Path
) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{recording}\n#EXT-X-ENDLIST\n")
    tagged = write_with_old_title(tmp_path / "old.m4a", babble(2.0), 16_000, "aac")
    done = _subprocess("transcribe", recording, playlist, tagged, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout.split() == [str(tmp_path / "out" / "talk.txt"), str(tmp_path / "out" / "old.txt")]
    assert all(Path(name).read_text().strip() for name in done.stdout.split())
    assert done.stderr.startswith(f"earshot: {playlist} is not a sound file or is damaged: Earshot reads wav")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("function", ["probe", "stream"])
def test_a_file_that_makes_earshot_fail_leaves_the_others_alone(
    function: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = [Path(shutil.copy(recording, tmp_path / f"{name}.wav")) for name in ("first", "second", "third")]
    real = getattr(samples, function)

    def stumble(path: Path, *more: object) -> object:
        if path == files[1]:
            raise ValueError("a fault of Earshot's")
        return real(path, *more)

    monkeypatch.setattr(samples, function, stumble)
    assert main(["transcribe", *map(str, files), "--output", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert captured.out.split() == [str(tmp_path / "out" / "first.txt"), str(tmp_path / "out" / "third.txt")]
    said = f"earshot: {files[1]} was left out, because Earshot itself failed (ValueError): please report it."
    assert captured.err.splitlines()[-1:] == [said]
    assert "a fault of Earshot's" in caplog.text  # with its traceback


def test_recordings_of_the_same_name_do_not_overwrite_each_other(recording: Path, tmp_path: Path) -> None:
    other = write_with_soundfile(tmp_path / "talk.flac", babble(1.0), 16_000)
    assert main(["transcribe", str(recording), str(other), "--output", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.flac.txt", "talk.wav.txt"]


def test_recordings_of_the_same_name_in_two_folders_do_not_either(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "monday").mkdir()
    other = write_with_soundfile(tmp_path / "monday" / "talk.wav", babble(1.0), 16_000)
    assert main(["transcribe", str(recording), str(other), "--output", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.wav 2.txt", "talk.wav.txt"]
    assert len((tmp_path / "out" / "talk.wav.txt").read_text().splitlines()) == 3


GOOD = {
    "8-bit.wav": lambda path: write_with_soundfile(path, babble(1.5), 16_000, "PCM_U8"),
    "192khz.wav": lambda path: write_with_soundfile(path, np.repeat(babble(1.5), 12), 192_000),
    "6-channels.wav": lambda path: write_with_soundfile(path, np.stack([babble(1.5)] * 6, axis=1), 16_000),
    "phone.m4a": lambda path: write_with_pyav(path, babble(1.5), 16_000, "aac"),
    "message.opus": lambda path: write_with_pyav(path, np.repeat(babble(1.5), 3), 48_000, "libopus"),
}


@pytest.mark.parametrize("name", GOOD)
def test_unusual_sound_is_understood(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(GOOD[name](tmp_path / name))]) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has no such names")
def test_a_name_that_is_no_text_is_a_name_all_the_same(recording: Path, tmp_path: Path) -> None:
    path = recording.rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    assert _subprocess("transcribe", path).returncode == 0
    assert _subprocess("transcribe", path, "--output", tmp_path / "out", "--format", "json,md").returncode == 0
    written = json.loads((tmp_path / "out" / os.fsdecode(b"caf\xe9.json")).read_text())
    assert written["source"] == path.name


BAD = {
    "empty.wav": (lambda path: path.touch(), "is empty (0 bytes): record or copy it again."),
    "hollow.wav": (
        lambda path: write_with_soundfile(path, silence(0), 16_000),
        "holds no sound: record or copy it again.",
    ),
    "folder.wav": (lambda path: path.mkdir(), "holds no recordings: name a folder with sound or film files in it."),
    "text.wav": (lambda path: path.write_text("no sound " * 99), "is not a sound file or is damaged: Earshot reads"),
    "short.wav": (lambda path: write_with_soundfile(path, tone(0.05), 16_000), "is only 0.05 s long: record at least"),
    "cut.m4a": (
        lambda path: cut_in_half(write_with_pyav(path, babble(2.0), 16_000, "aac")),
        "is incomplete, its table of contents is missing: copy or record it again.",
    ),
    "noise.flac": (lambda path: path.write_bytes(b"fLaC" + bytes(range(256)) * 20), "is not a sound file or is damage"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_sound_is_one_sentence_with_the_file_and_the_fix(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, sentence = BAD[name]
    make(tmp_path / name)
    assert main(["transcribe", str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"earshot: {tmp_path / name} {sentence}")
    assert captured.err.count("\n") == 1


def test_a_silent_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_with_soundfile(tmp_path / "silent.wav", silence(2.0), 16_000)
    assert main(["transcribe", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"earshot: No speech was found in {path}: check")


def test_what_a_truncated_recording_holds_is_written_and_the_exit_code_tells(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transcribe", str(cut_in_half(recording)), "--output", str(tmp_path / "out")]) == 2
    assert len((tmp_path / "out" / "talk.txt").read_text().splitlines()) == 2
    assert capsys.readouterr().err == (
        f"earshot: {recording} breaks off at 0:05 of 0:12: copy or record it again. What was there is transcribed.\n"
    )


def test_recordings_that_may_not_be_read_are_refused(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", "none.wav"]) == 2  # everything that is needed is imported before we become nobody
    capsys.readouterr()
    with tempfile.TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o755)
        locked_file = Path(shutil.copy(recording, open_folder))
        locked_file.chmod(0)
        locked_folder = Path(open_folder) / "locked"
        locked_folder.mkdir(mode=0o700)
        with unprivileged():
            if os.geteuid() == locked_folder.stat().st_uid:
                locked_folder.chmod(0)
            assert main(["transcribe", str(locked_file), str(locked_folder / "a.wav")]) == 2
        locked_folder.chmod(0o700)
    assert capsys.readouterr().err.splitlines() == [
        f"earshot: {locked_file} may not be read: change its permissions.",
        f"earshot: {locked_folder / 'a.wav'} may not be read: change the permissions of its folder.",
    ]


def test_a_disk_that_is_full_from_the_start_is_told_before_the_work(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _disk_of(64):
        assert main(["transcribe", str(recording), "--output", str(tmp_path / "out")]) == 2
    assert "the disk is full: make room or choose another folder." in capsys.readouterr().err


def test_names_that_are_too_long_are_told(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(recording), "--output", str(tmp_path / ("x" * 300))]) == 2
    (tmp_path / "out").mkdir()
    long = recording.rename(tmp_path / ("x" * 245 + ".wav"))
    assert main(["transcribe", str(long), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("has too long a name: choose a shorter one.\n") == 2


def test_a_disk_that_fills_up_keeps_the_old_text_and_the_work_done(
    recording: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "talk.json").write_text("the old one")
    key = len(json.dumps(run_key(recording, tiny_model, Options())))
    with _disk_of(key + 150):  # one segment fits, two do not
        code = main(["transcribe", str(recording), "--output", str(out), "--format", "json"])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.count("\n") == 1
    assert "could not be written, the disk is full: make room" in captured.err
    assert (out / "talk.json").read_text() == "the old one"
    assert main(["transcribe", str(recording), "--output", str(out), "--format", "json", "--resume"]) == 0
    assert "goes on at" in capsys.readouterr().err
    assert len(json.loads((out / "talk.json").read_text())["segments"]) == 3


def test_a_full_device_under_stdout_is_one_sentence(recording: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "engine", "transcribe", str(recording)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("earshot: The result could not be written, the disk is full")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "txt,srt"], "Several formats need a folder to go to: add -o DIR."),
        (["--language", "xx"], "Earshot does not know the language 'xx': choose one of"),
        (["--model", "nowhere"], "The model folder nowhere does not exist."),
        (["-o", "{recording}"], "{recording} is a file: -o needs a folder here."),
        (["-o", "nowhere/texts"], "There is no folder nowhere: make it first, or choose another place with -o."),
    ],
)
def test_requests_that_cannot_be_met_are_sentences(
    arguments: list[str], sentence: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [argument.format(recording=recording) for argument in arguments]
    assert main(["transcribe", str(recording), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"earshot: {sentence.format(recording=recording)}")


def test_a_folder_in_the_place_of_the_output_is_told_before_the_work(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "talk.txt").mkdir(parents=True)
    assert main(["transcribe", str(recording), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"earshot: {tmp_path / 'out' / 'talk.txt'} is a folder: move it away or choose another one with -o.\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_goes_on_with_resume(
    sent: signal.Signals, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [part for seed in range(12) for part in (babble(2.0, seed % 4), silence(2.5))]
    recording = write_with_soundfile(tmp_path / "long.wav", np.concatenate(parts), 16_000)
    assert main(["transcribe", str(recording)]) == 0
    whole = capsys.readouterr().out
    command = [sys.executable, "-m", "engine", "transcribe", str(recording), "--batch", "1"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background ignores it
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.send_signal(sent)
        remarks = process.stderr.read()
        assert process.wait() == code
    assert whole.startswith(first)
    if sent == signal.SIGINT:
        assert re.search(r"stopped\. .*long\.wav is done up to 0:\d\d; the same command with --resume", remarks)
    assert main(["transcribe", str(recording), "--resume"]) == 0
    captured = capsys.readouterr()
    assert "goes on at" in captured.err
    assert captured.out == whole


def test_starting_over_says_that_there_is_something_to_go_on_from(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(__import__("engine.transcription", fromlist=["EXPORTS"]).EXPORTS, "txt", _stop)
        assert main(["transcribe", str(recording), "--output", str(tmp_path / "out")]) == 130
    capsys.readouterr()
    assert main(["transcribe", str(recording), "--output", str(tmp_path / "out")]) == 0
    assert "was done up to 0:09 before; starting over (--resume would go on from there)" in capsys.readouterr().err


def _stop(transcript: object) -> str:
    raise KeyboardInterrupt


def test_real_recordings_go_through_the_whole_path(
    reference_speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(path for path in reference_speech.iterdir() if path.suffix in {".wav", ".aiff"})
    assert len(files) >= 9
    arguments = ["transcribe", *map(str, files), "--output", str(tmp_path), "--format", "json"]
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""
    for file in files:
        written = json.loads((tmp_path / f"{file.stem}.json").read_text())
        assert written["segments"], file
        assert all(0 <= segment["start"] < segment["end"] <= written["duration"] for segment in written["segments"])
        assert sum(segment["end"] - segment["start"] for segment in written["segments"]) > 2


def test_speakers_are_written_with_their_names(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.transcription.transcriber._speaker_network", lambda folder: _two_in_turn())
    names = ["--speaker-names", "Mara, Jon"]
    assert (
        main(["transcribe", "--speakers", str(recording), *names, "--format", "txt,md,json", "--output", str(tmp_path)])
        == 0
    )
    lines = (tmp_path / "talk.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Mara", "Jon", "Mara"]
    assert re.findall(r"\*\*0:\d\d (\w+):\*\*", (tmp_path / "talk.md").read_text()) == ["Mara", "Jon", "Mara"]
    segments = json.loads((tmp_path / "talk.json").read_text())["segments"]
    assert [segment["speaker"] for segment in segments] == ["Mara", "Jon", "Mara"]
    capsys.readouterr()
    assert main(["transcribe", "--speakers=1", str(recording)]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["Speaker 1"] * 3


def _two_in_turn() -> Callable[[Samples], NDArray[np.float32]]:
    """A speaker network that hears somebody else in every stretch of `recording`."""
    asked = itertools.count()
    return lambda samples: np.eye(2, dtype=np.float32)[next(asked) % 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--speakers=many"], "is no number of people"),
        (["--speaker-names", "Mara,,Jon"], "a name is missing"),
        (["--speaker-names", "Mara,Mara"], "cannot have the same name"),
    ],
)
def test_speakers_that_make_no_sense_are_refused(
    options: list[str], words: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["transcribe", *options, str(recording)])
    assert words in capsys.readouterr().err


def test_a_model_without_a_speaker_network_says_so(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(recording), "--speakers"]) == 2
    assert "speakers cannot be told apart" in capsys.readouterr().err


def test_the_recordings_of_a_folder_are_transcribed(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "interviews"
    (folder / "2" / ".hidden").mkdir(parents=True)
    for place in ("a.wav", "2/b.WAV", "2/.c.wav", "2/notes.txt"):
        shutil.copy(recording, folder / place)
    assert (
        main(["transcribe", str(folder), str(folder / "a.wav"), "-o", str(tmp_path / "texts"), "--format", "srt"]) == 0
    )
    assert sorted(path.name for path in (tmp_path / "texts").iterdir()) == ["a.srt", "b.srt"]
    (tmp_path / "empty").mkdir()
    capsys.readouterr()
    assert main(["transcribe", str(tmp_path / "empty"), str(recording), "--json"]) == 2
    values = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sorted(value)[:2] for value in values] == [["error", "file"], ["duration", "file"]]


def test_what_an_interrupted_run_did_is_not_counted_as_progress(recording: Path, tmp_path: Path) -> None:
    journal = tmp_path / "talk.journal"
    model = tmp_path / "model"
    model.mkdir()
    options = Options(batch=1)

    def words(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
        yield from ((row, "words") for row in range(len(windows)))

    long = write_with_soundfile(tmp_path / "long.wav", np.tile(samples.read(recording), 3), 16_000)
    first = run(long, words, model_folder=model, options=options, journal=journal)
    reached_s = next(e.segment.end_s for e in first if isinstance(e, SegmentDone) and e.segment.end_s > 20)
    first.close()
    again = run(long, words, model_folder=model, options=options, journal=journal, resume=True)
    done = [event.done for event in again if isinstance(event, Progress)]
    assert min(done) == reached_s  # the beginning is read again, but that is no progress
