"""The interface's languages: English in the code, others in `resources/translations`."""

from __future__ import annotations

import logging

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from engine.resources import resource

log = logging.getLogger(__name__)

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
