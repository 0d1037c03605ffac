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
from mach_o import is_mach_o, slices, thin

from tests.packaging.mach_o_files import X86_64, mach_o, metal_kernels, universal

ENTITLEMENTS = plistlib.loads((contents.ROOT / "packaging" / "entitlements.plist").read_bytes())
LIBRARIES, DATA = "Contents/Frameworks", "Contents/Resources"


def write(path: Path, content: bytes | str = b"") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def add_package(bundle: Path, name: str, licence: str = "MIT", text: str = "Permission is hereby granted ...") -> None:
    """What is shipped of a package besides its code."""
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
    write(bundle / DATA / f"{name}-1.0.dist-info" / "METADATA", metadata)
    write(bundle / DATA / "licences" / name / "LICENSE", text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("whole") / "Earshot.app"
    program = mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=ENTITLEMENTS)
    write(bundle / "Contents/MacOS/Earshot", program)
    write(bundle / "Contents/Info.plist", plistlib.dumps({"CFBundleExecutable": "Earshot", **info_plist()}))
    core = mach_o(loads=("@rpath/libmlx.dylib", "/usr/lib/libc++.1.dylib"), rpaths=("@loader_path/lib",))
    write(bundle / LIBRARIES / "mlx/core.so", core)
    write(bundle / LIBRARIES / "mlx/lib/libmlx.dylib", mach_o(minimum=(14, 0)))
    write(bundle / DATA / "mlx/lib/mlx.metallib", metal_kernels())
    (bundle / LIBRARIES / "mlx/lib/mlx.metallib").symlink_to("../../../Resources/mlx/lib/mlx.metallib")
    for path in contents.METAL_LINKS:
        (bundle / LIBRARIES / Path(path).name).symlink_to(path)
    write(bundle / LIBRARIES / "PySide6/QtCore.abi3.so", mach_o(minimum=(15, 0)))
    add_package(bundle, "mlx")
    return bundle


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "Earshot.app", symlinks=True))


def found(bundle: Path) -> set[str]:
    """The kinds of faults that the audit finds."""
    return {fault.kind for fault in audit.audit(audit.Bundle.read(bundle))}


def test_a_whole_bundle_has_no_fault(whole: Path) -> None:
    assert audit.audit(audit.Bundle.read(whole)) == []


def newer_library(bundle: Path) -> None:
    write(bundle / LIBRARIES / "shiboken6/Shiboken.abi3.so", mach_o(minimum=(26, 0)))


def newer_library_of_an_old_linker(bundle: Path) -> None:
    write(bundle / LIBRARIES / "soxr.so", mach_o(minimum=(15, 1), old_linker=True))


def library_for_intel(bundle: Path) -> None:
    write(bundle / LIBRARIES / "kaldi.so", mach_o(architecture=X86_64))


def universal_library(bundle: Path) -> None:
    write(bundle / LIBRARIES / "portaudio.dylib", universal(mach_o(), mach_o(architecture=X86_64)))


def missing_library(bundle: Path) -> None:
    write(bundle / LIBRARIES / "soxr.so", mach_o(loads=("@rpath/libsoxr.dylib",), rpaths=("@loader_path",)))


def library_of_the_builder(bundle: Path) -> None:
    write(bundle / LIBRARIES / "yaml.so", mach_o(loads=("/opt/homebrew/lib/libyaml.dylib",)))


def rpath_of_the_builder(bundle: Path) -> None:
    write(bundle / LIBRARIES / "ear.so", mach_o(rpaths=("/opt/builder/lib",)))


def kernels_not_beside_the_link(bundle: Path) -> None:
    (bundle / LIBRARIES / "mlx.metallib").unlink()


def kernels_for_a_newer_system(bundle: Path) -> None:
    write(bundle / DATA / "mlx/lib/mlx.metallib", metal_kernels((26, 2)))


def kernels_cut_off(bundle: Path) -> None:
    write(bundle / DATA / "mlx/lib/mlx.metallib", b"MTLB")


def link_to_nowhere(bundle: Path) -> None:
    (bundle / LIBRARIES / "resources").symlink_to("../Resources/resources")


def link_to_the_builder(bundle: Path) -> None:
    (bundle / LIBRARIES / "python").symlink_to("/usr")


def package_of_development(bundle: Path) -> None:
    add_package(bundle, "hypothesis", "MPL-2.0")


def package_without_licence(bundle: Path) -> None:
    add_package(bundle, "audioread", text="")


def package_under_the_gpl(bundle: Path) -> None:
    add_package(bundle, "unidecode", "GPL-2.0-or-later")


