"""Nothing leaves the machine: no library that comes along looks a name up or keeps files of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import _reporting, samples
from engine.resources import resource
from tests import network_guard
from tests.network_guard import ROOT, Guard

pytestmark = pytest.mark.slow

_HANGS_S = 60

# The app as it is, which quits by itself once it has answered aloud.
_APP = """
import sys
from PySide6.QtCore import QTimer
from app import build, main
from app.shown.talk import State, TurnState

begin = build.App.begin

def begin_and_ask(app, files):
    begin(app, files)
    controller, timer = app.controller, QTimer(app.window)
    asked = []

    def look():
        if controller.model.ready and not asked:
            asked.append(True)
            controller.ask_text("Hello")
        elif asked and controller.state is State.IDLE and controller.turns[-1].state is TurnState.DONE:
            print("answered:", controller.turns[-1].answer, flush=True)
            app._application.quit()

    timer.timeout.connect(look)
    timer.start(20)

build.App.begin = begin_and_ask
main.run([])
"""

# What Earshot would do if it forgot its switch: a voice is made with onnxruntime as its maker delivers it.
_FORGETFUL = """
import os, sys
from pathlib import Path
import engine
del os.environ["ORT_DISABLE_TELEMETRY"]
from engine.cli import main
print("ended with", main(["voice", "add", sys.argv[1], "--name", "me"]), flush=True)
sys.stdin.read()
"""

_LOOK_UPS = {
    "in Python": "import socket; socket.getaddrinfo('earshot.invalid', 443)",
    "in C": "import ctypes; ctypes.CDLL(None).gethostbyname(b'earshot.invalid')",
    "of an address": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "of an IPv6 address": "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 443))",
}


@pytest.fixture
def watched(tmp_path: Path) -> Guard:
    """A guard that sees every system call; skipped where no tool can."""
    if reason := network_guard.missing_tool():
        pytest.skip(reason)
    return network_guard.guard(tmp_path)


def recording(guard: Guard) -> str:
    """Half a minute of speech: what comes with Earshot, over and over."""
    said = [samples.read(path) for path in sorted(resource("examples").glob("*.flac"))]
    path = guard.home.parent / "said.wav"
    samples.write_wav(path, np.concatenate(said * 8), 16_000)
    return str(path)


def open_the_app(guard: Guard) -> None:
    printed = guard.run("-c", _APP, QT_QPA_PLATFORM="offscreen")
    assert "answered:" in printed


def say(guard: Guard) -> None:
    guard.run("-m", "engine", "say", "Good morning.", "-o", str(guard.home.parent / "hello.wav"))


def add_a_voice(guard: Guard) -> None:
    guard.run("-m", "engine", "voice", "add", recording(guard), "--name", "me")


def transcribe(guard: Guard) -> None:
    guard.run("-m", "engine", "transcribe", recording(guard), "--output", str(guard.home.parent / "text"))


@pytest.mark.parametrize("use", [open_the_app, say, add_a_voice, transcribe])
def test_only_this_machine_is_reached_and_no_other_maker_leaves_a_file(
    use: Callable[[Guard], None], watched: Guard
) -> None:
    use(watched)
    assert watched.trace.stat().st_size > 0
    assert watched.reached() == []
    assert watched.strange_files() == []


def test_the_guard_sees_what_is_reported_without_the_switch(watched: Guard) -> None:
    with watched.running("-c", _FORGETFUL, recording(watched)) as process:
        assert process.stdout is not None
        assert "ended with 0\n" in process.stdout
        files = watched.strange_files()
        assert [file for file in files if file.startswith(".cache/Microsoft/")] == files != []
        assert _comes(watched.reached)


@pytest.mark.parametrize("kind", _LOOK_UPS)
def test_the_guard_sees_a_look_up(kind: str, watched: Guard) -> None:
    with watched.running("-c", _LOOK_UPS[kind]) as process:
        process.communicate(timeout=_HANGS_S)
    assert watched.reached() != []


def test_the_guard_lets_this_machine_talk_to_itself(watched: Guard) -> None:
    listen = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    watched.run("-c", listen)
    assert "127.0.0.1" in watched.trace.read_text()
    assert watched.reached() == []


def test_reporting_is_off_whatever_the_environment_says() -> None:
    for package in ("engine", "app"):
        done = subprocess.run(
            [sys.executable, "-c", f"import os, sys, {package}; print(os.environ, 'onnxruntime' in sys.modules)"],
            env=os.environ | dict.fromkeys(_reporting.SWITCHES, "0") | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name, value in _reporting.SWITCHES.items():
            assert f"{name!r}: {value!r}" in done.stdout
        assert done.stdout.split()[-1] == "False"


def test_whoever_imports_onnxruntime_has_imported_the_engine_before() -> None:
    importers = [path for path in _sources() if any(name == "onnxruntime" for name, _line in _imports(path))]
    assert ROOT / "engine" / "speaking" / "voice_networks.py" in importers
    assert [str(path) for path in importers if not _begins_with_the_engine(path)] == []


def test_the_packages_begin_with_the_engine() -> None:
    for package in ("app", "tests"):
        assert _imports(ROOT / package / "__init__.py")[0][0] == "engine"
    statements = ast.parse((ROOT / "engine" / "__init__.py").read_text(encoding="utf-8")).body
    calls = [ast.unparse(statement) for statement in statements if isinstance(statement, ast.Expr)]
    assert calls[1:] == ["switch_off_reporting()", "set_up_mlx()", "use_fast_blas()"]


def test_a_script_of_its_own_must_begin_with_the_engine(tmp_path: Path) -> None:
    first, late = tmp_path / "first.py", tmp_path / "late.py"
    first.write_text("import os\nfrom engine.errors import EngineError\nimport onnxruntime\n")
    late.write_text("import onnxruntime\nfrom engine.errors import EngineError\n")
    assert _begins_with_the_engine(first)
    assert not _begins_with_the_engine(late)


def _sources() -> list[Path]:
    return [path for folder in ("engine", "app", "packaging", "tests") for path in (ROOT / folder).rglob("*.py")]


def _imports(path: Path) -> list[tuple[str, int]]:
    """Packages that a file imports anywhere, with their lines."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.module.partition(".")[0], node.lineno))
    return sorted(found, key=lambda item: item[1])


def _begins_with_the_engine(path: Path) -> bool:
    """Whether the engine is imported before onnxruntime: by the file's package, or earlier in the file."""
    if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("engine", "app", "tests"):
        return True
    packages = [name for name, _line in _imports(path)]
    return "engine" in packages and packages.index("engine") < packages.index("onnxruntime")


def _comes(condition: Callable[[], object]) -> bool:
    """Whether something becomes so before it counts as hanging."""
    end_s = time.monotonic() + _HANGS_S
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.1)
    return bool(condition())
