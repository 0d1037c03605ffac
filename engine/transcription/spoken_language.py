"""Tells which language a text is in: by its script, and where languages share one, by their commonest words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_SCRIPTS = {
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "THAI": "th",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "LATIN": "",
}
_ONLY_UKRAINIAN = frozenset("іїєґ")
_LOOKED_AT = 20_000  # characters: the rest says nothing new
_WORD = re.compile(r"[^\W\d_]+")

# Words that nearly every sentence has, each language's own as far as may be.
_COMMON_WORDS = {
    "de": "der die das und ist nicht ich wir sie ein eine zu mit auf den dem von für auch es wie dass sich",
    "en": "the and is of to in that it you we was for are this have not with they be what but my on",
    "es": "el la los las que de y es en un una no por con para como pero más está lo se del",
    "fr": "le la les des et est que qui dans un une pas pour vous nous je il elle avec ce sur au du c",
    "id": "yang dan di ini itu dengan untuk tidak dari saya kita ke ada akan pada bisa adalah juga anda",
    "it": "il lo gli che di e è un una non per con sono della nel mi ci si come ma anche questo",
    "nl": "de het een en is van niet dat ik we je op met voor zijn te er maar die ook aan heb",
    "pl": "i w nie na się jest że to z do jak co ale po tak od już czy ma dla są",
    "pt": "o os as que de e é um uma não para com por mais mas como está em do da no você",
    "tr": "ve bir bu da de için ne çok ben sen var ile o gibi daha ama mi olarak değil",
    "vi": "là và của có không một cho được này đã tôi người những trong với các thì bạn",
}
_LANGUAGES_OF_WORD = {
    word: [code for code, words in _COMMON_WORDS.items() if word in words.split()]
    for words in _COMMON_WORDS.values()
    for word in words.split()
}


def language_of(text: str) -> str:
    """The code of the language that most of the text is in ("zh"); "" where nothing tells it."""
    text = unicodedata.normalize("NFC", text[:_LOOKED_AT]).lower()
    letters = Counter(filter(None, map(_script, text)))
    if not letters:
        return ""
    if letters["HIRAGANA"] + letters["KATAKANA"] > letters["CJK"] / 10:
        letters["HIRAGANA"] += letters["CJK"]  # Japanese has the characters of Chinese as well
    script = letters.most_common(1)[0][0]
    if script == "CYRILLIC":
        return "uk" if _ONLY_UKRAINIAN & set(text) else "ru"
    return _SCRIPTS[script] or _by_words(text)


def _script(character: str) -> str:
    """The script of a letter, as far as a language of ours is written in it."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0]
    return name if name in _SCRIPTS else ""


def _by_words(text: str) -> str:
    """A word that several languages have counts for each of them by its share."""
    scores: dict[str, float] = dict.fromkeys(_COMMON_WORDS, 0.0)
    for word, count in Counter(_WORD.findall(text)).items():
        languages = _LANGUAGES_OF_WORD.get(word, ())
        for code in languages:
            scores[code] += count / len(languages)
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] else ""
