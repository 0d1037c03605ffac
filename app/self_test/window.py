"""Checks of what is seen: icons, languages, the window, and the files that come along."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

_LIST = "files.txt"  # in a built app: size and name of every file below resources/
_SIDE = 48


def application() -> QApplication:
    """This process's application, made if there is none."""
    from PySide6.QtWidgets import QApplication

    from app.application import Application

    made = QApplication.instance() or Application(["Earshot"])
    assert isinstance(made, QApplication)
    return made


def read_resources() -> str:
    """Find every file that a built app was given, and read the kinds of conversation. Raises RuntimeError."""
    from engine.conversation.prompting.presets import presets
    from engine.resources import resource

    listed = resource(_LIST).read_text(encoding="utf-8").splitlines() if resource(_LIST).exists() else []
    wrong = []
    for line in listed:
        size, _, name = line.partition(" ")
        file = resource(*name.split("/"))
        if not file.is_file() or file.stat().st_size != int(size):
            wrong.append(name)
    if wrong:
        raise RuntimeError(f"missing or damaged: {', '.join(wrong)}")
    found = presets()
    if not found:
        raise RuntimeError("no kind of conversation came along")
    return f"{f'{len(listed)} files' if listed else 'files of the source folder'}, {len(found)} presets"


def paint_icons() -> str:
    """Paint every icon. Raises RuntimeError for one that leaves no mark."""
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QColor, QImage, QPainter

    from app.widgets.controls import icons
    from engine.resources import resource

    application()
    names = sorted(file.stem for file in resource("icons").glob("*.svg"))
    if not names:
        raise RuntimeError("no icons came along")
    for name in names:
        image = QImage(_SIDE, _SIDE, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        try:
            icons.draw(painter, name, QRectF(0, 0, _SIDE, _SIDE), QColor("black"))
        finally:
            painter.end()
        if not any(bytes(image.constBits())):
            raise RuntimeError(f"the icon {name} is empty")
    if icons.application_icon().pixmap(_SIDE).isNull():
        raise RuntimeError("the app's icon cannot be drawn")
    return f"{len(names)} icons"


def load_languages() -> str:
    """Load every language of the interface, and Qt's own words in it. Raises RuntimeError."""
    from PySide6.QtCore import QLibraryInfo, QTranslator

    from app.translations import ENGINE, LANGUAGES, REASONS
    from engine.resources import resource

    application()
    for language in LANGUAGES:
        own, qt = QTranslator(), QTranslator()
        if not own.load(language, str(resource("translations"))):
            raise RuntimeError(f"{language}.qm is missing or damaged")
        if language == "en":  # what the code says; the file holds plural forms
            continue
        words = json.loads(resource("translations", f"{language}.json").read_text(encoding="utf-8"))
        wrong = [reason for reason in REASONS if own.translate(ENGINE, str(reason)) != words[str(reason)]]
        if wrong:
            raise RuntimeError(f"{language}.qm does not say “{wrong[0]}” as {language}.json does")
        if not qt.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            raise RuntimeError(f"qtbase_{language}.qm is missing: the system's own dialogues would stay English")
    return ", ".join(LANGUAGES.values())


def read_manual() -> str:
    """Read the manual in every language, with all its pictures. Raises RuntimeError for what is missing of it."""
    from PySide6.QtGui import QImage

    from app.translations import LANGUAGES
    from app.widgets.manual.pages import read_pages
    from engine.resources import manual_folder

    application()
    names = {language: [page.name for page in read_pages(language)] for language in LANGUAGES}
    if not names["en"] or any(pages != names["en"] for pages in names.values()):
        raise RuntimeError(f"pages are missing: {names}")
    pictures = {picture for language in LANGUAGES for page in read_pages(language) for picture in page.pictures}
    wrong = [name for name in sorted(pictures) if QImage(str(manual_folder() / "pictures" / name)).isNull()]
    if wrong:
        raise RuntimeError(f"pictures are missing or damaged: {', '.join(wrong)}")
    return f"{len(names['en'])} pages, {len(pictures)} pictures"


def open_window() -> str:
    """Build the whole app with folders of its own and draw its window. Raises RuntimeError for an empty one."""
    from app.build import App
    from app.paths import Paths

    running = application()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), Path(folder) / "logs")
        paths.make()
        app = App(paths, running)
        drawn = app.window.grab().toImage()
        app.shut_down()
    colours = {drawn.pixel(x, y) for x in range(0, drawn.width(), 7) for y in range(0, drawn.height(), 7)}
    if len(colours) < 3:
        raise RuntimeError("the window is drawn empty")
    return f"{drawn.width()} × {drawn.height()}"
