"""Draws speech: waveform above, mel below, as a PNG. numpy and zlib are enough for that."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.storage import replacing

if TYPE_CHECKING:
    from engine.events import Samples
    from engine.speaking import Voice

Picture = NDArray[np.uint8]  # (height, width, 3)

_RATE_HZ = 24_000
_WIDTH, _WAVE_HEIGHT, _MEL_HEIGHT, _MARGIN, _GAP = 1120, 150, 240, 56, 14
_PAPER, _INK, _FAINT, _WAVE = (252, 252, 250), (60, 64, 72), (214, 216, 220), (38, 98, 168)
# Dark violet to pale yellow, evenly growing lightness.
_HEAT = ((12, 8, 38), (58, 16, 92), (120, 28, 109), (186, 55, 84), (237, 105, 37), (251, 168, 40), (252, 242, 176))
_FONT = {
    " ": "00000000000000",
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e",
    "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808",
    "8": "0e11110e11110e", "9": "0e11110f01020c", ".": "00000000000c0c", ",": "000000000c0408",
    "-": "0000001f000000", "'": "04040800000000", "(": "02040808080402", ")": "08040202020408",
    "a": "00000e010f110f", "b": "10101619111e00", "c": "00000e1010110e", "d": "01010d1311110f",
    "e": "00000e111f100e", "f": "0609081c080808", "g": "00000f110f010e", "h": "10101619111111",
    "i": "04000c0404040e", "j": "0200060202120c", "k": "10101214181412", "l": "0c04040404040e",
    "m": "00001a15151111", "n": "00001619111111", "o": "00000e1111110e", "p": "00001e111e1010",
    "q": "00000d130f0101", "r": "00001619101010", "s": "00000e100e011e", "t": "08081c08080906",
    "u": "0000111111130d", "v": "00001111110a04", "w": "0000111115150a", "x": "0000110a040a11",
    "y": "000011110f010e", "z": "00001f0204081f",
}  # fmt: skip


def draw_speech(path: Path, samples_24k: Samples, voice: Voice) -> None:
    """Write a PNG of the speech and, below it, of the voice recording it follows. Raises StorageError."""
    panels = [panel(samples_24k, "speech")]
    if len(voice.recording_24k):
        panels.append(panel(voice.recording_24k, f"voice recording {voice.name}"))
    write_png(path, np.concatenate(panels))


def panel(samples_24k: Samples, title: str) -> Picture:
    """Waveform and mel of one sound with a time axis: (height, 1120, 3)."""
    from engine.speaking.voice_features import voice_mel

    height = _MARGIN + _WAVE_HEIGHT + _GAP + _MEL_HEIGHT + _MARGIN
    page = np.full((height, _WIDTH, 3), _PAPER, np.uint8)
    width = _WIDTH - 2 * _MARGIN
    seconds = len(samples_24k) / _RATE_HZ
    _write(page, title, _MARGIN, 22, scale=2)
    _write(page, f"{seconds:.1f} s", _WIDTH - _MARGIN - 12 * len(f"{seconds:.1f} s"), 22, scale=2)
    _wave(page[_MARGIN : _MARGIN + _WAVE_HEIGHT, _MARGIN : _MARGIN + width], samples_24k)
    padded = np.pad(samples_24k, (0, max(0, 1920 - len(samples_24k))))
    top = _MARGIN + _WAVE_HEIGHT + _GAP
    page[top : top + _MEL_HEIGHT, _MARGIN : _MARGIN + width] = heat_map(voice_mel(padded), _MEL_HEIGHT, width)
    _time_axis(page, top + _MEL_HEIGHT, width, seconds)
    return page


def heat_map(mel: NDArray[np.float32], height: int, width: int) -> Picture:
    """A mel (T, 80), low tones at the bottom, smoothly scaled to (height, width, 3)."""
    rows = np.linspace(mel.shape[1] - 1, 0, height)
    columns = np.linspace(0, len(mel) - 1, width)
    tall = np.stack([np.interp(rows, np.arange(mel.shape[1]), frame) for frame in mel])
    values = np.stack([np.interp(columns, np.arange(len(mel)), tall[:, row]) for row in range(height)])
    low, high = np.percentile(values, 5), np.percentile(values, 99.7)
    share = np.clip((values - low) / max(high - low, 1e-6), 0, 1) * (len(_HEAT) - 1)
    colours = np.array(_HEAT, np.float64)
    return np.stack([np.interp(share, np.arange(len(_HEAT)), colours[:, c]) for c in range(3)], -1).astype(np.uint8)


def write_png(path: Path, picture: Picture) -> None:
    """Write (height, width, 3) bytes as a PNG. Raises StorageError."""
    height, width, _ = picture.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    with replacing(path) as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(_chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)))
        file.write(_chunk(b"IEND", b""))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _wave(area: Picture, samples: Samples) -> None:
    """Between the lowest and highest sample of every column, on a scale of the loudest."""
    height, width, _ = area.shape
    middle = height // 2
    area[middle] = _FAINT
    edges = np.linspace(0, len(samples), width + 1).astype(int)
    loudest = max(float(np.abs(samples).max(initial=0.0)), 1e-3)
    for column in range(width):
        part = samples[edges[column] : max(edges[column + 1], edges[column] + 1)]
        if len(part):
            high, low = (int(middle - value / loudest * (middle - 2)) for value in (part.max(), part.min()))
            area[high : low + 1, column] = _WAVE


def _time_axis(page: Picture, top: int, width: int, seconds: float) -> None:
    every = next((step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60) if seconds / step <= 12), 300)
    for index in range(int(seconds / every) + 1):
        x = _MARGIN + int(index * every / max(seconds, 1e-6) * (width - 1))
        page[top + 2 : top + 8, x] = _INK
        label = f"{index * every:g}"
        _write(page, label, x - 3 * len(label), top + 12)


def _write(page: Picture, text: str, x: int, y: int, scale: int = 1) -> None:
    """Write in a 5 × 7 dot font; letters it does not have stay blank."""
    for letter in text.lower():
        rows = bytes.fromhex(_FONT.get(letter, _FONT[" "]))
        dots = np.array([[row >> bit & 1 for bit in range(4, -1, -1)] for row in rows], bool)
        dots = np.kron(dots, np.ones((scale, scale), bool))
        place = page[y : y + dots.shape[0], x : x + dots.shape[1]]
        if place.shape[:2] == dots.shape:
            place[dots] = _INK
        x += 6 * scale
