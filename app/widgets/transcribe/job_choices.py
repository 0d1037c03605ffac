"""The menus that say how a recording is transcribed: its language, a translation, speaker labels, and the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shown.transcribe import JobChoices
from app.widgets.controls.choice_button import ChoiceButton
from app.widgets.controls.flow_layout import FlowLayout

_CODES = (
    "ar",
    "de",
    "en",
    "es",
    "fr",
    "hi",
    "id",
    "it",
    "ja",
    "ko",
    "nl",
    "pl",
    "pt",
    "ru",
    "th",
    "tr",
    "uk",
    "vi",
    "zh",
)
_MOST_SPEAKERS = 8


def language_name(code: str) -> str:
    """What a language is called in the window's language; the code itself where it is not known."""
    names = {
        "ar": QCoreApplication.translate("Languages", "Arabic"),
        "de": QCoreApplication.translate("Languages", "German"),
        "en": QCoreApplication.translate("Languages", "English"),
        "es": QCoreApplication.translate("Languages", "Spanish"),
        "fr": QCoreApplication.translate("Languages", "French"),
        "hi": QCoreApplication.translate("Languages", "Hindi"),
        "id": QCoreApplication.translate("Languages", "Indonesian"),
        "it": QCoreApplication.translate("Languages", "Italian"),
        "ja": QCoreApplication.translate("Languages", "Japanese"),
        "ko": QCoreApplication.translate("Languages", "Korean"),
        "nl": QCoreApplication.translate("Languages", "Dutch"),
        "pl": QCoreApplication.translate("Languages", "Polish"),
        "pt": QCoreApplication.translate("Languages", "Portuguese"),
        "ru": QCoreApplication.translate("Languages", "Russian"),
        "th": QCoreApplication.translate("Languages", "Thai"),
        "tr": QCoreApplication.translate("Languages", "Turkish"),
        "uk": QCoreApplication.translate("Languages", "Ukrainian"),
        "vi": QCoreApplication.translate("Languages", "Vietnamese"),
        "zh": QCoreApplication.translate("Languages", "Chinese"),
    }
    return names.get(code, code)


class JobChoicesRow(QWidget):
    """Four menus in a line; `changed` says what is chosen now."""

    changed = Signal(JobChoices)

    def __init__(self, *, outlined: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._choices = JobChoices()
        self.language = ChoiceButton(self.tr("Language"), outlined=outlined)
        self.translation = ChoiceButton(self.tr("Translation"), outlined=outlined)
        self.speakers = ChoiceButton(self.tr("Speaker labels"), outlined=outlined)
        self.model = ChoiceButton(self.tr("Model"), outlined=outlined)
        flow = FlowLayout(self, 8)
        for button, field in (
            (self.language, "language"),
            (self.translation, "translate_to"),
            (self.speakers, "speakers"),
            (self.model, "model"),
        ):
            button.picked.connect(lambda value, name=field: self._on_picked(name, value))
            flow.addWidget(button)

    def show_choices(self, choices: JobChoices, models: Sequence[tuple[str, str]]) -> None:
        """Show what is chosen; `models` are folders and names, the one in use with "" first."""
        self._choices = choices
        codes = sorted(_CODES, key=language_name)
        any_language: list[tuple[object, str]] = [("", self.tr("Any language"))]
        self.language.show_choices([*any_language, *((code, language_name(code)) for code in codes)], choices.language)
        into = [(code, self.tr("Translate to {language}").format(language=language_name(code))) for code in codes]
        self.translation.show_choices([("", self.tr("No translation")), *into], choices.translate_to)
        counts = [(count, self.tr("%n speaker(s)", "", count)) for count in range(2, _MOST_SPEAKERS + 1)]
        labels: list[tuple[object, str]] = [(None, self.tr("No speaker labels")), (0, self.tr("Speaker labels"))]
        self.speakers.show_choices([*labels, *counts], choices.speakers)
        known = list(models)
        if choices.model not in dict(known):
            known.append((choices.model, choices.model.rpartition("/")[2]))
        self.model.show_choices(known, choices.model)

    def _on_picked(self, field: str, value: object) -> None:
        self._choices = replace(self._choices, **{field: value})  # type: ignore[arg-type]
        self.changed.emit(self._choices)
