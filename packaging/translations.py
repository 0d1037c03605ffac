"""Compile `resources/translations/*.json` (source → translation) into the .qm files that Qt reads.

Run `python packaging/translations.py` after changing a sentence of the interface or its translation. A value that is a
list holds the plural forms: English has two, Chinese one. Where one word has two meanings, "Context/word" goes before
"word" in that context.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "resources" / "translations"
CALLS = {"tr": 0, "_tr": 0, "translate": 1, "QT_TRANSLATE_NOOP": 1, "sentence": 0}
CONTEXTS = {"_tr": "Menus", "sentence": "Sentences"}  # of the plain functions in app/


def sentences() -> set[tuple[str, str]]:
    """Every (context, sentence) given to tr() and its kin in app/; the context is the class around it."""
    found = {("Engine", template) for template in templates()}
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= set(_in(tree, ""))
    return found


def templates() -> set[str]:
    """What the engine makes its sentences of, apart from those of the command line."""
    return {text for _, text in engine_sentences() if text}


def engine_sentences() -> Iterator[tuple[str, str | None]]:
    """Each place where the engine makes a sentence, as "file:line", and its template; None for what is no literal."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "engine").rglob("*.py"))}
    kinds = _kinds_of_sentences(trees.values())
    for path, tree in trees.items():
        if "commands" in path.parts or path.name == "errors.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds:
                given = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
                yield f"{path.name}:{node.lineno}", given if isinstance(given, str) else None


def _kinds_of_sentences(trees: Iterable[ast.AST]) -> set[str]:
    """The names of `Sentence`, `SentenceError` and all that are derived from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds, known = {"Sentence", "SentenceError"}, 0
    while len(kinds) > known:
        known = len(kinds)
        kinds |= {each.name for each in classes if {getattr(base, "id", "") for base in each.bases} & kinds}
    return kinds


def _in(node: ast.AST, context: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.ClassDef) else context
        if isinstance(child, ast.Call):
            yield from _of_call(child, context)
        yield from _in(child, inside)


def _of_call(call: ast.Call, context: str) -> Iterator[tuple[str, str]]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    place = CALLS.get(name)
    if place is None or len(call.args) <= place or not isinstance(call.args[place], ast.Constant):
        return
    given = call.args[0] if place else None
    named = given.value if isinstance(given, ast.Constant) else CONTEXTS.get(name, context)
    yield str(named), str(call.args[place].value)  # type: ignore[attr-defined]


def words_of(language: str) -> dict[str, str | list[str]]:
    """One language's JSON file."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def word_for(words: dict[str, str | list[str]], context: str, text: str) -> str | list[str] | None:
    """The translation of a sentence in its context; None where there is none."""
    return words.get(f"{context}/{text}", words.get(text))


def compile_language(language: str, lrelease: Path) -> None:
    """Write the .qm file of one language."""
    words, everything = words_of(language), sentences()
    root = ElementTree.Element("TS", version="2.1", language=language)
    for context in sorted({context for context, _ in everything}):
        block = ElementTree.SubElement(root, "context")
        ElementTree.SubElement(block, "name").text = context
        for source in sorted(text for named, text in everything if named == context):
            if (translated := word_for(words, context, source)) is not None:
                _add_message(block, source, translated)
    with tempfile.TemporaryDirectory() as folder:
        ts = Path(folder) / f"{language}.ts"
        ElementTree.ElementTree(root).write(ts, encoding="utf-8", xml_declaration=True)
        target = FOLDER / f"{language}.qm"
        subprocess.run([str(lrelease), "-silent", str(ts), "-qm", str(target)], check=True)


def _add_message(block: ElementTree.Element, source: str, words: str | list[str]) -> None:
    forms = words if isinstance(words, list) else None
    message = ElementTree.SubElement(block, "message", {"numerus": "yes"} if forms else {})
    ElementTree.SubElement(message, "source").text = source
    translation = ElementTree.SubElement(message, "translation")
    if forms is None:
        translation.text = str(words)
    for form in forms or []:
        ElementTree.SubElement(translation, "numerusform").text = form


def main() -> int:
    """Compile every language."""
    import PySide6

    lrelease = Path(PySide6.__file__).parent / ("lrelease.exe" if sys.platform == "win32" else "lrelease")
    for path in sorted(FOLDER.glob("*.json")):
        compile_language(path.stem, lrelease)
    return 0


if __name__ == "__main__":
    sys.exit(main())
