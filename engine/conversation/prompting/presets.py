"""Presets: who the assistant is and how it answers, as data files in resources/presets/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import RequestError
from engine.events import Thinking
from engine.regular_files import read_regular
from engine.resources import resource

_LARGEST_FILE = 1_000_000
LANGUAGE_NAMES = {
    "en": {"en": "English", "zh": "Chinese", "ja": "Japanese", "es": "Spanish", "fr": "French", "de": "German"},
    "zh": {"en": "英语", "zh": "中文", "ja": "日语", "es": "西班牙语", "fr": "法语", "de": "德语"},
}


@dataclass(frozen=True)
class Preset:
    """One preset. Texts come in English ("en") and Chinese ("zh").

    `remember_turns` is how many turns before the present one the model is shown (None: all that fit);
    `own_voice` answers in the voice of the person who spoke; `languages` are the two of an interpreter; `voice` is the
    name of who speaks, or empty.
    """

    id: str
    names: Mapping[str, str]
    abouts: Mapping[str, str]
    personas: Mapping[str, str]
    spoken_answer: bool = True
    thinking: Thinking = Thinking.OFF
    tools: tuple[str, ...] = ()
    remember_turns: int | None = None
    own_voice: bool = False
    languages: tuple[str, str] | None = None
    voice: str = ""

    def name(self, language: str = "en") -> str:
        """What the preset is called."""
        return self.names.get(language, self.names["en"])

    def about(self, language: str = "en") -> str:
        """One line on what it does."""
        return self.abouts.get(language, self.abouts["en"])

    def persona(self, language: str = "en", languages: tuple[str, str] | None = None) -> str:
        """The system prompt; `languages` are codes such as ("en", "zh") for an interpreter."""
        written = language if language in self.personas else "en"
        pair = languages or self.languages or ("en", "zh")
        names = LANGUAGE_NAMES[written]
        return self.personas[written].format(first=names.get(pair[0], pair[0]), second=names.get(pair[1], pair[1]))


def presets(folder: Path | None = None) -> list[Preset]:
    """All presets in their order. Raises RequestError naming a file that cannot be used."""
    found = []
    for file in sorted((folder or resource("presets")).glob("*.json")):
        try:
            data = json.loads(read_regular(file, _LARGEST_FILE).decode())
            found.append((float(data.get("order", 99)), file.name, preset_of(data)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise RequestError(
                "The preset {file} cannot be used ({reason}). Correct or remove it.", file=file, reason=error
            ) from error
    return [preset for _, _, preset in sorted(found, key=lambda entry: entry[:2])]


def offered(about: Mapping[str, Any], folder: Path | None = None) -> list[Preset]:
    """The presets that a model can do: all but those that its folder's list "presets_not_offered" names."""
    named = about.get("presets_not_offered")
    without = named if isinstance(named, Sequence) and not isinstance(named, str) else ()
    return [preset for preset in presets(folder) if preset.id not in without]


def preset(id: str, about: Mapping[str, Any] | None = None) -> Preset:
    """The preset called `id`, among those that a model can do. Raises RequestError naming those there are."""
    known = presets() if about is None else offered(about)
    for each in known:
        if each.id == id:
            return each
    raise RequestError(
        "There is no preset {id}. Choose one of: {known}.", id=id, known=", ".join(each.id for each in known)
    )


def preset_of(data: Mapping[str, Any]) -> Preset:
    """A preset from its file's contents. Raises ValueError, KeyError, TypeError, AttributeError or IndexError."""
    settings = dict(data.get("settings", {}))
    languages = settings.pop("languages", None)
    if languages is not None:
        first, second = languages
        languages = (str(first), str(second))
    preset = Preset(
        str(data["id"]),
        _texts(data["name"]),
        _texts(data["about"]),
        _texts(data["persona"]),
        thinking=Thinking(settings.pop("thinking", "off")),
        tools=tuple(_text(tool) for tool in settings.pop("tools", ())),
        languages=languages,
        **settings,
    )
    remembered = preset.remember_turns
    if not isinstance(preset.spoken_answer, bool) or not isinstance(preset.own_voice, bool):
        raise ValueError("spoken_answer and own_voice are true or false")
    if remembered is not None and (type(remembered) is not int or remembered < 0):
        raise ValueError("remember_turns is a number of turns")
    _text(preset.voice)
    for language in preset.personas:
        preset.persona(language)
    return preset


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    texts = {language: _text(text) for language, text in data.items() if language in LANGUAGE_NAMES}
    if "en" not in texts:
        raise ValueError("an English text is missing")
    return texts


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is none")
    return value
