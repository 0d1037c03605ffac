"""Voices are made from recordings, kept in small files, and every unusable input gets one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CheckpointError, SoundError, VoiceError
from engine.events import Samples
from engine.samples import resample
from engine.speaking import Speaking, Voice, VoiceLibrary
from engine.speaking.recording import best_part, read_recording
from engine.speaking.voice_features import RATE_MEL_HZ
from engine.speaking.voice_networks import SPEAKER_FILE, TOKENIZER_FILE
from tests.sounds import babble, cut_in_half, silence, tone, write_with_soundfile

pytestmark = pytest.mark.slow


def _speech(seconds: float) -> Samples:
    return resample(babble(seconds), 16_000, RATE_MEL_HZ)


@pytest.fixture
def library(tmp_path: Path) -> VoiceLibrary:
    return VoiceLibrary(tmp_path / "voices")


@pytest.fixture(scope="session")
def speaking_with_onnx(token2wav: Path, tmp_path_factory: pytest.TempPathFactory) -> Speaking:
    """The random networks with the small ONNX files of the repository's own golden data."""
    from engine.checkpoints.load_speaking import load_speaking
    from tests.goldens.voice_onnx import write_voice_networks

    folder = tmp_path_factory.mktemp("voiced") / "token2wav"
    folder.mkdir()
    for path in token2wav.iterdir():
        (folder / path.name).symlink_to(path)
    write_voice_networks(folder)
    return load_speaking(folder)


def test_a_voice_file_gives_back_the_voice(tmp_path: Path, voice: Voice) -> None:
    kept = replace(voice, recording_24k=_speech(2.0), model="abc")
    kept.save(tmp_path / "a.voice")
    found = Voice.load(tmp_path / "a.voice")
    for name in ("speech_tokens", "embedding", "mel"):
        np.testing.assert_array_equal(getattr(found, name), getattr(voice, name))
    np.testing.assert_allclose(found.recording_24k, kept.recording_24k, atol=1e-4)
    assert (found.name, found.model) == ("nobody", "abc")


def test_a_damaged_voice_file_is_refused(tmp_path: Path, voice: Voice) -> None:
    voice.save(tmp_path / "a.voice")
    cut_in_half(tmp_path / "a.voice")
    with pytest.raises(VoiceError, match=r"a\.voice is damaged or not a voice file"):
        Voice.load(tmp_path / "a.voice")


def test_another_safetensors_file_is_no_voice(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(VoiceError, match="not a voice file of Earshot"):
        Voice.load(tmp_path / "a.safetensors")


def test_a_missing_voice_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"There is no voice file .*a\.voice"):
        Voice.load(tmp_path / "a.voice")


def test_the_library_adds_lists_renames_exports_imports_and_removes(
    library: VoiceLibrary, voice: Voice, tmp_path: Path
) -> None:
    assert library.list() == []
    library.add(voice)
    library.add(replace(voice, name="ben"))
    assert library.list() == ["ben", "nobody"]
    library.rename("ben", "Ben the second")
    library.export("Ben the second", tmp_path / "out" / "ben.voice")
    library.remove("Ben the second")
    assert library.list() == ["nobody"]
    assert library.import_(tmp_path / "out" / "ben.voice").name == "Ben the second"
    assert library.get("Ben the second").name == "Ben the second"


def test_a_taken_name_is_refused_and_the_voice_stays(library: VoiceLibrary, voice: Voice) -> None:
    library.add(voice)
    with pytest.raises(VoiceError, match="already a voice 'nobody'"):
        library.add(replace(voice, mel=voice.mel + 1))
    np.testing.assert_array_equal(library.get("nobody").mel, voice.mel)


@pytest.mark.parametrize("name", ["", " ", "../evil", "a/b", ".hidden", "x" * 61, "a\0b"])
def test_impossible_names_are_refused(library: VoiceLibrary, voice: Voice, name: str) -> None:
    with pytest.raises(VoiceError, match="cannot be the name of a voice"):
        library.add(replace(voice, name=name))


def test_an_unknown_voice_is_named(library: VoiceLibrary) -> None:
    for action in (library.get, library.remove):
        with pytest.raises(VoiceError, match="There is no voice 'eve'"):
            action("eve")


def test_the_best_ten_seconds_of_a_long_recording_are_taken() -> None:
    recording = np.concatenate([silence(20, RATE_MEL_HZ), _speech(12), silence(20, RATE_MEL_HZ)])
    part = best_part(recording, "talk.wav")
    assert 8.0 * RATE_MEL_HZ <= len(part) <= 10.01 * RATE_MEL_HZ
    assert np.sqrt(np.mean(part**2)) > 0.02


