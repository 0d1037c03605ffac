"""`earshot translate --speak` through the real command line. What it writes as text: test_transcribe.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import samples
from engine.cli import main
from tests.sounds import babble, write_with_soundfile


@pytest.fixture(autouse=True)
def _model(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(tiny_model))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_with_soundfile(tmp_path / "talk.wav", babble(2.0), 16_000)


@pytest.fixture
def speaking_model(reference_speech: Path, tmp_path: Path) -> Path:
    """The small checkpoint of ../shared with the published tokenizer beside it."""
    shared = reference_speech.parents[1]
    folder = tmp_path / "speaks"
    folder.mkdir()
    for source in (shared / "reference" / "Step-Audio-2-mini", shared / "goldens" / "tiny-checkpoint"):
        for path in source.iterdir():
            (folder / path.name).unlink(missing_ok=True)
            (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.slow
def test_a_translation_is_spoken_into_a_file(
    speaking_model: Path, reference_speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav = tmp_path / "spoken.wav"
    recording = str(reference_speech / "real_speech.aiff")
    arguments = ["translate", recording, "--to", "zh", "--speak", "-o", str(wav), "--model", str(speaking_model)]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["translated_to"] == "zh"
    assert found["speech"] == str(wav)
    assert samples.probe(wav).rate_hz == 24_000
    assert samples.probe(wav).duration_s > 0.5


def test_a_spoken_translation_needs_a_model_that_speaks(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wav = recording.parent / "out.wav"
    assert main(["translate", str(recording), "--to", "zh", "--speak", "-o", str(wav)]) == 2
    assert "tiny cannot speak: leave out --speak or choose a complete model." in capsys.readouterr().err
    assert not wav.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--speak"], "`python -m engine` uses no sound device: write the speech into a file with -o FILE"),
        (["--speak", "again.wav"], "A spoken translation is of one FILE."),
        (["--speak", "-o", "nowhere/x.wav"], "There is no folder nowhere: make it first"),
        (["--speak", "-o", "x.wav", "--format", "srt"], "--speak makes sound of one text: leave out --format"),
    ],
)
def test_options_that_contradict_each_other_are_told(
    arguments: list[str], sentence: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(recording) if each == "again.wav" else each for each in arguments]
    assert main(["translate", *arguments[1:], str(recording), "--to", "zh", *arguments[:1]]) == 2
    assert capsys.readouterr().err.startswith(f"earshot: {sentence}")
