"""What sound files from elsewhere may hold: old tags, references, and numbers that no recording has."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import samples
from engine.errors import SoundError
from engine.sound_readers import open_sound
from tests.fuzzing import assert_sound
from tests.fuzzing.sound import READERS
from tests.sounds import (
    tone,
    write_film,
    write_with_id3v1,
    write_with_old_title,
    write_with_pyav,
    write_with_soundfile,
)

pytestmark = pytest.mark.slow

_IN_OPEN = 0x20


def _old_title(codec: str, rate_hz: int = 16_000, **options: str) -> Callable[[Path], Path]:
    return lambda path: write_with_old_title(path, tone(1.0, rate_hz), rate_hz, codec, **options)


TAGGED = {
    "id3v1.mp3": lambda path: write_with_id3v1(path, tone(1.0), 16_000),
    "id3v2.mp3": _old_title("libmp3lame", id3v2_version="4"),
    "a.m4a": _old_title("aac"),
    "a.mp4": _old_title("aac"),
    "a.mkv": _old_title("libopus", 48_000),
    "a.avi": _old_title("aac"),
    "a.webm": _old_title("libopus", 48_000),
}


@pytest.mark.parametrize("name", TAGGED)
def test_a_tag_in_the_letters_of_old_programs_keeps_nobody_from_hearing(name: str, tmp_path: Path) -> None:
    path = TAGGED[name](tmp_path / name)
    assert samples.probe(path).duration_s == pytest.approx(1.0, abs=0.1)
    assert len(samples.read(path)) / 16_000 == pytest.approx(1.0, abs=0.1)


@contextmanager
def _watched(*files: Path) -> Iterator[list[bool]]:
    """Whether one of these files was opened by anybody; known after the block."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells who opens a file")
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    opened: list[bool] = []
    try:
        for file in files:
            assert libc.inotify_add_watch(watch, os.fsencode(file), _IN_OPEN) >= 0
        yield opened
        try:
            opened.append(bool(os.read(watch, 4096)))
        except BlockingIOError:
            opened.append(False)
    finally:
        os.close(watch)


def test_the_watch_sees_a_file_that_is_opened(tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(0.5), 16_000)
    with _watched(path) as opened:
        samples.probe(path)
    assert opened == [True]


_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"
_DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="audio/mp4">
<Representation id="0" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
_IMF = """<?xml version="1.0" encoding="UTF-8"?>
<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:{}</Id></CompositionPlaylist>
"""
REFERRING = {
    "whole.m3u8": (_HLS, "{folder}/other.ts"),
    "relative.m3u8": (_HLS, "other.ts"),
    "url.m3u8": (_HLS, "file://{folder}/other.ts"),
    "key.m3u8": (_HLS.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="other.key"\n#EXTINF'), "other.ts"),
    "in.ffconcat": ("ffconcat version 1.0\nfile {}\n", "other.wav"),
    "named.mp3": ("ffconcat version 1.0\nfile {}\n", "other.wav"),
    "in.mpd": (_DASH, "other.m4a"),
    "in.xml": (_IMF, "other.m4a"),
    "in.ref": ("[Reference]\nRef1={}\n", "file://{folder}/other.wav"),
    "in.sdp": ("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n", ""),
}


@pytest.mark.parametrize("name", REFERRING)
def test_a_file_that_names_others_opens_none_of_them(name: str, tmp_path: Path) -> None:
    others = [
        write_with_soundfile(tmp_path / "other.wav", tone(1.0), 16_000),
        write_with_pyav(tmp_path / "other.ts", tone(1.0), 16_000, "aac"),
        write_with_pyav(tmp_path / "other.m4a", tone(1.0), 16_000, "aac"),
    ]
    (tmp_path / "other.key").write_bytes(bytes(16))
    text, reference = REFERRING[name]
    (tmp_path / name).write_text(text.format(reference.format(folder=tmp_path)))
    with _watched(*others, tmp_path / "other.key") as opened:
        for use in (samples.probe, samples.read):
            with pytest.raises(SoundError, match="is not a sound file or is damaged"):
                use(tmp_path / name)
    assert opened == [False]


def _refer_to(other: Path, path: Path) -> None:
    """Make a QuickTime film say that its sound lies in another file, as old editors did."""
    name = os.fsencode(other)
    alias = bytes(150) + struct.pack(">hh", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">hh", -1, 0)
    alias = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    content = bytearray(path.read_bytes())
    own = struct.pack(">I4sI", 12, b"url ", 1)  # the sound is in this very file
    at = content.index(own)
    content[at : at + len(own)] = alias
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):  # the table of contents is the end of the file
        start = content.rindex(box, 0, at) - 4
        size = int.from_bytes(content[start : start + 4])
        content[start : start + 4] = (size + len(alias) - len(own)).to_bytes(4)
    path.write_bytes(content)


def test_a_film_whose_sound_lies_in_another_file_does_not_open_it(tmp_path: Path) -> None:
    other = write_with_pyav(tmp_path / "other.mov", tone(1.0), 16_000, "aac")
    path = write_with_pyav(tmp_path / "a.mov", tone(1.0), 16_000, "aac")
    _refer_to(other, path)
    with _watched(other) as opened, pytest.raises(SoundError, match=r"a\.mov holds no sound that can be decoded"):
        samples.read(path)
    assert opened == [False]


