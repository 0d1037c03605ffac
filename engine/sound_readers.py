"""Which program library reads which sound file: libsndfile what is plain, FFmpeg (by PyAV) everything else."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError

if TYPE_CHECKING:
    import av
    import soundfile

FORMATS = "wav, flac, ogg, mp3, aiff, m4a, mp4, mov, opus"

# First bytes of what libsndfile reads here. It finds nothing in an ogg file that breaks off and complains about mp3
# files on stderr, so FFmpeg reads those and everything else.
_FOR_LIBSNDFILE = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"caff", b".snd")
# What FFmpeg may take a file for: never a playlist or anything else that opens further files or addresses.
_FOR_FFMPEG = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,nut,"
    "ogg,rm,tak,truehd,tta,voc,w64,wav,wv"
)
# A recorder that streams cannot know the length: it writes 0 or a number near 2 or 4 GiB into the header.
_UNKNOWN_BYTES = 0x7FFF_0000
_DECLARED_BYTES = re.compile(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
# Telephones take 8,000 samples a second, studios up to 768,000. What claims less or more is damaged, and resampling it
# would make hours of a second.
_RATES_HZ = range(1_000, 4_000_001)
_BLOCK_VALUES = 65_536  # of all channels
# The emptiest sound that is encoded takes more; time stamps that promise more silence than that are damaged.
_LEAST_BYTES_PER_S = 16
_SILENCE_BELIEVED_S = 600


class BrokenOffError(SoundError):
    """A sound file ends before the length it declares. Everything readable was delivered before this is raised."""


@dataclass(frozen=True)
class SoundInfo:
    """What a sound file says about itself. `duration_s` is 0 when it does not say how long it is."""

    duration_s: float
    rate_hz: int
    channels: int
    format: str


class SoundReader(Protocol):
    """One open sound file."""

    info: SoundInfo

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in file order. Raises SoundError, and BrokenOffError at the end of a truncated file."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def clock(seconds: float) -> str:
    """A time as people write it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def open_sound(path: Path | str) -> SoundReader:
    """The reader for a sound or film file. Raises SoundError when there is no such file or it holds no sound."""
    path = Path(path)
    _require_file(path)
    reader = _opened(path)
    if reader.info.rate_hz not in _RATES_HZ:
        reader.close()
        raise SoundError(
            f"{path} claims {reader.info.rate_hz:,} samples a second, which no recording has: copy or record it again."
        )
    return reader


def _opened(path: Path) -> SoundReader:
    if not _first_bytes(path, 4).startswith(_FOR_LIBSNDFILE):
        return _FfmpegReader(path)
    import soundfile

    try:
        return _LibsndfileReader(path, soundfile.SoundFile(os.fsencode(path)))
    except soundfile.LibsndfileError:
        return _FfmpegReader(path)


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise SoundError(f"{path} may not be read: change the permissions of its folder.") from error
    except OSError as error:
        raise SoundError(f"There is no file {path}: check the name.") from error
    if stat.S_ISDIR(mode):
        raise SoundError(f"{path} is a folder: name the sound files in it.")
    if not stat.S_ISREG(mode):
        raise SoundError(f"{path} is not a file: name a sound file.")
    _first_bytes(path, 1)
    if path.stat().st_size == 0:
        raise SoundError(f"{path} is empty (0 bytes): record or copy it again.")


