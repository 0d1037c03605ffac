"""What is made of the pictures of all pages: sheets of drawn against built, and the small ones of README and manual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QImage, QPainter

DRAWN = {  # the scene that shows what is drawn
    "talk2-light": "drawn",
    "talk2-dark": "drawn",
    "listening-light": "listening",
    "narrow-light": "narrow",
    "transcript-light": "transcript",
    "transcribe2-light": "transcribe",
    "welcome-light": "welcome",
    "models-light": "settings-2",
}
_LIGHTS = "The lights of the window are the Mac's own, and so is the font there."
NOTES = {  # why something is built otherwise than drawn
    "talk2-light": (_LIGHTS,),
    "talk2-dark": (_LIGHTS,),
    "listening-light": (
        _LIGHTS,
        "Hands-free has its place in the menu of the hint and in the menu bar; it is not built yet.",
    ),
    "narrow-light": (_LIGHTS,),
    "transcript-light": (
        _LIGHTS,
        "No microphone in “Ask about this recording”: it belongs to dictation, which is not built yet.",
    ),
    "transcribe2-light": (
        _LIGHTS,
        "The first that waits has no arrow up: it is the next one anyway. A text that breaks off can also be exported.",
    ),
    "welcome-light": (
        _LIGHTS,
        "Phrases to try are English in every language: the demonstration model understands no other.",
    ),
    "models-light": (
        _LIGHTS,
        "What the starter needs is next to nothing, so it has no bar. “On another machine” came later.",
    ),
}
README = {"talk": "drawn-light", "transcript": "transcript-light", "models": "settings-2-light"}
MANUAL = {
    "welcome": "welcome-light",
    "talk": "drawn-light",
    "transcript": "transcript-light",
    "models": "settings-2-light",
    "tools": "settings-5-light",
}
_GAP, _LABEL, _NOTE = 40, 64, 44
_COLOURS, _FEW_COLOURS = 256, 64
_ALIKE = np.uint32(0xFFE0E0E0)  # the bits by which colours differ visibly


def write_sheets(built: Path, drawn: Path) -> list[Path]:
    """One sheet for each drawing, into a folder beside the pictures. Returns the files."""
    application = QGuiApplication.instance() or QGuiApplication(["earshot", "-platform", "offscreen"])
    folder = built / "drawn-against-built"
    folder.mkdir(exist_ok=True)
    written: list[Path] = []
    for name, scene in DRAWN.items():
        pictures = {"drawn": drawn / f"{name}.png"} | _built(built, scene, name.rpartition("-")[2])
        sheet = folder / f"{name}.png"
        shown = {label: _read(path) for label, path in pictures.items() if path.exists()}
        if "drawn" in shown and _sheet(shown, NOTES[name]).save(str(sheet)):
            written.append(sheet)
    print(f"{len(written)} sheets in {folder}")
    del application
    return written


def _built(built: Path, scene: str, scheme: str) -> dict[str, Path]:
    """The pictures of a scene, by what they show: the one to compare first."""
    other = {"light": "dark", "dark": "light"}[scheme]
    endings = {
        "built, 2×": f"{scene}-{scheme}-en@2x",
        f"{other}, 2×": f"{scene}-{other}-en@2x",
        "Chinese, 2×": f"{scene}-{scheme}-zh_CN@2x",
        "1×": f"{scene}-{scheme}-en@1x",
        "smallest window, 2×": f"{scene}-smallest-{scheme}-en@2x",
    }
    if scene == "listening":
        endings["locked by a tap, 2×"] = f"locked-{scheme}-en@2x"
    return {label: built / f"{ending}.png" for label, ending in endings.items()}


def _read(path: Path) -> QImage:
    """A picture with its pixels as they are, whatever scale it was taken at."""
    picture = QImage(str(path))
    picture.setDevicePixelRatio(1.0)
    return picture


def _sheet(pictures: dict[str, QImage], notes: tuple[str, ...]) -> QImage:
    """Two in a row, each pixel as it is; the notes below."""
    rows = [list(pictures.items())[start : start + 2] for start in range(0, len(pictures), 2)]
    column = max(image.width() for image in pictures.values())
    heights = [max(image.height() for _, image in row) + _LABEL + _GAP for row in rows]
    below = _GAP + len(notes) * 2 * _NOTE
    sheet = QImage(2 * column + 3 * _GAP, sum(heights) + _GAP + below, QImage.Format.Format_RGB32)
    sheet.fill(QColor("#b9b7bf"))
    painter = QPainter(sheet)
    font = QFont(QGuiApplication.font())
    font.setPixelSize(32)
    painter.setFont(font)
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for place, (label, image) in enumerate(row):
            left = _GAP + place * (column + _GAP)
            painter.drawText(QPoint(left, top + 40), label)
            painter.drawImage(QPoint(left, top + _LABEL), image)
        top += height
    for note in notes:
        box = QRect(_GAP, top, sheet.width() - 2 * _GAP, 2 * _NOTE)
        painter.drawText(box, int(Qt.TextFlag.TextWordWrap), note)
        top += 2 * _NOTE
    painter.end()
    return sheet


def write_readme_pictures(built: Path, folder: Path) -> None:
    """The pictures of the README, with the colours they need most."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in README.items():
        with_few_colours(QImage(str(built / f"{scene}-en@2x.png"))).save(str(folder / f"{name}.png"))


def write_manual_pictures(built: Path, folder: Path) -> None:
    """The pictures of the manual, in both languages; they are read at half their width, so 1× is sharp enough."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in MANUAL.items():
        for language, short in (("en", "en"), ("zh_CN", "zh")):
            picture = QImage(str(built / f"{scene}-{language}@1x.png"))
            with_few_colours(picture, _FEW_COLOURS).save(str(folder / f"{name}-{short}.png"), quality=0)


def with_few_colours(picture: QImage, most: int = _COLOURS) -> QImage:
    """The same with fewer colours: a third of the bytes, and nobody sees it.

    Half are the colours that are in it most often. The others stand for those left, one for all that are alike.
    """
    whole = picture.convertToFormat(QImage.Format.Format_RGB32)
    pixels: NDArray[np.uint32] = np.frombuffer(whole.constBits(), np.uint32)
    colours, counts = np.unique(pixels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    often, rest = order[: most // 2], order[most // 2 :]
    _, firsts, kinds = np.unique(colours[rest] & _ALIKE, return_index=True, return_inverse=True)
    largest = np.argsort(-np.bincount(kinds, counts[rest]), kind="stable")[: most - len(often)]
    table = colours[np.concatenate([often, rest[firsts[largest]]])].tolist()
    return whole.convertToFormat(QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.ThresholdDither)
