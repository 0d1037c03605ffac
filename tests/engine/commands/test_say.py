"""`earshot say` and `earshot voice` through the real command line, on the repository's own tiny checkpoint."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from engine import samples
from engine.cli import main
from engine.commands.picture import draw_sounds
from engine.events import Samples
from engine.resources import resource
from tests.checkpoints import tiny_checkpoint
from tests.sounds import babble, write_with_soundfile

pytestmark = pytest.mark.slow

CHECKPOINT = tiny_checkpoint()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(CHECKPOINT))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("engine.checkpoints.catalogue.models_folder", lambda: tmp_path / "data" / "models")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_with_soundfile(tmp_path / "me.wav", babble(4.0), 16_000)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.write_text("[12, 7,\n 6560, 3]")
    return path


def test_stored_tokens_are_spoken_in_the_voice_of_a_recording(tmp_path: Path, recording: Path, tokens: Path) -> None:
    out = tmp_path / "out.wav"
    command = ["say", "--tokens", str(tokens), "--voice", str(recording), "-o", str(out), "--steps", "2", "-q"]
    assert main(command) == 0
    assert samples.probe(out).rate_hz == 24_000
    assert samples.probe(out).duration_s == pytest.approx(4 / 25)


def test_streamed_and_kept_tokens_say_the_same_again(tmp_path: Path, recording: Path) -> None:
    stored, kept = tmp_path / "in.txt", tmp_path / "kept.txt"
    stored.write_text(" ".join(map(str, range(30))))
    out, picture = tmp_path / "out.wav", tmp_path / "out.png"
    command = ["say", "--tokens", str(stored), "--voice", str(recording), "-o", str(out), "--steps", "2"]
    assert main([*command, "--stream", "--save-tokens", str(kept), "--plot", str(picture)]) == 0
    assert json.loads(kept.read_text()) == list(range(30))
    assert samples.probe(out).duration_s == pytest.approx(30 / 25)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_text_is_read_with_the_sampling_that_the_model_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(resource("starter")))  # asks for the likeliest tokens, whatever the seed
    for seed in ("1", "2"):
        kept = tmp_path / f"{seed}.txt"
        command = ["say", "Good morning.", "-o", str(tmp_path / "out.wav"), "--seed", seed, "--save-tokens", str(kept)]
        assert main([*command, "-q"]) == 0
    assert json.loads((tmp_path / "1.txt").read_text()) == json.loads((tmp_path / "2.txt").read_text()) != []


def test_speech_to_stdout_is_a_wav(recording: Path, tokens: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["say", "--tokens", str(tokens), "--voice", str(recording), "-o", "-", "--steps", "2", "-q"]) == 0
    out = capfdbinary.readouterr().out
    assert out[:4] == b"RIFF"
    assert len(out) == 44 + 2 * 4 * 960


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give either a text to say or --tokens FILE."),
        (["hello", "--tokens", "x"], "Give either a text to say or --tokens FILE."),
        (["  "], "The text is empty"),
        (["--tokens", "nowhere.txt"], "There is no file nowhere.txt"),
        (["hello", "--steps", "0"], "at least one flow step, not 0"),
    ],
)
def test_what_cannot_be_said_gets_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", *arguments, "-o", "out.wav"]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"), [("", "holds no speech tokens"), ("1 2 x", "'x' is not a whole number"), ("-4", "'-4'")]
)
def test_a_bad_file_of_tokens_gets_a_sentence(
    tmp_path: Path, content: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(content)
    assert main(["say", "--tokens", str(path), "-o", "out.wav"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_token_out_of_range_gets_a_sentence(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("5 6561")
    assert main(["say", "--tokens", str(path), "--voice", str(recording), "-o", str(tmp_path / "o.wav"), "-q"]) == 2
    assert "Speech token 6561 does not exist: they go from 0 to 6560." in capsys.readouterr().err
    assert not (tmp_path / "o.wav").exists()


def test_a_model_that_cannot_speak_says_so(tiny_model: Path, tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "--tokens", str(tokens), "-o", "o.wav", "--model", str(tiny_model), "-q"]) == 2
    assert "has no token2wav folder, so it cannot speak" in capsys.readouterr().err


def test_voices_are_added_listed_shown_renamed_exported_imported_and_removed(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["voice", "add", str(recording), "--name", "anna", "-q"]) == 0
    assert main(["voice", "rename", "anna", "Anna"]) == 0
    assert main(["voice", "export", "Anna", str(tmp_path / "a.voice")]) == 0
    assert main(["voice", "remove", "Anna"]) == 0
    assert main(["voice", "import", str(tmp_path / "a.voice"), "--name", "ben"]) == 0
    capsys.readouterr()
    assert main(["voice", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["voices"] == ["ben"]
    assert main(["voice", "show", "ben", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "ben"
    assert 3 < facts["seconds"] < 5


@pytest.mark.parametrize("seed", ["-1", "99999999999999", "99999999999999999999999"])
def test_any_whole_number_is_a_seed(seed: str, tmp_path: Path, recording: Path, tokens: Path) -> None:
    out = tmp_path / "out.wav"
    given = ["--tokens", str(tokens)] if seed.startswith("99") else ["hi"]
    assert main(["say", *given, "--voice", str(recording), "-o", str(out), "--steps", "1", "-q", "--seed", seed]) == 0
    assert out.exists()


def test_a_taken_name_is_refused_before_the_model_is_loaded(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["voice", "add", str(recording), "-q"]) == 0
    assert main(["voice", "add", str(recording), "--model", "nowhere", "-q"]) == 2
    assert "There is already a voice 'me'" in capsys.readouterr().err


def test_an_unknown_voice_gets_a_sentence(tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["voice", "show", "eve"]) == 2
    assert main(["say", "--tokens", str(tokens), "--voice", "eve", "-o", "o.wav", "-q"]) == 2
    assert "There is no voice and no file 'eve'" in capsys.readouterr().err


@pytest.mark.parametrize("name", [".hidden.wav", "x" * 70 + ".wav"])
def test_a_recording_whose_name_no_voice_could_have_speaks_all_the_same(
    name: str, tmp_path: Path, recording: Path, tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["say", "--tokens", str(tokens), "--voice", name, "-o", "out.wav", "--steps", "1", "-q"]) == 0


@pytest.mark.parametrize("name", ["~nobody-of-this-name/me.wav", "x" * 300, "x\0y"])
def test_a_voice_that_can_be_no_file_gets_a_sentence(
    name: str, tokens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "--tokens", str(tokens), "--voice", name, "-o", "o.wav", "-q"]) == 2
    assert capsys.readouterr().err.startswith(f"earshot: There is no voice and no file {name!r}.")


@pytest.mark.parametrize(("hz", "low"), [(150, True), (7000, False)])
def test_a_picture_has_low_tones_at_the_bottom(tmp_path: Path, hz: int, low: bool) -> None:
    from matplotlib.image import imread

    tone = np.sin(2 * np.pi * hz * np.arange(24_000) / 24_000).astype(np.float32)
    draw_sounds(tmp_path / "a.png", [("a tone", tone)])
    picture = imread(tmp_path / "a.png")[..., :3]
    mel = picture[260:420, 400:700].sum(axis=(1, 2))  # the middle of the lower half
    assert (mel[-40:].sum() > mel[:40].sum()) == low


def test_a_picture_without_matplotlib_is_refused_before_anything_is_said(
    tmp_path: Path, tokens: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.commands.picture.find_spec", lambda name: None)
    command = ["say", "--tokens", str(tokens), "-o", str(tmp_path / "o.wav"), "--plot", str(tmp_path / "o.png")]
    assert main(command) == 2
    assert "A picture needs matplotlib: pip install 'earshot-assistant[plot]'" in capsys.readouterr().err
    assert not (tmp_path / "o.wav").exists()


def test_written_wavs_are_complete(tmp_path: Path, recording: Path, tokens: Path) -> None:
    out = tmp_path / "out.wav"
    assert main(["say", "--tokens", str(tokens), "--voice", str(recording), "-o", str(out), "--steps", "1", "-q"]) == 0
    with wave.open(str(out)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getnframes()) == (1, 2, 4 * 960)


class Loudspeaker:
    """A door that keeps what is played."""

    def __init__(self) -> None:
        self.heard: list[Samples] = []

    def play(self, pieces_24k: Iterable[Samples]) -> None:
        self.heard += pieces_24k

    def listen(self, wait: Callable[[], None]) -> Samples:
        raise AssertionError("nobody speaks")


def test_speech_is_played_unless_a_file_is_named(tmp_path: Path, recording: Path, tokens: Path) -> None:
    loudspeaker = Loudspeaker()
    command = ["say", "--tokens", str(tokens), "--voice", str(recording), "--steps", "1", "-q"]
    assert main(command, loudspeaker) == 0
    assert sum(map(len, loudspeaker.heard)) == 4 * 960
    assert main([*command, "-o", str(tmp_path / "o.wav")], loudspeaker) == 0
    assert len(loudspeaker.heard) == 1
    assert (tmp_path / "o.wav").exists()


@pytest.mark.parametrize("option", ["-o", "--save-tokens", "--plot"])
def test_a_place_in_a_folder_that_is_not_there_is_refused(
    option: str, tmp_path: Path, tokens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "nowhere" / "o.wav"
    assert main(["say", "--tokens", str(tokens), option, str(place), "-q"], Loudspeaker()) == 2
    assert capsys.readouterr().err.startswith(f"earshot: There is no folder {place.parent}: make it first")
    assert not place.parent.exists()


def test_without_a_loudspeaker_a_file_has_to_be_named(tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "--tokens", str(tokens)]) == 2
    assert "write the speech into a file with -o FILE" in capsys.readouterr().err


@pytest.mark.parametrize("language", ["de", "Chinese"])
def test_a_language_that_the_model_does_not_know_is_refused(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARSHOT_MODEL", str(resource("starter")))
    assert main(["say", "Guten Morgen.", "--language", language, "-q"], Loudspeaker()) == 2
    assert "Earshot starter speaks only English, not " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["Ada", "FILE"], ["FILE", "--name", "Ada"]])
def test_a_voice_is_added_as_the_readme_says(
    arguments: list[str], recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(recording) if each == "FILE" else each for each in arguments]
    assert main(["voice", "add", *arguments, "-q"]) == 0
    assert "The voice 'Ada' is kept" in capsys.readouterr().err
    assert main(["voice", "add", "Ada", str(recording), "--name", "Eve"]) == 2
    assert "earshot voice add NAME FILE" in capsys.readouterr().err
