"""The interface's languages: English in the code, others in `resources/translations/*.json`."""

from __future__ import annotations

import json
import logging

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

from app.qt import override
from engine.resources import resource

log = logging.getLogger(__name__)

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


class Translations(QTranslator):
    """One language, read from a JSON file of source → translation.

    A value may be a list: its first entry is for one thing (%n = 1), its last for any other number.
    """

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.code = language
        text = resource("translations", f"{language}.json").read_text(encoding="utf-8")
        self._words: dict[str, str | list[str]] = json.loads(text)

    @override
    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        found = self._words.get(source)
        if isinstance(found, list):
            return found[0] if n == 1 else found[-1]
        return found

    @override
    def isEmpty(self) -> bool:
        return not self._words


def chosen_language(wanted: str) -> str:
    """The language to show: the one wanted, or for "" (follow the system) the best match for the system's."""
    if wanted in LANGUAGES:
        return wanted
    for name in QLocale.system().uiLanguages():
        if name.replace("_", "-").startswith("zh"):
            return "zh_CN"
        if name.startswith("en"):
            return "en"
    return "en"


def install(application: QCoreApplication, wanted: str = "") -> str:
    """Translate the interface from now on; returns the language taken. Call before the first widget is built."""
    language = chosen_language(wanted)
    own = Translations(language, application)
    application.installTranslator(own)
    qt = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if language != "en":
        if qt.load(f"qtbase_{language}", folder):
            application.installTranslator(qt)
        else:
            log.warning("Qt's own words are not available in %s", language)
    QLocale.setDefault(QLocale(language))
    return language
