"""The audit finds what is planted in a small bundle, and nothing in one that is whole."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import audit
import contents
import pytest
from info_plist import info_plist
from licensing import is_gpl
from mach_o import slices, thin

from tests.packaging.mach_o_files import X86_64, mach_o, metal_kernels, universal

ENTITLEMENTS = plistlib.loads((contents.ROOT / "packaging" / "entitlements.plist").read_bytes())
LIBRARIES, DATA = "Contents/Frameworks", "Contents/Resources"


def write(path: Path, content: bytes | str = b"") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def add_package(app: Path, name: str, licence: str = "MIT", text: str = "Permission is hereby granted ...") -> None:
    """What is shipped of a package besides its code."""
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
    write(app / DATA / f"{name}-1.0.dist-info" / "METADATA", metadata)
    write(app / DATA / "licences" / name / "LICENSE", text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = tmp_path_factory.mktemp("whole") / "Earshot.app"
    program = mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=ENTITLEMENTS)
    write(app / "Contents/MacOS/Earshot", program)
    write(app / "Contents/Info.plist", plistlib.dumps({"CFBundleExecutable": "Earshot", **info_plist()}))
    core = mach_o(loads=("@rpath/libmlx.dylib", "/usr/lib/libc++.1.dylib"), rpaths=("@loader_path/lib",))
    write(app / LIBRARIES / "mlx/core.so", core)
    write(app / LIBRARIES / "mlx/lib/libmlx.dylib", mach_o(minimum=(14, 0)))
    write(app / DATA / "mlx/lib/mlx.metallib", metal_kernels())
    (app / LIBRARIES / "mlx/lib/mlx.metallib").symlink_to("../../../Resources/mlx/lib/mlx.metallib")
    for path in contents.METAL_LINKS:
        (app / LIBRARIES / Path(path).name).symlink_to(path)
    write(app / LIBRARIES / "PySide6/QtCore.abi3.so", mach_o(minimum=(15, 0)))
    add_package(app, "mlx")
    return app


@pytest.fixture
def app(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "Earshot.app", symlinks=True))


def found(app: Path) -> set[str]:
    """The kinds of faults that the audit finds."""
    return {fault.kind for fault in audit.audit(audit.Bundle.read(app))}


def test_a_whole_bundle_has_no_fault(whole: Path) -> None:
    assert audit.audit(audit.Bundle.read(whole)) == []


def newer_library(app: Path) -> None:
    write(app / LIBRARIES / "shiboken6/Shiboken.abi3.so", mach_o(minimum=(26, 0)))


def library_for_intel(app: Path) -> None:
    write(app / LIBRARIES / "kaldi.so", mach_o(architecture=X86_64))


def universal_library(app: Path) -> None:
    write(app / LIBRARIES / "portaudio.dylib", universal(mach_o(), mach_o(architecture=X86_64)))


def missing_library(app: Path) -> None:
    write(app / LIBRARIES / "soxr.so", mach_o(loads=("@rpath/libsoxr.dylib",), rpaths=("@loader_path",)))


def library_of_the_builder(app: Path) -> None:
    write(app / LIBRARIES / "yaml.so", mach_o(loads=("/opt/homebrew/lib/libyaml.dylib",)))


def rpath_of_the_builder(app: Path) -> None:
    write(app / LIBRARIES / "ear.so", mach_o(rpaths=("/Users/builder/lib",)))


def kernels_not_beside_the_link(app: Path) -> None:
    (app / LIBRARIES / "mlx.metallib").unlink()


def kernels_for_a_newer_system(app: Path) -> None:
    write(app / DATA / "mlx/lib/mlx.metallib", metal_kernels((26, 2)))


def kernels_cut_off(app: Path) -> None:
    write(app / DATA / "mlx/lib/mlx.metallib", b"MTLB")


def link_to_nowhere(app: Path) -> None:
    (app / LIBRARIES / "resources").symlink_to("../Resources/resources")


def link_to_the_builder(app: Path) -> None:
    (app / LIBRARIES / "python").symlink_to("/usr")


def package_of_development(app: Path) -> None:
    add_package(app, "hypothesis", "MPL-2.0")


def package_without_licence(app: Path) -> None:
    add_package(app, "audioread", text="")


def package_under_the_gpl(app: Path) -> None:
    add_package(app, "unidecode", "GPL-2.0-or-later")


def encoder_under_the_gpl(app: Path) -> None:
    write(app / LIBRARIES / "av/.dylibs/libavcodec.61.dylib", mach_o() + b"x264 - core 164")


def library_named_like_one(app: Path) -> None:
    write(app / LIBRARIES / "libx265.215.dylib", mach_o())


def headers(app: Path) -> None:
    write(app / DATA / "mlx/include/mlx/array.h", "struct array;")


def same_library_once_more(app: Path) -> None:
    write(app / LIBRARIES / "onnxruntime/capi/libonnxruntime.1.32.0.dylib", mach_o())


def other_entitlements(app: Path) -> None:
    granted = {**ENTITLEMENTS, "com.apple.security.get-task-allow": True}
    write(app / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=granted))


def no_signature(app: Path) -> None:
    write(app / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",)))


def older_system_named(app: Path) -> None:
    told = {**info_plist(), "LSMinimumSystemVersion": "11.0"}
    write(app / "Contents/Info.plist", plistlib.dumps(told))


def folder_of_the_builder(app: Path) -> None:
    write(app / DATA / "engine.txt", f"built in {contents.ROOT}/build")


def no_program(app: Path) -> None:
    (app / "Contents/MacOS/Earshot").unlink()


def library_cut_off(app: Path) -> None:
    path = app / LIBRARIES / "mlx/core.so"
    path.write_bytes(path.read_bytes()[:60])


def too_large(app: Path) -> None:
    with (app / DATA / "large.safetensors").open("wb") as file:
        file.truncate(351_000_000)


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (newer_library, "minimum system"),
        (library_for_intel, "architecture"),
        (universal_library, "other architecture"),
        (missing_library, "not resolved"),
        (library_of_the_builder, "absolute path"),
        (rpath_of_the_builder, "absolute path"),
        (kernels_not_beside_the_link, "metal kernels"),
        (kernels_for_a_newer_system, "metal kernels"),
        (kernels_cut_off, "metal kernels"),
        (link_to_nowhere, "link"),
        (link_to_the_builder, "link"),
        (package_of_development, "development"),
        (package_without_licence, "no licence"),
        (package_under_the_gpl, "GPL"),
        (encoder_under_the_gpl, "GPL"),
        (library_named_like_one, "GPL"),
        (headers, "dead weight"),
        (same_library_once_more, "dead weight"),
        (other_entitlements, "entitlements"),
        (no_signature, "entitlements"),
        (older_system_named, "Info.plist"),
        (folder_of_the_builder, "trace"),
        (no_program, "no program"),
        (library_cut_off, "damaged library"),
        (too_large, "size"),
    ],
)
def test_a_planted_fault_is_found_and_nothing_else(app: Path, plant: Callable[[Path], None], kind: str) -> None:
    plant(app)
    assert found(app) == {kind}


def test_what_signs_ad_hoc_may_load_what_nobody_signed(app: Path) -> None:
    granted = {**ENTITLEMENTS, "com.apple.security.cs.disable-library-validation": True}
    write(app / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=granted))
    assert found(app) == set()


def test_a_licence_is_gpl_only_where_nothing_else_is_offered() -> None:
    def package(text: str) -> bool:
        from email import message_from_string

        return is_gpl(message_from_string(text))

    assert package("License: GPL-3.0-only\n\n")
    assert package("Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)\n\n")
    assert not package("License: LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only\n\n")
    assert not package("License-Expression: MIT\n\n")
    assert not package("License: GPLv2-or-later with a special exception which allows to use it\n\n")


def test_thinning_leaves_the_asked_architecture(tmp_path: Path) -> None:
    path = write(tmp_path / "lib.dylib", universal(mach_o(architecture=X86_64), mach_o(minimum=(12, 0))))
    assert [each.architecture for each in slices(path)] == ["x86_64", "arm64"]
    thin(path, "arm64")
    assert [(each.architecture, each.minimum_system) for each in slices(path)] == [("arm64", (12, 0))]


def test_the_command_tells_faults_and_ends_with_one(app: Path) -> None:
    newer_library(app)
    command = [sys.executable, str(contents.ROOT / "packaging" / "audit.py"), str(app)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ})
    assert done.returncode == 1
    assert "needs macOS 26.0, the app says 15.0" in done.stdout
    assert "loads not resolved   0" in done.stdout
