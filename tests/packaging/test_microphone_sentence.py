"""What the system says when it asks for the microphone is what Earshot does, in both languages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.settings import Preferences

PACKAGING = Path(__file__).parents[2] / "packaging"
NAME = "NSMicrophoneUsageDescription"


def strings(language: str) -> dict[str, str]:
    """The strings of one language, as macOS reads them."""
    text = (PACKAGING / f"{language}.lproj" / "InfoPlist.strings").read_text(encoding="utf-8")
    return dict(re.findall(r'^"(\w+)" = "(.*)";$', text, re.MULTILINE))


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the spec asks PyInstaller for, run with stand-ins for PyInstaller's steps."""
    asked: dict[str, Any] = {}
    hooks = SimpleNamespace(collect_all=lambda name: ([], [], []), collect_data_files=lambda name: [])
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)  # type: ignore[arg-type]

    def analyse(scripts: list[str], **options: Any) -> Any:
        asked.update(options)
        return SimpleNamespace(pure=[], scripts=[], binaries=[], datas=options["datas"])

    steps = {name: lambda *given, **options: None for name in ("EXE", "PYZ", "COLLECT")}
    steps |= {"Analysis": analyse, "BUNDLE": lambda *given, **options: asked.update(options)}
    spec = PACKAGING / "Earshot.spec"
    exec(compile(spec.read_text(encoding="utf-8"), str(spec), "exec"), {**steps, "SPECPATH": str(PACKAGING)})
    return asked


def test_the_bundle_says_it_in_each_of_its_languages(bundle: dict[str, Any]) -> None:
    plist = bundle["info_plist"]
    assert plist[NAME] == strings("en")[NAME]
    for language in plist["CFBundleLocalizations"]:
        assert strings(language)[NAME]
        file = PACKAGING / f"{language}.lproj" / "InfoPlist.strings"
        assert (str(file), f"{language}.lproj") in bundle["datas"]


def test_it_says_that_the_microphone_stays_open_in_front() -> None:
    assert Preferences().keep_warm
    assert "While its window is in front, Earshot keeps the microphone open" in strings("en")[NAME]
    assert "窗口在前台时" in strings("zh-Hans")[NAME]