def test_clean_speech_is_preferred_to_overdriven_speech() -> None:
    loud, clean = np.clip(_speech(10) * 8, -1, 1), _speech(10) * 0.5
    part = best_part(np.concatenate([loud, silence(1, RATE_MEL_HZ), clean]), "talk.wav")
    assert np.abs(part).max() < 0.9


@pytest.mark.parametrize(
    ("recording", "sentence"),
    [
        (silence(5, RATE_MEL_HZ), "is silent"),
        (_speech(0.2), "lasts 0.2 seconds"),
        (np.zeros(0, np.float32), "lasts 0.0 seconds"),
        (np.clip(_speech(6) * 30, -1, 1), "is overdriven"),
        (tone(6, RATE_MEL_HZ) + tone(6, RATE_MEL_HZ, 660) * 0.5, "holds no clear speech"),
    ],
)
def test_recordings_that_make_no_voice_get_a_sentence(recording: Samples, sentence: str) -> None:
    with pytest.raises(VoiceError, match=sentence):
        best_part(recording, "talk.wav")


def test_what_is_not_audio_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("this is no sound")
    with pytest.raises(SoundError, match=r"notes\.wav"):
        read_recording(tmp_path / "notes.wav")


def test_of_hours_only_the_first_ten_minutes_are_read(tmp_path: Path) -> None:
    path = write_with_soundfile(
        tmp_path / "long.wav", np.zeros(3 * 3600 * 8000, np.int8).astype(np.float32), 8000, "PCM_U8"
    )
    assert len(read_recording(path)) <= 611 * RATE_MEL_HZ


def test_missing_onnx_files_get_a_sentence(speaking: Speaking) -> None:
    with pytest.raises(CheckpointError, match="onnx is missing, so no voice can be made"):
        speaking.analyse(_speech(4), RATE_MEL_HZ, "me")


@pytest.mark.parametrize("broken", [TOKENIZER_FILE, SPEAKER_FILE])
@pytest.mark.parametrize("how", ["truncated", "other model"])
def test_broken_onnx_files_get_a_sentence(speaking_with_onnx: Speaking, tmp_path: Path, broken: str, how: str) -> None:
    from engine.speaking.voice_networks import VoiceNetworks

    source = speaking_with_onnx.folder
    for name in (TOKENIZER_FILE, SPEAKER_FILE):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    other = SPEAKER_FILE if broken == TOKENIZER_FILE else TOKENIZER_FILE
    (tmp_path / broken).write_bytes((source / (other if how == "other model" else broken)).read_bytes())
    if how == "truncated":
        cut_in_half(tmp_path / broken)
    networks, sound = VoiceNetworks(tmp_path), babble(3.0)
    analyse = {
        TOKENIZER_FILE: lambda: networks.speech_tokens(sound, 6561),
        SPEAKER_FILE: lambda: networks.embedding(sound, 192),
    }
    with pytest.raises(CheckpointError, match=f"{broken} (is damaged|belongs to another kind)"):
        analyse[broken]()


def test_a_recording_becomes_a_voice_that_speaks(speaking_with_onnx: Speaking) -> None:
    made = speaking_with_onnx.analyse(_speech(4), RATE_MEL_HZ, "me")
    assert 60 <= len(made.speech_tokens) <= 110
    assert made.mel.shape == (2 * len(made.speech_tokens), 80)
    assert made.embedding.shape == (192,)
    assert len(speaking_with_onnx.synthesizer(made, steps=2)([1, 2, 3])) == 3 * 960


