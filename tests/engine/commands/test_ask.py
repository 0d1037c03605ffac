"""`earshot ask` and `earshot describe` through the real command line, with a small random model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.resources import resource
from tests.sounds import babble, silence, tone, write_with_soundfile


@pytest.fixture(autouse=True)
def _model(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(tiny_model))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_with_soundfile(tmp_path / "talk.wav", babble(2.0), 16_000)


def test_a_question_about_a_recording_is_answered_on_stdout(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", str(recording), "Who is speaking?", "--max-tokens", "20"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip()
    assert captured.out.endswith("\n")
    assert captured.err == ""


def test_a_question_needs_no_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "What is sound?", "--max-tokens", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] is None
    assert found["question"] == "What is sound?"
    assert found["answer"]


def test_the_first_suggestion_of_the_app_is_answered_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(resource("starter")))
    assert main(["ask", "What is twelve times seven?"]) == 0
    assert capsys.readouterr().out == "Twelve times seven is eighty-four.\n"


def test_a_question_may_be_longer_than_the_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "What is a kettle, and what do people use it for? " * 6, "--max-tokens", "3"]) == 0
    assert capsys.readouterr().out.strip()


def test_the_recording_and_the_question_both_matter(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_with_soundfile(recording.parent / "other.wav", tone(4.0), 16_000)
    answers = set()
    for arguments in ([recording, "Who?"], [recording, "Why is it so?"], [other, "Who?"], ["Who?"]):
        assert main(["ask", *map(str, arguments), "--max-tokens", "40"]) == 0
        answers.add(capsys.readouterr().out)
    assert len(answers) == 4


def test_a_sound_without_speech_can_be_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_with_soundfile(tmp_path / "hum.wav", tone(2.0), 16_000)
    assert main(["describe", str(path), "--max-tokens", "20"]) == 0
    assert capsys.readouterr().out.strip()


def test_a_question_that_is_missing_is_asked_for(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(recording)]) == 2
    assert f"There is no question about {recording}: add it in quotes" in capsys.readouterr().err
    assert main(["ask", str(recording), " "]) == 2
    assert "There is no question: write it in quotes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rate_hz", "why"),
    [
        (192_000, "holds no sound: record or copy it again."),
        (2_000_000_000, "claims 2,000,000,000 samples a second, which no recording has: copy or record it again."),
    ],
)
def test_a_sound_without_a_single_sample_at_16_khz_is_one_sentence(
    rate_hz: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", np.full(2, 0.5, np.float32), rate_hz)
    assert main(["ask", str(path), "Who?"]) == 2
    assert capsys.readouterr().err == f"earshot: {path} {why}\n"


@pytest.mark.parametrize("command", [["ask", "{file}", "Who?"], ["describe", "{file}"]])
@pytest.mark.parametrize(
    ("sound", "sentence"),
    [
        (silence(2.0), "is silent: check that the right microphone or track was recorded."),
        (tone(0.05), "is only 0.05 s long: record at least 0.3 s."),
        (silence(0), "holds no sound: record or copy it again."),
        (np.tile(tone(10.0), 60), "is too long to ask about: tiny takes 4:03 at once."),
    ],
)
def test_a_sound_that_cannot_be_used_is_one_sentence(
    command: list[str], sound: np.ndarray, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", sound, 16_000)
    assert main([part.format(file=path) for part in command]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"earshot: {path} {sentence}")
    assert captured.err.count("\n") == 1