def test_a_playlist_asks_nobody_on_the_network(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = tmp_path / "list.m3u8"
    path.write_text(_HLS.format(f"http://127.0.0.1:{server.server_port}/part.ts"))
    with pytest.raises(SoundError):
        samples.read(path)
    server.shutdown()
    server.server_close()
    assert asked == []


@pytest.mark.parametrize(("rate_hz", "said"), [(1, "1"), (999, "999"), (5_000_000, "5,000,000")])
def test_a_rate_that_no_recording_has_is_refused(rate_hz: int, said: str, tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(2.0), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[:24] + struct.pack("<I", rate_hz) + content[28:])
    for use in (samples.probe, samples.read):
        with pytest.raises(SoundError, match=rf"a\.wav claims {said} samples a second, which no recording has: copy"):
            use(path)


@pytest.mark.parametrize("rate_hz", [1_000, 4_000, 655_350])
def test_unusual_rates_are_read(rate_hz: int, tmp_path: Path) -> None:
    path = write_with_soundfile(tmp_path / "a.wav", tone(1.0, rate_hz, hz=100.0), rate_hz)
    assert len(samples.read(path)) == pytest.approx(16_000, abs=2)


@pytest.mark.parametrize(("layout", "channels"), [("7.1", 8), ("hexadecagonal", 16)])
def test_a_film_with_many_channels_is_heard(layout: str, channels: int, tmp_path: Path) -> None:
    """In a process of its own: an array of eight channels reached beyond the memory of the frame."""
    import av

    path = tmp_path / "cinema.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=16_000)
        track.layout = layout
        pcm = (np.stack([tone(1.0) * (channel + 1) / channels for channel in range(channels)], axis=1) * 32_767).round()
        frame = av.AudioFrame.from_ndarray(pcm.astype(np.int16).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = 16_000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    program = (
        "import sys, numpy; from engine import samples\n"
        "print(*(len(s) / 16_000 * round(float(numpy.abs(s).max()), 3) for s in"
        " (samples.read(sys.argv[1], mix=mix) for mix in ('mean', 'first'))))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    mean, first = map(float, done.stdout.split())
    assert mean == pytest.approx(0.3 * (channels + 1) / 2 / channels, abs=0.002)
    assert first == pytest.approx(0.3 / channels, abs=0.002)


def test_time_stamps_that_promise_years_of_silence_are_not_believed(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=16_000)
        track.layout = "mono"
        for second in (0, 10, 3_000_000):
            frame = av.AudioFrame.from_ndarray((tone(1.0)[None] * 32_767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, second * 16_000, Fraction(1, 16_000)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    assert samples.probe(path).duration_s == 0  # not known
    seconds = sum(len(block) for block in samples.stream(path)) / 16_000
    assert seconds == pytest.approx(12.0, abs=0.1)


def test_channels_that_cannot_be_mixed_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    class Refusing:
        """FFmpeg, given a damaged film whose channels have an impossible order."""

        def __init__(self, **_wanted: object) -> None:
            pass

        def resample(self, _frame: object) -> None:
            raise av.error.ArgumentError(22, "Invalid argument")

    path = write_film(tmp_path / "film.mov", tone(2.0))
    monkeypatch.setattr(av, "AudioResampler", Refusing)
    with pytest.raises(SoundError, match=r"film\.mov is damaged, its channels make no sense: copy or record it again"):
        samples.read(path)


def test_damaged_sound_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    assert_sound(READERS, 30, tmp_path)


def test_a_film_of_every_kind_is_heard(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "avi", "ts"):
        sound = samples.read(write_film(tmp_path / f"film.{suffix}", tone(2.0)))
        assert len(sound) / 16_000 == pytest.approx(2.0, abs=0.2)


def _rising(seconds: float, rate_hz: int) -> np.ndarray:
    """A tone whose loudness tells when it is."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.8 * time / seconds * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


SEEKABLE: dict[str, Callable[[Path], Path]] = {
    "a.wav": lambda path: write_with_soundfile(path, _rising(8.0, 16_000), 16_000),
    "a.flac": lambda path: write_with_soundfile(path, _rising(8.0, 16_000), 16_000),
    "a.m4a": lambda path: write_with_pyav(path, _rising(8.0, 16_000), 16_000, "aac"),
    "a.mp3": lambda path: write_with_pyav(path, _rising(8.0, 16_000), 16_000, "libmp3lame"),
    "a.ogg": lambda path: write_with_soundfile(path, _rising(8.0, 16_000), 16_000),
    "a.opus": lambda path: write_with_pyav(path, _rising(8.0, 48_000), 48_000, "libopus"),
}


@pytest.mark.parametrize("name", SEEKABLE)
@pytest.mark.parametrize("from_s", [0.0, 2.0, 5.5])
def test_a_stream_begins_where_it_is_asked_to(name: str, from_s: float, tmp_path: Path) -> None:
    path = SEEKABLE[name](tmp_path / name)
    found = np.concatenate(list(samples.stream(path, 16_000, from_s=from_s)))
    assert len(found) / 16_000 == pytest.approx(8.0 - from_s, abs=0.15)
    assert np.abs(found[:1600]).max() == pytest.approx(0.8 * (from_s + 0.05) / 8.0, abs=0.03)


def test_a_streamed_flac_file_that_does_not_know_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "streamed.flac"
    soundfile.write(path, 0.1 * np.sin(np.arange(32_000) * 0.05), 16_000)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the number of samples in STREAMINFO: 36 bits of nothing
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with closing(open_sound(path)) as reader:
        assert reader.info.duration_s == 0
        sound = np.concatenate(list(reader.blocks()))
    assert len(sound) == 32_000
    assert np.abs(sound[-1000:]).max() == pytest.approx(0.1, abs=1e-3)
