"""Every sentence of the interface exists in every language, compiled, with its placeholders."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QApplication

from app import translations
from app.translations import LANGUAGES, told
from engine.checkpoints.hub import PassingError
from engine.errors import CheckpointError, EngineError, SoundError
from engine.resources import resource

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"\{\w+[^}]*\}|%n")
TRANSLATED = [language for language in LANGUAGES if language != "en"]


@pytest.fixture(scope="module")
def compiler() -> ModuleType:
    """packaging/translations.py; packaging is not a package."""
    spec = importlib.util.spec_from_file_location("translations_compiler", ROOT / "packaging" / "translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loaded(language: str) -> QTranslator:
    translator = QTranslator()
    assert translator.load(language, str(resource("translations")))
    return translator


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_no_translation_is_left_over(compiler: ModuleType, language: str) -> None:
    sentences = compiler.sentences()
    known = {text for _, text in sentences} | {f"{context}/{text}" for context, text in sentences}
    words = compiler.words_of(language)
    assert [text for context, text in sentences if compiler.word_for(words, context, text) is None] == []
    assert set(words) - known == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_qt_reads_is_compiled_from_the_newest_translations(compiler: ModuleType, language: str) -> None:
    words, translator = compiler.words_of(language), loaded(language)
    for context, text in compiler.sentences():
        expected = compiler.word_for(words, context, text)
        found = translator.translate(context, text, "", 3 if isinstance(expected, list) else -1)
        assert found == (expected[-1] if isinstance(expected, list) else expected), (context, text)


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_placeholders(compiler: ModuleType, language: str) -> None:
    for source, translated in compiler.words_of(language).items():
        for each in translated if isinstance(translated, list) else [translated]:
            assert each.strip(), source
            assert sorted(PLACEHOLDER.findall(each)) == sorted(PLACEHOLDER.findall(source)), source


def test_sentences_are_literals_so_that_they_can_be_translated() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "tr":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"


NOT_SHOWN = {
    "tr",
    "_tr",
    "translate",
    "QT_TRANSLATE_NOOP",
    "sentence",
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "critical",
    "log",
}
PROSE = re.compile(r"[A-Za-z]+ [a-z]{2,} [a-z]{2,}")
# Without a window, or for whoever helps.
IN_ENGLISH = {"conversations_cli.py", "terminal.py", "command_line.py", "self_test", "main.py", "diagnostics.py"}


def unmarked(node: ast.AST) -> Iterator[ast.Constant]:
    """Texts of several words that are neither docstrings, nor logged, nor given to tr() and its kin."""
    for child in ast.iter_child_nodes(node):
        called = getattr(child, "func", None)
        if getattr(called, "attr", getattr(called, "id", "")) in NOT_SHOWN or isinstance(child, ast.Assert):
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Constant) and PROSE.search(str(child.value)):
            yield child
        yield from unmarked(child)


def test_every_sentence_of_the_engine_is_a_literal_with_named_places(compiler: ModuleType) -> None:
    found = dict(compiler.engine_sentences())
    assert len(found) > 150  # else the walk itself is broken
    for place, template in found.items():
        assert template is not None, (
            f'{place}: write EngineError("… {{name}} …", name=name), so that it can be translated'
        )


def test_an_error_of_the_engine_is_told_in_the_language_of_the_window_without_paths(qapp: QApplication) -> None:
    reason = PassingError("{host} answered {status} {phrase}", host="hub", status=503, phrase="Busy")
    stopped = CheckpointError(
        "The download of {name} stopped ({reason}). Check the connection and start it again; "
        "it goes on where it stopped.",
        name="Step",
        reason=reason.sentence,
    )
    missing = SoundError(
        "{path} cannot be read ({reason}): copy it again.", path=Path("/a/b.wav"), reason="Is a directory"
    )
    assert str(missing) == "/a/b.wav cannot be read (Is a directory): copy it again."
    assert told(missing) == "b.wav cannot be read (is a directory): copy it again."
    translator = loaded("zh_CN")
    qapp.installTranslator(translator)
    try:
        assert told(missing) == "无法读取 b.wav（这是一个文件夹）：请重新复制。"
        assert told(stopped) == "Step 的下载中断了（hub 返回 503 Busy）。请检查网络连接后重新开始，会从中断处继续。"
        assert told(EngineError("plain {text}")) == "plain {text}"
    finally:
        qapp.removeTranslator(translator)


def test_every_error_of_the_engine_keeps_its_words_when_an_error_is_made_of_it_again() -> None:
    first = SoundError("{path} is empty.", path=Path("/a/b.wav"))
    assert told(SoundError(first.sentence)) == "b.wav is empty."


def test_no_error_of_the_engine_is_shown_in_the_window_by_its_english_words() -> None:
    """`str(error)` of an EngineError is English, with full paths: the window says `told(error)`."""
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for kind in ("EngineError", "StorageError", "SoundError", "CheckpointError", "VoiceError"):
            for handler in re.findall(rf"except {kind} as error:\n((?:        .*\n)+)", text):
                assert "str(error)" not in handler, path


def test_every_sentence_of_the_window_is_marked_for_translation() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        if not IN_ENGLISH & {path.name, path.parent.name}:
            for text in unmarked(ast.parse(path.read_text(encoding="utf-8"))):
                pytest.fail(f"{path.name}:{text.lineno} shows English only: {text.value!r}")


def test_english_counts_one_turn_and_several_turns() -> None:
    english = loaded("en")
    assert english.translate("ConversationListModel", "%n turn(s)", "", 1) == "%n turn"
    assert english.translate("ConversationListModel", "%n turn(s)", "", 2) == "%n turns"


def test_speakers_who_talk_are_no_loudspeakers() -> None:
    translator = loaded("zh_CN")
    assert translator.translate("SideColumn", "Speakers") == "说话人"
    assert translator.translate("SoundPage", "Speakers") == "扬声器"


def test_a_chosen_language_wins_over_the_system() -> None:
    assert translations.chosen_language("zh_CN") == "zh_CN"
    assert translations.chosen_language("en") == "en"
    assert translations.chosen_language("xx") in LANGUAGES
