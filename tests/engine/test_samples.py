from __future__ import annotations

import resource
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine import samples
from engine.errors import SoundError, StorageError
from engine.samples import BrokenOffError, SoundInfo
from tests.sounds import cut_in_half, silence, tone, write_film, write_with_pyav, write_with_soundfile

RATE_HZ = 48_000


def _frequency_hz(sound: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * rate_hz / len(sound))


def _pyav(codec: str, **options: str) -> Callable[[Path], Path]:
    return lambda path: write_with_pyav(path, tone(3.0, RATE_HZ), RATE_HZ, codec, **options)


def _soundfile(subtype: str | None = None) -> Callable[[Path], Path]:
    return lambda path: write_with_soundfile(path, tone(3.0, RATE_HZ), RATE_HZ, subtype)


FILES = {
    "a.wav": _soundfile(),
    "float.wav": _soundfile("FLOAT"),
    "8-bit.wav": _soundfile("PCM_U8"),
    "24-bit.wav": _soundfile("PCM_24"),
    "a.flac": _soundfile(),
    "a.aiff": _soundfile(),
    "a.ogg": _soundfile(),
    "a.mp3": _pyav("libmp3lame"),
    "a.m4a": _pyav("aac"),
    "a.mp4": _pyav("aac"),
    "a.mov": _pyav("aac"),
    "a.opus": _pyav("libopus"),
    "a.webm": _pyav("libopus"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_read_as_16_khz_mono(name: str, tmp_path: Path) -> None:
    path = FILES[name](tmp_path / name)
    sound = samples.read(path)
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert len(sound) / 16_000 == pytest.approx(3.0, abs=0.06)
    assert _frequency_hz(sound, 16_000) == pytest.approx(440, abs=1)
    assert np.abs(sound[8000:-8000]).max() == pytest.approx(0.3, abs=0.04)
    info = samples.probe(path)
    assert info.duration_s == pytest.approx(3.0, abs=0.06)
    assert (info.rate_hz, info.channels) == (RATE_HZ, 1)


def test_a_name_that_lies_about_the_format_does_not_matter(tmp_path: Path) -> None:
    path = FILES["a.mp3"](tmp_path / "a.mp3").rename(tmp_path / "a.wav")
    assert _frequency_hz(samples.read(path), 16_000) == pytest.approx(440, abs=1)


def test_blocks_join_to_the_whole_whatever_their_size(tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(5.3, 44_100), 44_100)
    whole = samples.read(path)
    blocks = list(samples.stream(path, block_s=0.25))
    assert {len(block) for block in blocks[:-1]} == {4000}
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_192_khz_comes_down_without_aliases(tmp_path: Path) -> None:
    sound = tone(1.0, 192_000) + tone(1.0, 192_000, hz=30_000)
    found = samples.read(write_with_soundfile(tmp_path / "a.wav", sound, 192_000, "FLOAT"))
    expected = tone(1.0)
    np.testing.assert_allclose(found[800:15_000], expected[800:15_000], atol=2e-3)


def test_six_channels_become_their_mean_or_the_first(tmp_path: Path) -> None:
    channels = np.stack([np.full(16_000, level, np.float32) for level in (0.6, 0, 0, 0, 0, 0.3)], axis=1)
    path = write_with_soundfile(tmp_path / "a.wav", channels, 16_000, "FLOAT")
    assert samples.probe(path).channels == 6
    np.testing.assert_allclose(samples.read(path), 0.15, atol=1e-6)
    np.testing.assert_allclose(samples.read(path, mix="first"), 0.6, atol=1e-6)


def test_0_05_seconds_are_read_whole(tmp_path: Path) -> None:
    assert len(samples.read(write_with_soundfile(tmp_path / "a.wav", tone(0.05), 16_000))) == 800


def test_numbers_that_are_none_become_silence(tmp_path: Path) -> None:
    broken = np.full(1600, np.nan, np.float32)
    path = write_with_soundfile(tmp_path / "a.wav", broken, 16_000, "FLOAT")
    np.testing.assert_array_equal(samples.read(path), 0.0)


def test_a_film_is_read_by_its_sound_track(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", tone(2.0))
    assert _frequency_hz(samples.read(path), 16_000) == pytest.approx(440, abs=1)


def test_sound_that_starts_late_keeps_its_time(tmp_path: Path) -> None:
    import av

    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=16_000)
        track.layout = "mono"
        for second in (2, 3, 6):
            pcm = (tone(1.0)[None] * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, second * 16_000, Fraction(1, 16_000)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    loud = np.abs(samples.read(path).reshape(-1, 16_000)).max(axis=1) > 0.1
    assert loud.tolist() == [False, False, True, True, False, False, True]


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    import av

    path = tmp_path / "silent-film.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(picture.encode(None))
    with pytest.raises(SoundError, match=r"silent-film\.mp4 has no sound in it: choose"):
        samples.read(path)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.flac", "a.mp3", "fast.m4a", "a.webm"])
def test_a_truncated_file_gives_its_sound_and_then_says_where_it_breaks_off(name: str, tmp_path: Path) -> None:
    make = _pyav("aac", movflags="faststart") if name == "fast.m4a" else FILES[name]
    path = cut_in_half(make(tmp_path / name))
    stream = samples.stream(path, block_s=0.25)
    assert len(next(stream)) == 4000
    with pytest.raises(BrokenOffError, match=r"breaks off at 0:01 of 0:0\d: copy") as error:
        list(stream)
    assert str(path) in str(error.value)


def test_the_sound_before_the_break_is_delivered(tmp_path: Path) -> None:
    path = cut_in_half(write_with_soundfile(tmp_path / "a.wav", tone(4.0), 16_000))
    seconds = 0.0
    try:
        for block in samples.stream(path, block_s=0.5):
            seconds += len(block) / 16_000
    except BrokenOffError:
        pass
    assert seconds == pytest.approx(2.0, abs=0.01)


def test_an_m4a_without_its_table_of_contents_is_called_incomplete(tmp_path: Path) -> None:
    path = cut_in_half(FILES["a.m4a"](tmp_path / "a.m4a"))
    with pytest.raises(SoundError, match="is incomplete, its table of contents is missing"):
        samples.read(path)


def test_a_wav_from_a_recorder_that_cannot_know_the_length_is_whole(tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(1.0), 16_000)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(samples.read(path)) == 16_000


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, r"There is no file .*a\.wav: check the name\."),
        (lambda path: path.mkdir(), r"a\.wav is a folder: name the sound files in it\."),
        (lambda path: path.touch(), r"a\.wav is empty \(0 bytes\): record or copy it again\."),
        (lambda path: path.write_text("hello " * 500), r"a\.wav is not a sound file or is damaged: Earshot reads"),
        (lambda path: path.write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk" * 9), r"a\.wav is not a sound file"),
        (lambda path: write_with_soundfile(path, silence(0), 16_000), r"a\.wav holds no sound: record or copy"),
    ],
)
def test_what_is_not_sound_is_refused_in_one_sentence(
    make: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.wav")
    for use in (samples.probe, samples.read):
        with pytest.raises(SoundError, match=sentence):
            use(tmp_path / "a.wav")


def test_written_sound_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.wav"
    samples.write_wav(path, tone(1.0, 24_000), 24_000)
    assert samples.probe(path) == SoundInfo(1.0, 24_000, 1, "wav")
    np.testing.assert_allclose(samples.read(path, 24_000), tone(1.0, 24_000), atol=1e-4)


def test_resampling_keeps_length_and_pitch() -> None:
    sound = samples.resample(tone(1.0, 24_000), 24_000, 16_000)
    assert len(sound) == 16_000
    assert _frequency_hz(sound, 16_000) == pytest.approx(440, abs=1)


def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples.write_wav(path, tone(0.1), 16_000)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"a\.wav could not be written, the disk is full"):
            samples.write_wav(path, tone(10.0), 16_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_the_output_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a folder: choose a file name"):
        samples.write_wav(tmp_path, tone(0.1), 16_000)


@pytest.mark.parametrize(("seconds", "written"), [(7.9, "0:07"), (750, "12:30"), (3723, "1:02:03")])
def test_times_read_as_people_write_them(seconds: float, written: str) -> None:
    assert samples.clock(seconds) == written


def test_a_codec_nobody_knows_is_a_sentence(tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(1.0), 16_000)
    data = path.read_bytes()
    path.write_bytes(data[:20] + b"\x99\x99" + data[22:])  # the number of the codec in a wav file
    for use in (samples.probe, samples.read):
        with pytest.raises(SoundError, match=r"a\.wav is encoded in a way that cannot be read"):
            use(path)


def test_an_mp3_file_that_changes_its_rate_keeps_its_pitch_and_length(tmp_path: Path) -> None:
    slow = write_with_pyav(tmp_path / "slow.mp3", tone(2.0, 16_000), 16_000, "libmp3lame")
    fast = write_with_pyav(tmp_path / "fast.mp3", tone(2.0, 44_100), 44_100, "libmp3lame")
    both = tmp_path / "both.mp3"
    both.write_bytes(slow.read_bytes() + fast.read_bytes())
    sound = samples.read(both)
    assert len(sound) / 16_000 == pytest.approx(4.0, abs=0.3)
    assert _frequency_hz(sound[-16_000:], 16_000) == pytest.approx(440, abs=2)
