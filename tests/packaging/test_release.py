"""The release script, with stand-ins for a Mac's tools that write down what they were asked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import release_files
from info_plist import version

PACKAGING = Path(__file__).parents[2] / "packaging"
TOOLS = {
    "codesign": "exit 0",
    "spctl": "exit ${SPCTL_CODE:-0}",
    "ditto": 'for last; do :; done; cp -R "$DITTO_FROM" "$last" 2>/dev/null || touch "$last"',
    "plutil": 'case "$2" in id) echo 42;; status) echo "$NOTARY_STATUS";; *) echo "$IDENTIFIER";; esac',
    "xcrun": 'case "$2" in log) echo "the signature of libmlx is missing";; esac',
    "hdiutil": """
case $1 in
create) for last; do :; done; ls "$6" >"$last" ;;
attach) cp -R "$DITTO_FROM" "$6/Earshot.app" ;;
esac""",
}
PYTHON = 'case "$1" in -c) echo 1.2.3;; packaging/audit.py) exit "${AUDIT_CODE:-0}";; esac'
ASKED = 'echo "$(basename "$0") $*" >>"$ASKED"\n'


def program(path: Path, text: str) -> None:
    """A script that notes how it was called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Release:
    """A repository with a built app, and a Mac's tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in TOOLS.items():
            program(folder / "tools" / name, ASKED + text)
        program(folder / "build/app-environment/bin/python", ASKED + PYTHON)
        self.app = folder / "dist/Earshot.app"
        program(self.app / "Contents/MacOS/Earshot", f'echo "Earshot $* in $HOME" >>{folder}/asked')
        for name in ("Frameworks/mlx/lib/libmlx.dylib", "Frameworks/core.so", "Frameworks/Qt.framework/Qt"):
            (self.app / "Contents" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.app / "Contents" / name).touch()
        (folder / "packaging").mkdir()
        shutil.copy(PACKAGING / "release.sh", folder / "packaging")

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        told = {
            "PATH": f"{self.folder / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "ASKED": str(self.folder / "asked"),
            "DITTO_FROM": str(self.app),
            "NOTARY_STATUS": "Accepted",
            "IDENTIFIER": "org.example.Earshot",
        }
        command = ["sh", str(self.folder / "packaging/release.sh")]
        return subprocess.run(command, env=told | environment, capture_output=True, text=True, timeout=60)

    @property
    def asked(self) -> list[str]:
        """What was called, line by line."""
        return (self.folder / "asked").read_text().splitlines()


IDENTITY = {"EARSHOT_IDENTITY": "Developer ID", "EARSHOT_NOTARY": "profile"}


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def signed(line: str) -> str:
    """What a line of codesign signs."""
    return Path(line.split()[-1]).name


def test_without_an_identity_it_is_signed_ad_hoc_and_packed(release: Release) -> None:
    done = release.run()
    assert done.returncode == 0, done.stderr
    signing = [line for line in release.asked if line.startswith("codesign --force --sign - ")]
    assert {signed(line) for line in signing} == {"libmlx.dylib", "core.so", "Qt.framework", "Earshot.app"}
    assert signed(signing[-1]) == "Earshot.app"
    assert "--entitlements packaging/entitlements-ad-hoc.plist" in signing[-1]
    assert not any("--deep" in line for line in signing)
    assert not any(line.startswith(("xcrun", "spctl")) for line in release.asked)
    assert (release.folder / "dist/Earshot-1.2.3.dmg").read_text().split() == ["Applications", "Earshot.app"]


def test_the_self_test_runs_before_and_after_signing_and_from_the_image(release: Release) -> None:
    assert release.run(EARSHOT_NO_GPU="1").returncode == 0
    lines = [line.split()[0] for line in release.asked]
    tests = [place for place, line in enumerate(release.asked) if line.startswith("Earshot --self-test --no-gpu")]
    signing = [place for place, name in enumerate(lines) if name == "codesign"]
    assert len(tests) == 3
    assert tests[0] < signing[0] < signing[-1] < tests[1]
    assert release.asked[tests[2] - 1].startswith("hdiutil attach")
    assert release.asked[-1].startswith("hdiutil detach")


def test_with_an_identity_it_is_notarised_stapled_and_assessed(release: Release) -> None:
    done = release.run(**IDENTITY)
    assert done.returncode == 0, done.stderr
    submitted = [line for line in release.asked if line.startswith("xcrun notarytool submit")]
    assert [Path(line.split()[3]).suffix for line in submitted] == [".zip", ".dmg"]
    assert sum(line.startswith("xcrun stapler staple") for line in release.asked) == 2
    assert sum(line.startswith("spctl --assess") for line in release.asked) == 2
    assert all("--timestamp" in line for line in release.asked if line.startswith("codesign --force"))
    assert any("--entitlements packaging/entitlements.plist" in line for line in release.asked)


def test_an_answer_of_invalid_ends_it_with_apples_log(release: Release) -> None:
    done = release.run(**IDENTITY, NOTARY_STATUS="Invalid")
    assert done.returncode != 0
    assert "the signature of libmlx is missing" in done.stderr
    assert 'is "Invalid"' in done.stderr
    assert not list((release.folder / "dist").glob("*.dmg"))


def test_nobodys_identifier_is_not_released(release: Release) -> None:
    done = release.run(**IDENTITY, IDENTIFIER="local.earshot-assistant.Earshot")
    assert done.returncode != 0
    assert "EARSHOT_IDENTIFIER" in done.stderr


@pytest.mark.parametrize("fault", [{"AUDIT_CODE": "1"}, {"SPCTL_CODE": "3"}])
def test_a_fault_of_the_audit_or_of_the_system_ends_it(release: Release, fault: dict[str, str]) -> None:
    assert release.run(**IDENTITY, **fault).returncode != 0
    assert not list((release.folder / "dist").glob("*.dmg"))


def test_nothing_is_left_in_the_folder_for_temporary_files(release: Release) -> None:
    before = {*release.folder.iterdir(), release.folder / "asked"}
    assert release.run(**IDENTITY, NOTARY_STATUS="Invalid").returncode != 0
    assert set(release.folder.iterdir()) == before


def test_what_goes_with_the_image_names_it_and_its_sum(tmp_path: Path) -> None:
    image = tmp_path / f"Earshot-{version()}.dmg"
    image.write_bytes(b"image")
    address = "https://github.com/somebody/earshot/releases/download/v1"
    assert [path.name for path in release_files.write(image, address)] == ["SHA256SUMS", "latest.json", "earshot.rb"]
    digest = hashlib.sha256(b"image").hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  {image.name}\n", "as shasum -c reads it"
    latest = json.loads((tmp_path / "latest.json").read_text())
    assert (latest["version"], latest["sha256"], latest["bytes"]) == (version(), digest, 5)
    assert latest["file"] == f"{address}/{image.name}"
    cask = (tmp_path / "earshot.rb").read_text()
    assert f'sha256 "{digest}"' in cask
    assert 'url "https://github.com/somebody/earshot/releases/download/v#{version}/Earshot-#{version}.dmg"' in cask


def test_an_image_that_lies_nowhere_gets_no_cask(tmp_path: Path) -> None:
    image = tmp_path / "Earshot.dmg"
    image.write_bytes(b"image")
    assert [path.name for path in release_files.write(image)] == ["SHA256SUMS", "latest.json"]
    assert json.loads((tmp_path / "latest.json").read_text())["file"] == image.name
