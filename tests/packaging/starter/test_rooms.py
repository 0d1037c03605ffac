"""The starter's rooms: which may import which, that README maps all of them, and that a module runs as a program."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from starter.training.programs import ROOT, STARTER, Place, Programs

ROOMS = ("texts", "speech", "networks", "training", "checks")
MODULES = sorted(path for path in STARTER.rglob("*.py") if path.name != "__init__.py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[str]:
    """What a module imports of the starter, from its room on: `texts`, `texts.dialogues` …"""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.removeprefix("starter.") for name in names if name.startswith("starter."))


def test_every_module_is_in_a_room() -> None:
    assert {path.parent for path in MODULES} == {STARTER / room for room in ROOMS}


def test_a_room_imports_from_no_later_one() -> None:
    for path in MODULES:
        later = ROOMS[ROOMS.index(path.parent.name) + 1 :]
        assert not [name for name in imported(path) if name.partition(".")[0] in later], path


def test_what_it_needs_is_installed_with_earshot_or_for_its_training() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["training"]]
    needed = {re.match(r"[\w-]+", one)[0].lower().replace("-", "_") for one in wanted}  # type: ignore[index]
    needed |= {"starter", "engine", "pyside6"}  # the last is called PySide6-Essentials there
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            packages = {name.partition(".")[0].lower() for name in names}
            assert packages <= needed | sys.stdlib_module_names, path


def test_the_readme_maps_every_module_in_its_room() -> None:
    files = re.findall(r"^\| (?:`(\w+)/` )?\| [^|]* \| (.*) \|$", (STARTER / "README.md").read_text(), re.MULTILINE)
    mapped: dict[str, set[str]] = {}
    place = ""
    for room, names in files:
        place = room or place
        mapped.setdefault(place, set()).update(re.findall(r"`(\w+)`", names))
    for path in MODULES:
        assert path.stem in mapped[path.parent.name], path


def test_a_module_runs_as_a_program_without_a_path_of_its_own(tmp_path: Path) -> None:
    programs = Programs(Place(tmp_path), gpus=1)
    assert programs.run("training.go_on", ("--help",))
    assert "--natural" in (tmp_path / "logs" / "training.go_on.log").read_text()
    assert not programs.run("training.nothing_of_that_name", ())
