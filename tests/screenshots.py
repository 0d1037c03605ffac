"""Pictures of every page, light and dark, at 1× and 2×, English and Chinese, wide and narrow: `make screenshots`.

    python -m tests.screenshots FOLDER [--readme FOLDER] [--manual FOLDER] [--drawn FOLDER]

`--readme` also writes the three pictures of the README, `--manual` the ten of the manual. `--drawn` names the folder of
the drawings and, where it exists, writes a sheet for each of them: the drawing, and beside it what was built.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QWidget

Commands = list[tuple[str, list[tuple[str, str]]]]  # menus, and in each the keys and words
LANGUAGES = ("en", "zh_CN")
SCALES = ("1", "2")
NARROW_SCENES = ("welcome", "drawn", "listening", "narrow", "transcribe", "transcript")
SMALLEST_SETTINGS = (840, 480)


class Camera:
    """Takes pictures into a folder, once everything is where it belongs."""

    def __init__(self, folder: Path, language: str, scale: str) -> None:
        self._folder, self._language, self._scale = folder, language, scale
        self.taken = 0

    def take(self, widget: QWidget, name: str, scheme: Qt.ColorScheme) -> None:
        """A picture of a window."""
        from PySide6.QtTest import QTest

        QTest.qWait(30)
        ending = f"{scheme.name.lower()}-{self._language}@{self._scale}x.png"
        self.taken += widget.grab().save(str(self._folder / f"{name}-{ending}"))


def take_all(camera: Camera, language: str) -> None:
    """All pictures of one language, at the scale of this process."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication

    from app import translations
    from app.widgets.controls import theme

    application = QApplication(["earshot"])
    translations.install(application, language)
    look = theme.Theme(application, Qt.ColorScheme.Light)
    with mock.patch.object(theme, "motion_ms", return_value=0):  # nothing is caught half way
        for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
            look.force(scheme)
            commands = take_window(camera, scheme)
            take_settings(camera, scheme, commands)


def take_window(camera: Camera, scheme: Qt.ColorScheme) -> Commands:
    """Every scene of the main window. Returns the commands of its menus."""
    import shiboken6

    from app.widgets.controls import theme
    from app.widgets.frame.window import Window
    from tests.app.widgets.scenes import SCENES

    window = Window()
    window.menuBar().hide()  # on a Mac it is at the top of the screen
    window.show()
    for name, scene in SCENES.items():
        scene(window)
        camera.take(window, name, scheme)
    for name in NARROW_SCENES:
        SCENES[name](window)
        window.resize(*theme.MINIMUM_WINDOW_SIZE)
        camera.take(window, f"{name}-smallest", scheme)
    commands = window.menus.commands()
    shiboken6.delete(window)  # now: not in the midst of another window's events
    return commands


def take_settings(camera: Camera, scheme: Qt.ColorScheme, commands: Commands) -> None:
    """Every page of the settings; that of the models also in the smallest window."""
    import shiboken6

    from app.widgets.settings.dialog import SettingsDialog
    from tests.app.widgets.scenes.settings import SETTINGS

    dialog = SettingsDialog()
    dialog.shortcuts.show_commands(commands)
    dialog.show_settings(SETTINGS)
    dialog.show()
    for number, page in enumerate(dialog.all_pages):
        dialog.open_page(page)
        camera.take(dialog, f"settings-{number}", scheme)
    dialog.open_page(dialog.models)
    dialog.resize(*SMALLEST_SETTINGS)
    camera.take(dialog, f"settings-{dialog.all_pages.index(dialog.models)}-smallest", scheme)
    shiboken6.delete(dialog)


def main() -> int:
    """Take all pictures, one process per language and scale."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--readme", type=Path, help="write the pictures of the README into this folder")
    parser.add_argument("--manual", type=Path, help="write the pictures of the manual into this folder")
    parser.add_argument("--drawn", type=Path, help="folder of the drawings, for sheets of drawn against built")
    parser.add_argument("--only", nargs=2, metavar=("LANGUAGE", "SCALE"), help=argparse.SUPPRESS)
    choices = parser.parse_args()
    choices.folder.mkdir(parents=True, exist_ok=True)
    if choices.only:
        camera = Camera(choices.folder, *choices.only)
        take_all(camera, choices.only[0])
        print(f"{camera.taken} pictures in {choices.folder} ({choices.only[0]}, {choices.only[1]}×)")
        return 0
    for language in LANGUAGES:
        for scale in SCALES:
            environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
            command = [sys.executable, "-m", "tests.screenshots", str(choices.folder), "--only", language, scale]
            subprocess.run(command, check=True, env=environment)
    from tests.picture_sheets import write_manual_pictures, write_readme_pictures, write_sheets

    if choices.readme is not None:
        write_readme_pictures(choices.folder, choices.readme)
    if choices.manual is not None:
        write_manual_pictures(choices.folder, choices.manual)
    if choices.drawn is not None and choices.drawn.is_dir():
        write_sheets(choices.folder, choices.drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