def _first_bytes(path: Path, count: int, at: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(count)
    except PermissionError as error:
        raise SoundError(f"{path} may not be read: change its permissions.") from error
    except OSError as error:
        raise SoundError(f"{path} cannot be read ({(error.strerror or str(error)).lower()}): copy it again.") from error


def _broken_off(path: Path, at_s: float, declared_s: float) -> BrokenOffError:
    return BrokenOffError(f"{path} breaks off at {clock(at_s)} of {clock(declared_s)}: copy or record it again.")


class _LibsndfileReader:
    """wav, aiff, flac and their relatives, by libsndfile."""

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self._path, self._file = path, file
        self.info = SoundInfo(file.frames / file.samplerate, file.samplerate, file.channels, file.format.lower())
        if file.frames == 0:
            self.close()
            raise SoundError(f"{path} holds no sound: record or copy it again.")
        self._block_frames = max(1, _BLOCK_VALUES // file.channels)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in file order. Raises BrokenOffError at the end of a truncated file."""
        import soundfile

        frames = 0
        while True:
            try:
                block = self._file.read(self._block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                if frames == 0:
                    raise SoundError(f"{self._path} is damaged: copy or record it again.") from error
                raise _broken_off(self._path, frames / self.info.rate_hz, self.info.duration_s) from error
            if len(block) == 0:
                break
            frames += len(block)
            yield block
        declared_s = self._declared_s()
        if declared_s - frames / self.info.rate_hz > 0.05:
            raise _broken_off(self._path, frames / self.info.rate_hz, declared_s)

    def close(self) -> None:
        self._file.close()

    def _declared_s(self) -> float:
        """The length the header declares; libsndfile shortens it to what is there and notes that in its log."""
        note = _DECLARED_BYTES.search(self._file.extra_info)
        if note is None or not 0 < int(note[1]) < _UNKNOWN_BYTES or int(note[2]) <= 0:
            return self.info.duration_s
        return self.info.duration_s * int(note[1]) / int(note[2])


class _FfmpegReader:
    """mp3, ogg, opus, m4a, mp4, mov and whatever else FFmpeg reads; the first sound track of a film."""

    def __init__(self, path: Path) -> None:
        import av

        self._path = path
        self._believed_s = _SILENCE_BELIEVED_S + path.stat().st_size / _LEAST_BYTES_PER_S
        # Only this very file: nothing in it may make FFmpeg open others, least of all on the network.
        limits = {"protocol_whitelist": "file", "format_whitelist": _FOR_FFMPEG}
        try:
            self._container = av.open(f"file:{path}", options=limits, metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise SoundError(self._why_not(error)) from error
        if not self._container.streams.audio:
            self._container.close()
            raise SoundError(f"{path} has no sound in it: choose a file with a sound track ({FORMATS}).")
        self._track = self._container.streams.audio[0]
        if self._track.codec_context is None:
            self._container.close()
            raise SoundError(f"{path} is encoded in a way that cannot be read: Earshot reads {FORMATS}.")
        rate_hz, channels = self._track.rate or 0, self._track.channels or 0
        if rate_hz <= 0 or channels <= 0:
            self._container.close()
            raise SoundError(f"{path} is damaged or incomplete: copy or record it again.")
        self.info = SoundInfo(self._duration_s(), rate_hz, channels, self._container.format.name.split(",")[0])

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in time order, gaps in the time stamps filled with silence. Raises BrokenOffError."""
        import av

        rate_hz, channels, layout = self.info.rate_hz, self.info.channels, self._track.layout
        # Not channel by channel: PyAV's arrays of those reach beyond the memory of a frame with eight or more.
        converter = av.AudioResampler(format="flt", layout=layout, rate=rate_hz)
        converted_from: object = None
        frames = 0
        for frame in self._frames():
            time_s = frame.time or 0.0
            gap = round(time_s * rate_hz) - frames
            if gap > 0.1 * rate_hz and time_s <= (self.info.duration_s or self._believed_s) + 1.0:
                for piece in _silence(gap, rate_hz, channels):
                    frames += len(piece)
                    yield piece
            frame.pts = None
            if converted_from not in (None, (frame.sample_rate, frame.layout.name)):  # files put one behind the other
                converter = av.AudioResampler(format="flt", layout=layout, rate=rate_hz)
            converted_from = frame.sample_rate, frame.layout.name
            for converted in self._converted(converter, frame):
                block = np.asarray(converted.to_ndarray(), dtype=np.float32).reshape(-1, channels)
                frames += len(block)
                yield block
        if frames == 0:
            raise SoundError(f"{self._path} holds no sound that can be decoded: copy or record it again.")
        if self._length_is_declared() and self.info.duration_s - frames / rate_hz > max(0.5, 0.01 * frames / rate_hz):
            raise _broken_off(self._path, frames / rate_hz, self.info.duration_s)

    def close(self) -> None:
        self._container.close()

    def _converted(self, converter: av.AudioResampler, frame: av.AudioFrame) -> list[av.AudioFrame]:
        import av

        try:
            return converter.resample(frame)
        except av.error.FFmpegError as error:
            raise SoundError(
                f"{self._path} is damaged, its channels make no sense: copy or record it again."
            ) from error

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Decoded frames; a damaged packet is passed over, the time stamps of the next one tell how long it was."""
        import av

        packets = self._container.demux(self._track)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue

    def _duration_s(self) -> float:
        duration_s = self._container.duration / 1e6 if self._container.duration else 0.0
        if self._track.duration is not None and self._track.time_base is not None:
            duration_s = float(self._track.duration * self._track.time_base)
        return duration_s if 0 < duration_s <= self._believed_s else 0.0

    def _length_is_declared(self) -> bool:
        """FFmpeg guesses the length of an mp3 file without a Xing table from its first frames.

        So it does where the table is only that of the first of several files, put one behind the other.
        """
        if self.info.format != "mp3":
            return self.info.duration_s > 0
        head = _first_bytes(self._path, 10)
        tag_bytes = 0
        if head.startswith(b"ID3"):
            tag_bytes = 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        table = re.search(rb"(?:Xing|Info)(....)....(....)", _first_bytes(self._path, 4096, at=tag_bytes), re.DOTALL)
        if table is None:
            return False
        flags, size = int.from_bytes(table[1]), int.from_bytes(table[2])  # frames come first, then bytes
        return flags & 3 != 3 or self._path.stat().st_size - tag_bytes <= size * 17 / 16

    def _why_not(self, error: Exception) -> str:
        if isinstance(error, PermissionError):
            return f"{self._path} may not be read: change its permissions."
        if _first_bytes(self._path, 4, at=4) == b"ftyp":
            return f"{self._path} is incomplete, its table of contents is missing: copy or record it again."
        return f"{self._path} is not a sound file or is damaged: Earshot reads {FORMATS}."


def _silence(frames: int, rate_hz: int, channels: int) -> Iterator[NDArray[np.float32]]:
    while frames > 0:
        piece = min(frames, rate_hz)
        yield np.zeros((piece, channels), np.float32)
        frames -= piece
