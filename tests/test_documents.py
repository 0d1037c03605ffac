"""Every link in the documents leads somewhere, and every file that they name is there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from app.widgets.manual.pages import anchor

ROOT = Path(__file__).parents[1]
FOLDERS = (".", "docs", "docs/manual/en", "docs/manual/zh", "packaging", "packaging/starter", "packaging/requirements")
DOCUMENTS = sorted(
    {path for folder in FOLDERS for path in (ROOT / folder).glob("*.md")} | set((ROOT / "resources").rglob("*.md"))
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_NAMED_FILE = re.compile(r"`((?:app|docs|engine|packaging|resources|tests)/[\w./-]*\w)`")


def text_of(document: Path) -> str:
    return _FENCED.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> Iterator[str]:
    """The name of each heading; one that comes twice gets a number from the second time on, as on code hosts."""
    seen: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE):
        name = anchor(re.sub(r"[`*]", "", heading))
        yield f"{name}-{seen[name]}" if name in seen else name
        seen[name] = seen.get(name, 0) + 1


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(name: str) -> None:
    document = ROOT / name
    for link in _LINK.findall(text_of(document)):
        parts = urlsplit(link)
        if parts.scheme:  # whether somebody's page is still there is not asked of the network
            assert parts.scheme == "https", link
            assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), link
            continue
        target = (document.parent / unquote(parts.path)).resolve() if parts.path else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if parts.fragment:
            assert unquote(parts.fragment) in set(anchors(target)), link


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_is_there(name: str) -> None:
    for path in _NAMED_FILE.findall(text_of(ROOT / name)):
        found = (ROOT / path, ROOT / f"{path}.py")  # a module may be named without its ending
        assert any(each.exists() for each in found), path


def test_each_of_the_ten_questions_has_its_answer_behind_a_link() -> None:
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    questions = re.findall(r"^(\d+)\. \*\*.+\?\*\* (.+)$", text, re.MULTILINE)
    assert [int(number) for number, _ in questions] == list(range(1, 11))
    assert all(_LINK.search(answer) for _, answer in questions)


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, next_ones = set[Path](), [ROOT / "README.md"]
    while next_ones:
        document = next_ones.pop()
        reached.add(document)
        text = text_of(document)
        linked = [document.parent / link.partition("#")[0] for link in _LINK.findall(text) if ".md" in link]
        named = [ROOT / name for name in _NAMED_FILE.findall(text) if name.endswith(".md")]
        found = {path.resolve() for path in (*linked, *named)}
        next_ones += sorted(path for path in found - reached - set(next_ones) if path.is_file())
    assert {path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")} <= reached


@pytest.mark.parametrize(("name", "package"), [("app", "app"), ("engine", "engine"), ("widgets", "app.widgets")])
def test_the_directions_of_imports_are_told_as_they_are_held(name: str, package: str) -> None:
    """In docs/architecture.md as in the contracts of import-linter, from top to bottom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (held,) = [each["layers"] for each in contracts if each.get("containers") == [package]]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.search(rf"^    {name} +((?:.+\n)(?: {{13}}.+\n)*)", text, re.MULTILINE)
    assert told is not None
    assert " ".join(told.group(1).split()) == " > ".join(re.sub(r"[()]", "", layer) for layer in held)


def test_docstrings_cite_documents_that_are_here() -> None:
    """The facts of the network stand in docs/model.md, not in a paper that only its author has."""
    for path in (path for package in ("app", "engine", "tests") for path in (ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert path == Path(__file__) or not re.search(r"\bSPEC\b", text), path.name
        for cited in re.findall(r"docs/[\w/-]+\.md", text):
            assert (ROOT / cited).exists(), f"{path.name}: {cited}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_manual_calls_by_name_is_called_so_in_the_window(language: str) -> None:
    """Italics are names of menus, pages, buttons and choices; those of the system and of presets are listed here."""
    words = json.loads((ROOT / "resources" / "translations" / "zh_CN.json").read_text(encoding="utf-8"))
    known = set(words) if language == "en" else {word for word in words.values() if isinstance(word, str)}
    known |= {word.rstrip("…") for word in known}
    for preset in (ROOT / "resources" / "presets").glob("*.json"):
        known.add(json.loads(preset.read_text(encoding="utf-8"))["name"][language])
    found = 0
    for page in (ROOT / "docs" / "manual" / language).glob("*.md"):
        for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text_of(page).replace("\n", " ")):
            parts = name.split(" → ")
            if parts[0] not in ("System Settings", "系统设置"):
                found += 1
                assert not [part for part in parts if part not in known], f"{page.name}: {name}"
    assert found > 25
