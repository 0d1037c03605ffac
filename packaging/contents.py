"""What goes into the app, in one place: PyInstaller's description, the layout from wheels and the audit all read it.

Paths are those below the bundle's folder of libraries (Contents/Frameworks on a Mac, _internal on Linux), with slashes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINIMUM_SYSTEM = (15, 0)  # what PySide6's bindings say; 6.10.1 and older say less, but die in the menus of macOS 27
WHEEL_PLATFORM = "macosx_14_0_arm64"  # the newest that MLX, numpy and onnxruntime ask for
MOST_MB = 350  # without the starter model
# Nobody owns a domain for Earshot yet. Whoever releases it names one that is theirs; `local.` is nobody's.
IDENTIFIER = os.environ.get("EARSHOT_IDENTIFIER", "local.earshot-assistant.Earshot")

METAL_LINKS = ("mlx/lib/libmlx.dylib", "mlx/lib/mlx.metallib")  # into the top folder, side by side

# Comes with huggingface_hub, which believes that it can be used where its metadata are.
LEFT_OUT = frozenset({"hf-xet"})

# Imported by name while Earshot runs, so that PyInstaller does not see them.
IMPORTED_BY_NAME = ("engine", "app")
EXCLUDED_MODULES = (
    *("PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtWebEngineCore", "PySide6.Qt3DCore", "PySide6.QtOpenGL"),
    *("torch", "transformers", "tkinter", "matplotlib", "scipy", "pytest", "hypothesis", "_pytest", "mypy", "ruff"),
    *("setuptools", "pip", "wheel", "IPython", "PIL", "pandas", "sympy", "onnx", "hf_xet", "readline"),
)
BUILDING = frozenset({"altgraph", "macholib", "pyinstaller", "pyinstaller-hooks-contrib", "setuptools"})  # the app
# What builds and tests Earshot: no business in an app.
DEVELOPMENT = BUILDING | {
    *("pip", "wheel", "hypothesis", "iniconfig", "pluggy", "pytest", "pytest-qt", "pytest-xdist", "import-linter"),
    *("mypy", "mypy-extensions", "ruff", "matplotlib", "scipy", "torch", "transformers"),
}
_QT_MODULES = "Core|DBus|Gui|Network|Svg|SvgWidgets|Widgets"
_QT_PLUGINS = "|".join(
    (
        r"platforms/libq(cocoa|offscreen|minimal|xcb|wayland.*)",
        r"(styles/libqmacstyle|iconengines/libqsvgicon|tls/libqsecuretransportbackend)\.",
        r"imageformats/libq(svg|jpeg|gif|ico|icns)\.",
        r"(xcbglintegrations|platformthemes|wayland-.*)/",
        r"platforminputcontexts/lib(compose|ibus)",
    )
)
_DEAD_WEIGHT = re.compile(
    "|".join(
        (
            r"\.(dll|exe|pyi|h|hpp|cu|cuh|cmake|a|la|pxd|pyx|c|cpp|qrc|prl)$",
            r"(^|/)(include|cmake|tests|typesystems|glue|metatypes|qml|libexec)/",
            r"^PySide6/Qt/translations/(?!qtbase_(en|zh_CN)\.qm$)",
            rf"^PySide6/Qt(?!({_QT_MODULES})\.)\w+\.(abi3\.so|pyd)$",
            rf"^PySide6/Qt/lib/Qt(?!({_QT_MODULES})\.framework/)\w+\.framework/",
            rf"^PySide6/Qt/plugins/(?!{_QT_PLUGINS})",
            r"^PySide6/(\w+\.app|doc|scripts|support)/",
            r"^PySide6/(lrelease|lupdate|qml\w+|svgtoqml|libpyside6qml.*)$",
            r"^onnxruntime/capi/libonnxruntime\.[\d.]+\.dylib$",  # the Python module holds all of it once more
            r"^onnxruntime/(backend|datasets|quantization|tools|transformers)/",
            r"^(setuptools|pip|PyInstaller|_pyinstaller_hooks_contrib|_distutils_hack|altgraph|macholib|mypy|hf_xet)/",
            r"\.dist-info/(direct_url\.json|INSTALLER|REQUESTED)$",  # where somebody built it, and with what
            r"(^|/)(__pycache__|share)/",
        )
    )
)
# What these say they are under, where their wheels hold no text of it: our own files, and those of the same licence.
_SUPPLIED = {
    "pyside6-essentials": ("packaging/licences/LGPL-3.0.txt", "packaging/licences/GPL-3.0.txt"),
    "shiboken6": ("packaging/licences/LGPL-3.0.txt", "packaging/licences/GPL-3.0.txt"),
    "tokenizers": ("LICENSE",),
    "flatbuffers": ("LICENSE",),
}
_IN_PACKAGE = {"onnxruntime": ("LICENSE", "ThirdPartyNotices.txt"), "soundfile": ("../_soundfile_data/COPYING",)}
_LICENCE_NAME = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)


def package_list(system: str) -> Path:
    """The pinned list of what the app is made of on one system, and what makes it."""
    return ROOT / "packaging" / "requirements" / f"run-{'macos' if system == 'darwin' else 'linux'}.txt"


def list_id(system: str) -> str:
    """What tells one state of that list from another."""
    return hashlib.sha256(package_list(system).read_bytes()).hexdigest()


def download_arguments(system: str) -> list[str]:
    """How pip is asked for the packages of one system, in the order of its command line."""
    arguments = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(package_list(system))]
    return ["--platform", WHEEL_PLATFORM, *arguments] if system == "darwin" else arguments


def belongs(path: str) -> bool:
    """Whether a file that a package brings is used by the app, or has to come along with it."""
    return path.startswith("licences/") or not _DEAD_WEIGHT.search(path)


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(folders: Iterable[Path] | None = None) -> Iterator[importlib.metadata.Distribution]:
    """The installed packages that the app is made of, in this Python or in `folders`; each once, by name."""
    places = {} if folders is None else {"path": [str(folder) for folder in folders]}
    found = importlib.metadata.distributions(**places)
    seen: dict[str, importlib.metadata.Distribution] = {}
    for each in found:
        seen.setdefault(canonical(each.metadata["Name"]), each)
    yield from (seen[name] for name in sorted(seen) if name not in DEVELOPMENT | LEFT_OUT)


def metadata_files(distribution: importlib.metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """Files that say its name, version and entry points, each with its folder in the bundle."""
    for file in distribution.files or ():
        if file.parent.suffix == ".dist-info" and file.name in ("METADATA", "entry_points.txt", "top_level.txt"):
            yield Path(str(distribution.locate_file(file))), file.parent.as_posix()


def licence_files(distribution: importlib.metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """The texts of its licences, each with its folder in the bundle."""
    name = canonical(distribution.metadata["Name"])
    folder = f"licences/{name}"
    for file in distribution.files or ():
        if ".dist-info" in file.parts[0] and _LICENCE_NAME.search("/".join(file.parts[1:])):
            below = file.parts[1:-1]
            yield Path(str(distribution.locate_file(file))), "/".join((folder, *below))
    for text in _IN_PACKAGE.get(name, ()):
        yield Path(str(distribution.locate_file(f"{name}/{text}"))).resolve(), folder
    for text in _SUPPLIED.get(name, ()):
        yield ROOT / text, folder


def own_licence_files() -> Iterator[tuple[Path, str]]:
    """Earshot's licence, and that of the Python it is built with where this is at hand."""
    yield ROOT / "LICENSE", "licences/earshot-assistant"
    python = Path(os.__file__).with_name("LICENSE.txt")
    if python.exists():
        yield python, "licences/python"


def resource_files() -> Iterator[tuple[Path, str]]:
    """Everything in resources/ that the app reads, and the manual: pictures for the README stay behind."""
    places = {ROOT / "resources": Path("resources"), ROOT / "docs" / "manual": Path("resources/manual")}
    for folder, below in places.items():
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "screenshots" not in file.parts:
                yield file, (below / file.parent.relative_to(folder)).as_posix()


def resource_list() -> str:
    """Size and name of each of them, by which the self-test sees that all are there."""
    named = ((file, f"{folder}/{file.name}".removeprefix("resources/")) for file, folder in resource_files())
    return "".join(f"{file.stat().st_size} {name}\n" for file, name in named)
