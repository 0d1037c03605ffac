"""Every sentence of the interface exists in every language, compiled, with its placeholders."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QTranslator

from app import translations
from app.translations import LANGUAGES
from engine.resources import resource

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"\{\w+\}|%n")
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
    assert set(compiler.words_of(language)) == {text for _, text in compiler.sentences()}


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_qt_reads_is_compiled_from_the_newest_translations(compiler: ModuleType, language: str) -> None:
    words, translator = compiler.words_of(language), loaded(language)
    for context, text in compiler.sentences():
        expected = words[text]
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


def test_english_counts_one_turn_and_several_turns() -> None:
    english = loaded("en")
    assert english.translate("ConversationListModel", "%n turn(s)", "", 1) == "%n turn"
    assert english.translate("ConversationListModel", "%n turn(s)", "", 2) == "%n turns"


def test_a_chosen_language_wins_over_the_system() -> None:
    assert translations.chosen_language("zh_CN") == "zh_CN"
    assert translations.chosen_language("en") == "en"
    assert translations.chosen_language("xx") in LANGUAGES
