"""The interface's languages: English in the code, others in `resources/translations`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QLibraryInfo, QLocale, QTranslator

from engine.errors import Sentence, SentenceError
from engine.resources import resource

log = logging.getLogger(__name__)

ENGINE = "Engine"  # the context of its sentences in the translations
REASONS = (  # of the operating system's, as they stand in sentences
    QT_TRANSLATE_NOOP("Engine", "no such file or directory"),
    QT_TRANSLATE_NOOP("Engine", "permission denied"),
    QT_TRANSLATE_NOOP("Engine", "operation not permitted"),
    QT_TRANSLATE_NOOP("Engine", "no space left on device"),
    QT_TRANSLATE_NOOP("Engine", "read-only file system"),
    QT_TRANSLATE_NOOP("Engine", "input/output error"),
    QT_TRANSLATE_NOOP("Engine", "too many open files"),
    QT_TRANSLATE_NOOP("Engine", "is a directory"),
    QT_TRANSLATE_NOOP("Engine", "not a directory"),
)
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


def chosen_language(wanted: str) -> str:
    """The language to show: the one wanted, or for "" (follow the system) the best match for the system's."""
    if wanted in LANGUAGES:
        return wanted
    for name in QLocale.system().uiLanguages():
        if name.startswith("zh"):
            return "zh_CN"
        if name.startswith("en"):
            return "en"
    return "en"


def sentence(text: str) -> str:
    """A sentence of the app's own in the interface's language, from any thread; `text` has to be a literal."""
    return QCoreApplication.translate("Sentences", text)


def told(problem: BaseException | str) -> str:
    """A sentence of the engine's in the interface's language, from any thread. Files are told by their names alone."""
    words = problem.sentence if isinstance(problem, SentenceError) else problem
    if not isinstance(words, Sentence):
        return str(words)
    template = QCoreApplication.translate(ENGINE, words.template)
    if not words.arguments:
        return template
    return template.format(**{name: _told_argument(value) for name, value in words.arguments.items()})


def _told_argument(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name or str(value)
    if isinstance(value, (Sentence, SentenceError)):
        return told(value)
    if isinstance(value, OSError):
        value = value.strerror or str(value)
    if not isinstance(value, str):
        return value
    return QCoreApplication.translate(ENGINE, value.lower() if value.lower() in REASONS else value)


def install(application: QCoreApplication, wanted: str = "") -> str:
    """Translate the interface from now on; returns the language taken. Call before the first widget is built."""
    language = chosen_language(wanted)
    qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    own_folder = str(resource("translations"))
    for name, folder in ((f"qtbase_{language}", qt_folder), (language, own_folder)):
        translator = QTranslator(application)
        if translator.load(name, folder):
            application.installTranslator(translator)
        elif language != "en":
            log.warning("%s.qm is missing in %s", name, folder)
    QLocale.setDefault(QLocale(language))
    return language
