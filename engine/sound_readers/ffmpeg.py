"""mp3, ogg, opus, m4a, mp4, mov and whatever else FFmpeg reads (by PyAV). Not on a Mac: see core_audio.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError
from engine.sound_readers.reading import SoundInfo, broken_off, first_bytes

FORMATS = "wav, flac, ogg, mp3, aiff, m4a, mp4, mov, opus"

# What FFmpeg may take a file for: never a playlist or anything else that opens further files or addresses.
_FOR_FFMPEG = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,nut,"
    "ogg,rm,tak,truehd,tta,voc,w64,wav,wv"
)
# The emptiest sound that is encoded takes more; time stamps that promise more silence than that are damaged.
_LEAST_BYTES_PER_S = 16
_SILENCE_BELIEVED_S = 600
_ROOM_TO_BEGIN_S = 0.25  # what a decoder says of a place depends on what was just before it


class FfmpegReader:
    """One open file, the first sound track of a film. See `SoundReader`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begins_s = 0.0
        self._sought = False
        self._believed_s = _SILENCE_BELIEVED_S + path.stat().st_size / _LEAST_BYTES_PER_S
        # Only this very file: nothing in it may make FFmpeg open others, least of all on the network.
        limits = {"protocol_whitelist": "file", "format_whitelist": _FOR_FFMPEG}
        try:
            self._container = av.open(f"file:{path}", options=limits, metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise self._why_not(error) from error
        if not self._container.streams.audio:
            self._container.close()
            raise SoundError(
                "{path} has no sound in it: choose a file with a sound track ({formats}).", path=path, formats=FORMATS
            )
        self._track = self._container.streams.audio[0]
        if self._track.codec_context is None:
            self._container.close()
            raise SoundError(
                "{path} is encoded in a way that cannot be read: Earshot reads {formats}.", path=path, formats=FORMATS
            )
        rate_hz, channels = self._track.rate or 0, self._track.channels or 0
        if rate_hz <= 0 or channels <= 0:
            self._container.close()
            raise SoundError("{path} is damaged or incomplete: copy or record it again.", path=path)
        self.info = SoundInfo(self._duration_s(), rate_hz, channels, self._container.format.name.split(",")[0])

    def seek(self, seconds: float) -> None:
        """A little before that moment; in a format without places to go to, at the beginning."""
        try:
            self._container.seek(int(max(seconds - _ROOM_TO_BEGIN_S, 0.0) * av.time_base))
        except av.error.FFmpegError:
            return
        self._sought = True

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in time order, gaps in the time stamps filled with silence. Raises BrokenOffError."""
        rate_hz, channels, layout = self.info.rate_hz, self.info.channels, self._track.layout
        # Not channel by channel: PyAV's arrays of those reach beyond the memory of a frame with eight or more.
        converter = av.AudioResampler(format="flt", layout=layout, rate=rate_hz)
        converted_from: object = None
        frames = 0
        for frame in self._frames():
            time_s = frame.time or 0.0
            if self._sought:
                self._sought, self.begins_s, frames = False, time_s, round(time_s * rate_hz)
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
            raise SoundError("{path} holds no sound that can be decoded: copy or record it again.", path=self._path)
        if self._length_is_declared() and self.info.duration_s - frames / rate_hz > max(0.5, 0.01 * frames / rate_hz):
            raise broken_off(self._path, frames / rate_hz, self.info.duration_s)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _converted(self, converter: av.AudioResampler, frame: av.AudioFrame) -> list[av.AudioFrame]:
        try:
            return converter.resample(frame)
        except av.error.FFmpegError as error:
            raise SoundError(
                "{path} is damaged, its channels make no sense: copy or record it again.", path=self._path
            ) from error

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Decoded frames; a damaged packet is passed over, the time stamps of the next one tell how long it was."""
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
        head = first_bytes(self._path, 10)
        tag_bytes = 0
        if head.startswith(b"ID3"):
            tag_bytes = 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        table = re.search(rb"(?:Xing|Info)(....)....(....)", first_bytes(self._path, 4096, at=tag_bytes), re.DOTALL)
        if table is None:
            return False
        flags, size = int.from_bytes(table[1]), int.from_bytes(table[2])  # frames come first, then bytes
        return flags & 3 != 3 or self._path.stat().st_size - tag_bytes <= size * 17 / 16

    def _why_not(self, error: Exception) -> SoundError:
        path = self._path
        if isinstance(error, PermissionError):
            return SoundError("{path} may not be read: change its permissions.", path=path)
        if first_bytes(self._path, 4, at=4) == b"ftyp":
            return SoundError(
                "{path} is incomplete, its table of contents is missing: copy or record it again.", path=path
            )
        return SoundError(
            "{path} is not a sound file or is damaged: Earshot reads {formats}.", path=path, formats=FORMATS
        )


def _silence(frames: int, rate_hz: int, channels: int) -> Iterator[NDArray[np.float32]]:
    while frames > 0:
        piece = min(frames, rate_hz)
        yield np.zeros((piece, channels), np.float32)
        frames -= piece
