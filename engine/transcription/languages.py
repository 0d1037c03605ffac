"""The languages that can be named on the command line and in the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.errors import RequestError

# ISO 639-1 codes and the English names that prompts use.
LANGUAGES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def language_code(name: str) -> str:
    """The code ("zh") of a code or English name in any form ("zh-CN", "Chinese"). Raises RequestError for others."""
    wanted = name.strip().lower()
    for code, english in LANGUAGES.items():
        if wanted == english.lower() or wanted.replace("_", "-").split("-")[0] == code:
            return code
    raise RequestError(
        "Earshot does not know the language {name!r}: choose one of {known}.", name=name, known=", ".join(LANGUAGES)
    )


def english_name(code: str) -> str:
    """What English calls a language; the code itself where it is not known."""
    return LANGUAGES.get(code, code)


def check_known(model: str, known: Sequence[str], languages: Iterable[str]) -> None:
    """Raise RequestError for a language that a model does not know; `known` is empty where it knows any."""
    for language in filter(None, languages):
        if known and language not in known:
            raise RequestError(
                "{model} knows only {known}, not {language}: choose another model with --model.",
                model=model,
                known=", ".join(map(english_name, known)),
                language=english_name(language),
            )