def encoder_under_the_gpl(bundle: Path) -> None:
    write(bundle / LIBRARIES / "av/.dylibs/libavcodec.61.dylib", mach_o() + b"x264 - core 164")


def library_named_like_one(bundle: Path) -> None:
    write(bundle / LIBRARIES / "libx265.215.dylib", mach_o())


def headers(bundle: Path) -> None:
    write(bundle / DATA / "mlx/include/mlx/array.h", "struct array;")


def same_library_once_more(bundle: Path) -> None:
    write(bundle / LIBRARIES / "onnxruntime/capi/libonnxruntime.1.32.0.dylib", mach_o())


def other_entitlements(bundle: Path) -> None:
    granted = {**ENTITLEMENTS, "com.apple.security.get-task-allow": True}
    write(bundle / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=granted))


def no_signature(bundle: Path) -> None:
    write(bundle / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",)))


def older_system_named(bundle: Path) -> None:
    told = {**info_plist(), "LSMinimumSystemVersion": "11.0"}
    write(bundle / "Contents/Info.plist", plistlib.dumps(told))


def folder_of_the_builder(bundle: Path) -> None:
    write(bundle / DATA / "engine.txt", f"built in {contents.ROOT}/build")


def origin_of_a_package(bundle: Path) -> None:
    write(bundle / DATA / "mlx-1.0.dist-info" / "direct_url.json", "{}")


def no_program(bundle: Path) -> None:
    (bundle / "Contents/MacOS/Earshot").unlink()


def library_cut_off(bundle: Path) -> None:
    path = bundle / LIBRARIES / "mlx/core.so"
    path.write_bytes(path.read_bytes()[:60])


def too_large(bundle: Path) -> None:
    with (bundle / DATA / "large.safetensors").open("wb") as file:
        file.truncate(351_000_000)


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (newer_library, "minimum system"),
        (newer_library_of_an_old_linker, "minimum system"),
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
        (origin_of_a_package, "dead weight"),
        (no_program, "no program"),
        (library_cut_off, "damaged library"),
        (too_large, "size"),
    ],
)
def test_a_planted_fault_is_found_and_nothing_else(bundle: Path, plant: Callable[[Path], None], kind: str) -> None:
    plant(bundle)
    assert found(bundle) == {kind}


def test_a_library_that_names_no_place_is_looked_for_where_the_program_says(bundle: Path) -> None:
    write(bundle / LIBRARIES / "soxr.so", mach_o(loads=("@rpath/libmlx.dylib",)))
    assert found(bundle) == set()


def test_what_signs_ad_hoc_may_load_what_nobody_signed(bundle: Path) -> None:
    granted = {**ENTITLEMENTS, "com.apple.security.cs.disable-library-validation": True}
    write(bundle / "Contents/MacOS/Earshot", mach_o(rpaths=("@executable_path/../Frameworks",), entitlements=granted))
    assert found(bundle) == set()


def test_a_licence_is_gpl_only_where_nothing_else_is_offered() -> None:
    def package(text: str) -> bool:
        from email import message_from_string

        return is_gpl(message_from_string(text))

    assert package("License: GPL-3.0-only\n\n")
    assert package("Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)\n\n")
    assert not package("License: LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only\n\n")
    assert not package("License-Expression: MIT\n\n")
    assert not package("License: GPLv2-or-later with a special exception which allows to use it\n\n")


def test_java_classes_are_no_universal_files(tmp_path: Path) -> None:
    """Both begin with CAFEBABE; the next four bytes are a version there, and a number of architectures here."""
    assert is_mach_o(write(tmp_path / "lib", universal(mach_o())))
    assert not is_mach_o(write(tmp_path / "Main.class", bytes.fromhex("cafebabe00000034")))


def test_thinning_leaves_the_asked_architecture(tmp_path: Path) -> None:
    path = write(tmp_path / "lib.dylib", universal(mach_o(architecture=X86_64), mach_o(minimum=(12, 0))))
    assert [each.architecture for each in slices(path)] == ["x86_64", "arm64"]
    thin(path, "arm64")
    assert [(each.architecture, each.minimum_system) for each in slices(path)] == [("arm64", (12, 0))]


def test_the_command_tells_faults_and_ends_with_one(bundle: Path) -> None:
    newer_library(bundle)
    command = [sys.executable, str(contents.ROOT / "packaging" / "audit.py"), str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ})
    assert done.returncode == 1
    assert "needs macOS 26.0, the app says 15.0" in done.stdout
    assert "loads not resolved   0" in done.stdout
