"""Builds every object of the app and connects it; nothing else does."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from app.paths import Paths

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.settings import Settings
    from app.talk.controller import Controller
    from app.widgets.frame.main_window import MainWindow
    from engine.events import Progress

log = logging.getLogger(__name__)

_PAINT_LIMIT_MS = 500
_DISK_HANGS_S = 60.0  # many files take long to be listed, a sleeping disk takes seconds to wake
_SWITCH_INTERVAL_S = 0.001  # sound and window wait less for Python's lock while the engine works


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Earshot; returns the exit code."""
    options = _parsed(arguments)
    if options.self_test:
        from app.self_test import self_test

        return self_test()
    if not has_display():
        from app.terminal import converse

        return converse()
    return run(options.files)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("Earshot", description="A private voice assistant.")
    parser.add_argument("files", nargs="*", help="recordings to turn into text")
    parser.add_argument("--self-test", action="store_true", help="check that this copy of Earshot works, then exit")
    known, _unknown = parser.parse_known_args(arguments)  # macOS adds options of its own
    return known


def has_display() -> bool:
    """Whether a window can be shown."""
    if sys.platform in ("darwin", "win32") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(files: Sequence[str]) -> int:
    """Open the window and run until the user quits."""
    began = time.monotonic()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QMessageBox

    from app import diagnostics
    from app.application import Application
    from app.single_instance import SingleInstance

    paths = Paths.of_user()
    application = Application(sys.argv[:1])
    instance = SingleInstance(paths.data)
    if not instance.acquire([str(Path(file).resolve()) for file in files]):
        return 0
    try:
        paths.make()
        diagnostics.start_logging(paths)
        app = App(paths, application)
    except Exception as error:
        log.critical("Earshot cannot start", exc_info=error)
        QMessageBox.critical(None, "Earshot", str(error))
        return 1
    instance.woken.connect(app.wake)
    application.files_opened.connect(app.open_files)

    def begin() -> None:
        if not app.begun:
            log.info("window shown after %.2f s", time.monotonic() - began)
            app.begin([str(file) for file in files])

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


class App:
    """The objects of the running app."""

    def __init__(self, paths: Paths, application: QApplication) -> None:
        from app import translations
        from app.settings import Settings
        from app.widgets.controls import theme
        from app.widgets.frame.main_window import MainWindow

        self.ended = True
        self.begun = False
        self._application = application
        self._shut_down = False
        self.settings = Settings(paths.settings)
        translations.install(application, self.settings.now.language)
        self.theme = theme.Theme(application)
        self.controller = build_controller(paths, self.settings)
        self.window: MainWindow = MainWindow(self.controller, self.settings)
        self.controller.quit_requested.connect(application.quit)
        application.aboutToQuit.connect(self.shut_down)
        application.applicationStateChanged.connect(self._on_active)
        application.setQuitOnLastWindowClosed(True)

    def begin(self, files: list[str]) -> None:
        """Start what takes longer than showing the window."""
        self.begun = True
        self.controller.start()
        if files:
            self.open_files(files)

    def open_files(self, files: list[str]) -> None:
        """Transcribe files from the Dock, "Open With" or the command line."""
        from app.widgets.frame.window import TRANSCRIBE

        self.controller.transcriber.add_files([Path(file) for file in files])
        self.window.show_page(TRANSCRIBE)

    def wake(self, files: list[str]) -> None:
        """Come to the front."""
        from PySide6.QtCore import Qt

        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)  # as large as it was
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        if files:
            self.open_files(files)

    def _on_active(self, state: Any) -> None:
        from PySide6.QtCore import Qt

        self.controller.show_in_front(state == Qt.ApplicationState.ApplicationActive)

    def shut_down(self) -> None:
        """End everything, once, in order."""
        if not self._shut_down:
            self._shut_down = True
            self.ended = self.controller.shutdown()


def load_engine(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
    """Load a model; runs on the engine's thread, where MLX is first imported."""
    from engine.checkpoints.memory import set_limits
    from engine.engine import Engine

    set_limits()
    return (yield from Engine.loading(folder, insist=insist))


def build_controller(
    paths: Paths, settings: Settings, *, loader: Any = load_engine, system: Any = None, permission: Any = None,
    catalogue: Any = None,
) -> Controller:  # fmt: skip
    """The controller with everything below it. The keyword arguments are for tests. Raises StorageError."""
    from app import diagnostics
    from app.audio.devices import PortAudio
    from app.audio.permission import MicrophonePermission
    from app.audio.sound_devices import SoundDevices
    from app.engine_side.desk import Desk
    from app.engine_side.engine_thread import EngineThread
    from app.models.models import Models
    from app.models.tool_servers import ToolServers
    from app.talk import choices
    from app.talk.controller import Controller
    from app.talk.conversation import Conversation
    from app.talk.parts import Parts
    from app.talk.searcher import Searcher
    from app.talk.store import Store
    from app.transcribe.transcriber import Transcriber
    from app.worker import Worker

    store = Store(paths.store, paths.recordings)
    disk = Worker("disk", _DISK_HANGS_S)
    controllers: list[Controller] = []
    thread = EngineThread(
        lambda: Desk(
            loader,
            paths.voices,
            ring=lambda label: controllers[0].rang.emit(label),
            confirm=lambda call, request: controllers[0].confirm(call, request),
        )
    )
    models = Models(thread, settings, Worker("catalogue", _DISK_HANGS_S), catalogue)
    sound = SoundDevices(system or PortAudio(), settings)

    def facts() -> list[str]:
        return [
            f"model: {models.status.name or 'none'}, ready: {models.status.ready}",
            f"microphones: {', '.join(device.name for device in sound.inputs) or 'not listed'}",
            f"loudspeakers: {', '.join(device.name for device in sound.outputs) or 'not listed'}",
            f"microphone blocks lost: {sound.microphone.overruns}",
        ]

    offers = choices.tool_offers()
    parts = Parts(
        settings=settings,
        conversation=Conversation(store, settings, Searcher(store, Worker("search", _DISK_HANGS_S))),
        thread=thread,
        models=models,
        sound=sound,
        transcriber=Transcriber(paths.transcriptions, thread, disk),
        permission=permission or MicrophonePermission(),
        disk=disk,
        presets=choices.preset_views(settings.now.language),
        tools=offers,
        servers=ToolServers(settings, tuple(offer.name for offer in offers)),
        apply_preset=choices.preset_choices,
        diagnostics=lambda: diagnostics.summary(paths, facts),
    )
    controllers.append(Controller(parts))
    return controllers[0]


if __name__ == "__main__":
    sys.exit(main())
