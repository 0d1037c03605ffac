"""Draws spectrograms of what the starter says beside what it learned from, two to a row, in a PNG.

python -m starter.checks.plot_voices PICTURE.png "Female, target=target.wav" "Female, ours=ours.wav" …
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, qRgb

from engine.speaking.recording import read_recording

PANEL = QRectF(56, 30, 480, 150)
ROW, COLUMN = PANEL.bottom() + 36, PANEL.right() + 24
FFT, HOP, RATE_HZ = 1024, 120, 24_000
LOUDEST_SHARE, RANGE_DB = 0.999, 70.0
COLOURS = ("#000004", "#420a68", "#932667", "#dd513a", "#fca50a", "#fcffa4")


def decibels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Spectrogram (FFT / 2, T), highest band first: 0 at the loudest, 1 is RANGE_DB below and more."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, FFT // 2), FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FFT)))[:, :-1] ** 2
    level = 10 * np.log10(power.T[::-1] + 1e-12)
    return np.clip((np.quantile(level, LOUDEST_SHARE) - level) / RANGE_DB, 0, 1)


def gradient(level: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The colours (…, 3) of levels (…): the loudest is 0."""
    stops = np.array([QColor(colour).getRgb()[:3] for colour in COLOURS], dtype=float)
    place = (1 - level) * (len(stops) - 1)
    low = np.minimum(place.astype(int), len(stops) - 2)
    return np.asarray(stops[low] + (stops[low + 1] - stops[low]) * (place - low)[..., None]).astype(np.uint8)


def coloured(level: NDArray[np.float64]) -> QImage:
    """The spectrogram as an image."""
    height, width = level.shape
    pixels = np.ascontiguousarray(gradient(level))
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def with_few_colours(image: QImage) -> QImage:
    """The image with 64 colours of the spectrograms and 16 of writing: a quarter of the file."""
    greys = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[:, None], 3, axis=1)
    table = [qRgb(*map(int, colour)) for colour in (*gradient(np.linspace(0, 1, 64)), *greys)]
    return image.convertToFormat(QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.ThresholdDither)


def draw(path: Path, panels: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
    """Write the picture."""
    rows = -(-len(panels) // 2)
    image = QImage(round(2 * COLUMN), round(rows * ROW + 8), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    for number, (title, samples) in enumerate(panels):
        place = PANEL.translated(number % 2 * COLUMN, number // 2 * ROW)
        painter.drawImage(place, coloured(decibels(samples)))
        painter.drawText(QRectF(place.left(), place.top() - 24, place.width(), 20), title)
        for share in (0.0, 1 / 3, 2 / 3, 1.0):
            y = place.bottom() - share * place.height()
            label = QRectF(place.left() - 54, y - 10, 48, 20)
            painter.drawText(label, Qt.AlignmentFlag.AlignRight, f"{share * RATE_HZ / 2000:.0f} kHz")
        for second in np.arange(0, len(samples) / RATE_HZ, 0.5):
            x = place.left() + place.width() * second * RATE_HZ / len(samples)
            painter.drawText(QRectF(x - 20, place.bottom() + 2, 40, 20), Qt.AlignmentFlag.AlignHCenter, f"{second:g} s")
    painter.end()
    with_few_colours(image).save(str(path))


def main() -> None:
    """Command line."""
    picture, *given = sys.argv[1:]
    app = QGuiApplication([])
    pairs = [argument.rsplit("=", 1) for argument in given]
    draw(Path(picture), [(title, read_recording(Path(file))) for title, file in pairs])
    del app


if __name__ == "__main__":
    main()
