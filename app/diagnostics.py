"""The log, and a summary to send along with a report. Neither holds anything that was said."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import platform
import re
import sys
import threading
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from app.paths import Paths
from app.qt import override
from engine.errors import StorageError
from engine.storage import open_private

log = logging.getLogger(__name__)

_PACKAGES = ("mlx", "PySide6-Essentials", "sounddevice", "numpy", "onnxruntime")
_LAST_LINES = 120  # room for a few errors with the places they passed
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start_logging(paths: Paths) -> None:
    """Log into a file of at most 1 MB, three of them; bugs and crashes too."""
    root = logging.getLogger()
    try:
        root.addHandler(log_handler(paths))
        faulthandler.enable(os.fdopen(open_private(paths.logs / "crash.log"), "a"))
    except (OSError, StorageError) as error:  # a folder that may only be read
        faulthandler.enable()
        root.warning("there is no log file: %s", error)
    root.setLevel(logging.INFO)
    for talkative in ("httpx", "httpx2"):  # they would log addresses: of searches, of tool servers with their keys
        logging.getLogger(talkative).setLevel(logging.WARNING)
    sys.excepthook = _on_exception
    threading.excepthook = _on_thread_exception
    qInstallMessageHandler(_on_qt_message)


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """Files that only their owner reads."""

    @override
    def _open(self) -> TextIOWrapper:
        return os.fdopen(open_private(Path(self.baseFilename)), "a", encoding=self.encoding)


def log_handler(paths: Paths) -> logging.Handler:
    """Writes the log."""
    handler = _PrivateLog(paths.log_file, maxBytes=1_000_000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    return handler


def _on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("unexpected", exc_info=(kind, error, trace))


def _on_thread_exception(arguments: threading.ExceptHookArgs) -> None:
    log.critical("unexpected in %s", arguments.thread, exc_info=arguments.exc_value)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger("qt").log(_LEVELS[kind], "%s", message)


def facts(model: str, ready: bool, microphones: list[str], loudspeakers: list[str], blocks_lost: int) -> list[str]:
    """What a report says of the running app."""
    return [
        f"model: {model or 'none'}, ready: {ready}",
        f"microphones: {', '.join(microphones) or 'not listed'}",
        f"loudspeakers: {', '.join(loudspeakers) or 'not listed'}",
        f"microphone blocks lost: {blocks_lost}",
    ]


def summary(paths: Paths, facts: list[str]) -> str:
    """Versions, `facts` of the running app, and the last lines of the log without tracebacks' values."""
    from engine.commands.console import version

    lines = [f"Earshot {version()}", f"{platform.platform()} {platform.machine()}"]
    lines.append(f"Python {platform.python_version()}")
    lines += [f"{name} {version_of(name)}" for name in _PACKAGES]
    return "\n".join([*lines, *facts, "", *_tail(paths.log_file)])


def version_of(name: str) -> str:
    """Version of an installed package, or "unknown". Slow the first time: what reads it is imported here."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _tail(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.replace(str(Path.home()), "~") for line in _without_values(lines)][-_LAST_LINES:]


def _without_values(lines: list[str]) -> Iterator[str]:
    """The log with the names of errors but without what they say: that may quote a conversation."""
    in_trace = False
    for line in lines:
        if _RECORD.match(line):
            in_trace = False
            yield line
        elif line.startswith("Traceback"):
            in_trace = True
            yield line
        elif in_trace and line.startswith("  "):
            yield line
        elif in_trace:  # the error itself; nothing after it comes from the program
            in_trace = False
            yield line.partition(":")[0]
