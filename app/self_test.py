"""Whether this copy of Earshot works: every library, the bundled model, sound in memory, a window. For built apps."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable


def self_test() -> int:
    """Run all checks; returns 0 when they pass."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("matrix product", _matrix_product),
        ("model speaks", _model_speaks),
        ("sound library", _sound_library),
        ("window", _window),
    ]
    failed = 0
    for name, check in checks:
        began = time.monotonic()
        try:
            told = check()
        except Exception:
            failed += 1
            told = "FAILED\n" + traceback.format_exc()
        sys.stdout.write(f"{name}: {told} ({time.monotonic() - began:.1f} s)\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _matrix_product() -> str:
    from engine.checkpoints.memory import device_works

    return device_works()


def _model_speaks() -> str:
    from engine.checkpoints.catalogue import best
    from engine.engine import Engine
    from engine.events import Speech, Turn

    engine = Engine.load(best())
    seconds = 0.0
    characters = 0
    for event in engine.session().ask(Turn(text="Hello", spoken_answer=engine.capabilities.speaks, max_tokens=64)):
        if isinstance(event, Speech):
            seconds += len(event.samples_24k) / 24_000
        characters += len(getattr(event, "text", ""))
    if engine.capabilities.speaks and not seconds:
        raise RuntimeError(f"{engine.name} wrote {characters} characters and spoke none of them")
    return f"{engine.name}, {seconds:.1f} s of speech"


def _sound_library() -> str:
    import soundfile
    import soxr

    try:
        import sounddevice

        version = sounddevice.get_portaudio_version()[1]
    except OSError as error:
        raise RuntimeError("PortAudio is missing") from error
    return f"{version}; libsndfile {soundfile.__libsndfile_version__}; soxr {soxr.__version__}"


def _window() -> str:
    import tempfile
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from app.application import Application
    from app.build import App
    from app.paths import Paths

    application = QApplication.instance() or Application(["Earshot"])
    assert isinstance(application, QApplication)
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), Path(folder) / "logs")
        paths.make()
        app = App(paths, application)
        app.window.grab()
        app.shut_down()
        return f"{app.window.width()} × {app.window.height()}"
