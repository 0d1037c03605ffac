"""What the app tells the system and the people who use it, in both languages; what the spec asks PyInstaller for."""

from __future__ import annotations

import plistlib
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import contents
import pytest
import quick_action
from info_plist import LANGUAGES, info_plist, strings, version

from app.addresses import SCHEME
from app.settings import Preferences
from app.updates import releases

PACKAGING = Path(__file__).parents[2] / "packaging"
NAME = "NSMicrophoneUsageDescription"
# As PyInstaller's analysis finds them, wanted or not.
UNUSED = "onnxruntime/capi/libonnxruntime.1.32.0.dylib"
FOUND = (
    *("PySide6/QtCore.abi3.so", "PySide6/Qt/translations/qtbase_fr.qm", "_sounddevice_data/libportaudio64bit.dll"),
    UNUSED,
)


def ask_for_a_bundle(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the spec asks PyInstaller for, run with stand-ins for PyInstaller's steps."""
    asked: dict[str, Any] = {}
    hooks = SimpleNamespace(collect_all=lambda name: ([], [], []), collect_data_files=lambda name: [])
    hooks.collect_submodules = lambda name: [f"{name}.anything"]
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)  # type: ignore[arg-type]

    def analyse(scripts: list[str], **options: Any) -> Any:
        asked.update(options)
        binaries, link = [(name, name, "BINARY") for name in FOUND], (Path(UNUSED).name, UNUSED, "SYMLINK")
        return SimpleNamespace(pure=[], scripts=[], binaries=[*binaries, link], datas=[])

    steps: dict[str, Any] = {name: lambda *given, **options: None for name in ("EXE", "PYZ")}
    steps["COLLECT"] = lambda program, *entries, **options: asked.update(
        collected=[each for part in entries for each in part]
    )
    steps |= {"Analysis": analyse, "BUNDLE": lambda *given, **options: asked.update(options)}
    spec = PACKAGING / "Earshot.spec"
    monkeypatch.setattr(sys, "platform", "darwin")
    exec(compile(spec.read_text(encoding="utf-8"), str(spec), "exec"), {**steps, "SPECPATH": str(PACKAGING)})
    return asked


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.delenv("EARSHOT_RELEASES", raising=False)
    return ask_for_a_bundle(monkeypatch)


def test_the_bundle_says_it_in_each_of_its_languages(bundle: dict[str, Any]) -> None:
    plist = bundle["info_plist"]
    assert plist == info_plist()
    assert plist[NAME] == strings("en")[NAME]
    for language in plist["CFBundleLocalizations"]:
        assert strings(language).keys() == strings("en").keys()
        file = PACKAGING / f"{language}.lproj" / "InfoPlist.strings"
        assert (str(file), f"{language}.lproj") in bundle["datas"]


def test_what_is_imported_by_name_and_every_licence_come_along(bundle: dict[str, Any]) -> None:
    assert {"engine.anything", "app.anything"} <= set(bundle["hiddenimports"])
    folders = {folder for _, folder in bundle["datas"]}
    names = {contents.canonical(each.metadata["Name"]) for each in contents.distributions()}
    assert {"mlx", "pyside6-essentials", "tokenizers", "onnxruntime"} <= names
    assert {
        f"licences/{name}" for name in ("earshot-assistant", "pyside6-essentials", "tokenizers", "onnxruntime")
    } <= folders
    assert not any(folder.startswith("resources/screenshots") for folder in folders)
    assert {f"resources/manual/{name}" for name in ("en", "zh", "pictures")} <= set(folders)


def test_metal_kernels_are_linked_beside_every_link_to_mlx(bundle: dict[str, Any]) -> None:
    """PyInstaller links libmlx.dylib into the top folder; without the link to its kernels no matrix is multiplied."""
    assert ("mlx.metallib", "mlx/lib/mlx.metallib", "SYMLINK") in bundle["collected"]
    assert ("libmlx.dylib", "mlx/lib/libmlx.dylib", "SYMLINK") in bundle["collected"]


def test_dead_weight_stays_behind(bundle: dict[str, Any]) -> None:
    names = {entry[0] for entry in bundle["collected"]}
    assert "PySide6/QtCore.abi3.so" in names
    assert not any("libonnxruntime" in name or name.endswith((".dll", "_fr.qm")) for name in names)


@pytest.mark.parametrize("address", ["", "https://releases.invalid/earshot"])
def test_a_released_app_knows_where_it_came_from(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_RELEASES", address)
    told = {f"{folder}/{Path(file).name}": Path(file) for file, folder in ask_for_a_bundle(monkeypatch)["datas"]}
    monkeypatch.setattr("app.updates.resource", lambda name: told.get(f"resources/{name}", Path(name)))
    assert releases() == address


def test_the_property_list_is_whole() -> None:
    told = plistlib.loads(plistlib.dumps(info_plist()))
    assert told["CFBundleVersion"] == told["CFBundleShortVersionString"] == version()
    assert told["LSMinimumSystemVersion"] == "15.0"
    assert told["LSMultipleInstancesProhibited"] is True
    declared = {each["UTTypeIdentifier"] for each in told["UTImportedTypeDeclarations"]}
    claimed = set(told["CFBundleDocumentTypes"][0]["LSItemContentTypes"])
    assert claimed - declared == {"public.audio", "public.movie"}
    assert told["CFBundleDevelopmentRegion"] in LANGUAGES


def test_the_icon_holds_every_size(tmp_path: Path) -> None:
    path = tmp_path / "Earshot.icns"
    subprocess.run([sys.executable, str(PACKAGING / "icon.py"), str(path)], check=True, timeout=60)
    content = path.read_bytes()
    sizes, at = set(), 8
    while at < len(content):
        length = struct.unpack_from(">I", content, at + 4)[0]
        width, height = struct.unpack_from(">II", content, at + 8 + 16)  # in the header of the PNG
        assert width == height
        sizes.add(width)
        at += length
    assert sizes == {16, 32, 64, 128, 256, 512, 1024}


def test_it_says_that_the_microphone_stays_open_in_front() -> None:
    assert Preferences().keep_warm
    assert "While its window is in front, Earshot keeps the microphone open" in strings("en")[NAME]
    assert "窗口在前台时" in strings("zh-Hans")[NAME]


def test_it_says_when_what_was_said_leaves_the_mac() -> None:
    assert "it goes to another computer only if you choose a model there" in strings("en")[NAME]
    assert "只有当你选用另一台电脑上的模型时" in strings("zh-Hans")[NAME]


def test_addresses_and_the_quick_action_lead_to_this_app(tmp_path: Path) -> None:
    (kind,) = info_plist()["CFBundleURLTypes"]
    assert kind["CFBundleURLSchemes"] == [SCHEME]
    made = quick_action.write(tmp_path) / "Contents"
    (offered,) = plistlib.loads((made / "Info.plist").read_bytes())["NSServices"]
    assert offered["NSMenuItem"]["default"] == "Transcribe with Earshot"
    assert offered["NSSendFileTypes"] == ["public.audio", "public.movie"]
    (step,) = plistlib.loads((made / "document.wflow").read_bytes())["actions"]
    told = step["action"]["ActionParameters"]
    program = tmp_path / "open"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o700)
    script = told["COMMAND_STRING"].replace("/usr/bin/open", str(program))
    command = [told["shell"], "-c", script, "-", "/music/a b.wav", "/music/c.wav"]
    handed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert handed == f"-b|{info_plist()['CFBundleIdentifier']}|/music/a b.wav|/music/c.wav|"
