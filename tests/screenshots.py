"""Pictures of every page, light and dark, at 1× and 2×, English and Chinese: `python -m tests.screenshots FOLDER`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LANGUAGES = ("en", "zh_CN")
SCALES = ("1", "2")


def take(folder: Path, language: str, scale: str) -> int:
    """Take all pictures of one language at one scale in this process; returns how many."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from app import translations
    from app.widgets.controls import theme
    from app.widgets.frame.window import Window
    from app.widgets.settings.dialog import SettingsDialog
    from tests.app.widgets.scenes import SCENES, SETTINGS

    application = QApplication(["earshot"])
    translations.install(application, language)
    look = theme.Theme(application, Qt.ColorScheme.Light)
    taken = 0
    for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
        look.force(scheme)
        ending = f"{scheme.name.lower()}-{language}@{scale}x.png"
        window = Window()
        window.menuBar().hide()  # on a Mac it is at the top of the screen
        window.show()
        for name, scene in SCENES.items():
            scene(window)
            QTest.qWait(2 * theme.MOTION_MS)  # what appears has appeared
            taken += window.grab().save(str(folder / f"{name}-{ending}"))
        dialog = SettingsDialog()
        dialog.shortcuts.show_commands(window.menus.commands())
        window.close()
        dialog.show_settings(SETTINGS)
        dialog.show()
        for number, page in enumerate(dialog.all_pages):
            dialog.open_page(page)
            QTest.qWait(30)
            taken += dialog.grab().save(str(folder / f"settings-{number}-{ending}"))
        dialog.close()
    return taken


def main(arguments: list[str]) -> int:
    """Take all pictures, one process per language and scale."""
    folder = Path(arguments[0] if arguments else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    if len(arguments) == 3:
        print(f"{take(folder, arguments[1], arguments[2])} pictures in {folder} ({arguments[1]}, {arguments[2]}×)")
        return 0
    for language in LANGUAGES:
        for scale in SCALES:
            environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
            command = [sys.executable, "-m", "tests.screenshots", str(folder), language, scale]
            subprocess.run(command, check=True, env=environment)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