def test_a_recording_is_analysed_once(
    speaking_with_onnx: Speaking, library: VoiceLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_with_soundfile(tmp_path / "me.wav", babble(4.0), 16_000)
    first = library.from_recording(speaking_with_onnx, path, "me")
    monkeypatch.setattr(Speaking, "analyse_file", lambda *arguments: pytest.fail("it was analysed again"))
    again = library.from_recording(speaking_with_onnx, path, "other name")
    assert again.name == "other name"
    np.testing.assert_array_equal(again.mel, first.mel)


def test_a_voice_of_another_model_is_made_anew_from_its_recording(speaking_with_onnx: Speaking, voice: Voice) -> None:
    adopted = speaking_with_onnx.adopted(replace(voice, recording_24k=_speech(4), model="other"))
    assert adopted.model == speaking_with_onnx.networks.fingerprint
    assert len(adopted.speech_tokens) > len(voice.speech_tokens)


def test_a_voice_of_another_model_without_recording_is_refused(speaking_with_onnx: Speaking, voice: Voice) -> None:
    with pytest.raises(VoiceError, match="'nobody' was made with another model: add it again"):
        speaking_with_onnx.synthesizer(voice)


def test_a_folder_brings_voices_as_files_and_as_recordings(speaking_with_onnx: Speaking, voice: Voice) -> None:
    from engine.checkpoints.load_speaking import load_speaking

    folder = speaking_with_onnx.folder
    (folder / "voices").mkdir(exist_ok=True)
    replace(voice, model=speaking_with_onnx.networks.fingerprint).save(folder / "voices" / "anna.safetensors")
    write_with_soundfile(folder / "default_male.wav", babble(4.0), 16_000)
    found = load_speaking(folder)
    assert found.voice_names() == ["anna", "male"]
    assert [one.name for one in found.voices()] == ["anna", "male"]
    assert found.default_voice().name == "anna"
    with pytest.raises(VoiceError, match=r"There is no voice 'eve'\. Built-in voices: anna, male"):
        found.voice("eve")


def test_find_takes_names_voice_files_and_recordings(
    speaking_with_onnx: Speaking, library: VoiceLibrary, voice: Voice, tmp_path: Path
) -> None:
    own = replace(voice, model=speaking_with_onnx.networks.fingerprint)
    library.add(own)
    own.save(tmp_path / "file.voice")
    recording = write_with_soundfile(tmp_path / "me.wav", babble(4.0), 16_000)
    assert library.find(speaking_with_onnx, "nobody").name == "nobody"
    assert library.find(speaking_with_onnx, str(tmp_path / "file.voice")).name == "nobody"
    assert library.find(speaking_with_onnx, str(recording)).name == "me"
    with pytest.raises(VoiceError, match="There is no voice and no file 'eve'"):
        library.find(speaking_with_onnx, "eve")


def test_a_damaged_voice_can_be_removed(library: VoiceLibrary, voice: Voice) -> None:
    library.add(voice)
    (library.folder / "nobody.voice").write_bytes(b"damaged")
    library.remove("nobody")
    assert library.list() == []
    with pytest.raises(VoiceError, match="There is no voice 'nobody'"):
        library.remove("nobody")


def test_a_voice_that_was_moved_out_comes_back_with_what_was_analysed(
    library: VoiceLibrary, voice: Voice, tmp_path: Path
) -> None:
    library.add(voice)
    copy = library.folder / "analysed" / "0123-45.voice"
    voice.save(copy)
    aside = library.folder / ".removed" / "1"
    library.move_out("nobody", aside)
    assert library.list() == []
    assert [path.name for path in library.folder.rglob("*.voice") if ".removed" not in path.parts] == []
    assert aside.stat().st_mode & 0o077 == 0
    library.add(replace(voice, name="other"))
    library.move_in("nobody", aside)
    assert library.list() == ["nobody", "other"]
    np.testing.assert_array_equal(library.get("nobody").mel, voice.mel)
    assert copy.exists()
    assert not aside.exists()


def test_a_voice_does_not_come_back_over_another_one(library: VoiceLibrary, voice: Voice, tmp_path: Path) -> None:
    library.add(voice)
    library.move_out("nobody", tmp_path / "aside")
    library.add(replace(voice, mel=voice.mel + 1))
    with pytest.raises(VoiceError, match="already a voice 'nobody'"):
        library.move_in("nobody", tmp_path / "aside")
    np.testing.assert_array_equal(library.get("nobody").mel, voice.mel + 1)


@pytest.mark.parametrize(
    "damaged",
    [
        {"speech_tokens": np.full(50, 1 << 28, np.int32)},
        {"speech_tokens": np.full(50, 6561, np.int32)},
        {"embedding": np.ones(5, np.float32)},
        {"mel": np.zeros((100, 40), np.float32)},
        {"mel": np.zeros((0, 80), np.float32)},
    ],
)
def test_a_voice_whose_arrays_do_not_fit_is_made_anew_or_refused(
    speaking_with_onnx: Speaking, voice: Voice, damaged: dict[str, np.ndarray]
) -> None:
    odd = replace(voice, model=speaking_with_onnx.networks.fingerprint, **damaged)  # type: ignore[arg-type]
    with pytest.raises(VoiceError, match="add it again from a recording"):
        speaking_with_onnx.adopted(odd)
    made = speaking_with_onnx.adopted(replace(odd, recording_24k=_speech(4)))
    assert made.speech_tokens.max() < 6561
    assert made.mel.shape == (2 * len(made.speech_tokens), 80)
