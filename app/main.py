"""Reads the arguments and runs what they ask for."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from app.paths import Paths

log = logging.getLogger(__name__)

_PAINT_LIMIT_MS = 500
_SWITCH_INTERVAL_S = 0.001  # sound and window wait less for Python's lock while the engine works


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Earshot; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--cli"]:
        from app import command_line

        return command_line.main(given[1:])
    options = _parsed(given)
    if options.version:
        return _say_version()
    if options.self_test_server:
        from app.self_test.tool_server import serve

        return serve()
    if options.self_test:
        from app.self_test import self_test

        if not has_display():
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return self_test(as_json=options.json, no_gpu=options.no_gpu)
    if not has_display():
        from app.terminal import converse

        return converse()
    return run(options.files)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("Earshot", description="A private voice assistant.")
    parser.add_argument("files", nargs="*", help="recordings to turn into text, or an earshot:// address")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--cli", action="store_true", help="be the command line `earshot`: what follows is for that")
    parser.add_argument("--self-test", action="store_true", help="check that this copy of Earshot works, then exit")
    parser.add_argument("--json", action="store_true", help="tell of the self-test as JSON")
    parser.add_argument("--no-gpu", action="store_true", help="let the self-test compute on the CPU")
    parser.add_argument("--self-test-server", action="store_true", help=argparse.SUPPRESS)
    known, _unknown = parser.parse_known_args(arguments)  # macOS adds options of its own
    return known


def _say_version() -> int:
    from engine.commands.console import version

    sys.stdout.write(f"Earshot {version()}\n")
    return 0


def has_display() -> bool:
    """Whether a window can be shown."""
    if sys.platform in ("darwin", "win32") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(files: Sequence[str]) -> int:
    """Open the window and run until the user quits."""
    began = time.monotonic()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.disable()  # nearly all that a start makes stays: to look through it again and again takes a tenth of the time
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QMessageBox

    from app import diagnostics
    from app.addresses import is_address
    from app.application import Application
    from app.single_instance import SingleInstance
    from app.translations import told

    paths = Paths.of_user()
    application = Application(sys.argv[:1])
    instance = SingleInstance(paths.data)
    given = [file if is_address(file) else str(Path(file).resolve()) for file in files]
    if not instance.acquire(given):
        return 0
    try:
        from app.build import App

        paths.make()
        diagnostics.start_logging(paths)
        app = App(paths, application)
    except Exception as error:
        log.critical("Earshot cannot start", exc_info=error)
        QMessageBox.critical(None, "Earshot", told(error))
        return 1
    instance.woken.connect(app.wake)
    application.files_opened.connect(app.open_files)

    def begin() -> None:
        if not app.begun:
            log.info("window shown after %.2f s", time.monotonic() - began)
            gc.freeze()
            gc.enable()
            app.begin(given)

    app.window.painted.connect(begin)  # loading would only delay it
    QTimer.singleShot(_PAINT_LIMIT_MS, begin)  # a window that starts minimised is not painted
    app.window.show()
    code = QApplication.exec()
    instance.close()
    log.info("engine ended in time: %s", app.ended)
    leave(code)


def leave(code: int) -> NoReturn:
    """End the process. Everything is on disk; taking the interpreter apart below native threads has nothing to add."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
