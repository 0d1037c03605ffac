"""English as people type it, written out in plain words: for models that read only those.

Which texts a model reads is said by the block "reads" of its config.json: {"language": "en"} asks for this module;
without it texts go to the model as they are. `readable` says whether such a model can read a text at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from engine.conversation.prompting.foreign_words import looks_foreign
from engine.conversation.prompting.numbers_in_words import amount_words, digits_one_by_one, ordinal, words, year_words
from engine.errors import RequestError

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_SIGNS = str.maketrans({
    **dict.fromkeys("‘’‚`´", "'"),
    **dict.fromkeys("“”„«»\"", " "),
    **dict.fromkeys("‐‑", "-"),
    **{"–": ", ", "—": ", ", "…": ". ", "•": ", ", "−": "-", "×": " times ", "÷": " divided by "},
    **{"ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "ł": "l", "Ł": "L", "đ": "d", "þ": "th"},
})  # fmt: skip
_SHORT = {
    **{
        "mr": "Mister",
        "mrs": "Missis",
        "ms": "Miss",
        "dr": "Doctor",
        "prof": "Professor",
        "st": "Saint",
        "vs": "versus",
    },
    **{"etc": "and so on", "approx": "approximately", "dept": "department", "no": "number", "ave": "Avenue"},
    **{"jr": "Junior", "sr": "Senior", "blvd": "Boulevard", "rd": "Road", "apt": "apartment", "tel": "telephone"},
    **{"jan": "January", "feb": "February", "aug": "August", "sept": "September", "oct": "October"},
    **{"nov": "November", "dec": "December", "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday"},
    **{"thu": "Thursday", "fri": "Friday"},
}
_UNITS = {
    **{"km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "g": "gram"},
    **{"mg": "milligram", "l": "liter", "ml": "milliliter", "mi": "mile", "ft": "foot", "lb": "pound", "lbs": "pound"},
    **{"oz": "ounce", "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "s": "second"},
    **{"sec": "second", "ms": "millisecond", "km/h": "kilometer an hour", "mph": "mile an hour", "kb": "kilobyte"},
    **{"mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "hz": "hertz", "khz": "kilohertz", "w": "watt"},
    **{"kw": "kilowatt", "v": "volt", "°c": "degree Celsius", "°f": "degree Fahrenheit", "°": "degree"},
}
_PLURALS = {"foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz"}
_COINS = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_LINK = re.compile(
    r"\b(?:https?://|www\.)\S+?(?=[.,;:!?)]*(?:\s|$))|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|dev|uk|de|eu)\b(?:/\S*?(?=[.,;:!?)]*(?:\s|$)))?",
    re.I,
)
_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_TIME = re.compile(
    r"\b(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])\.?m\b\.?|\b(\d{1,2}):(\d{2})\b|\b(\d{1,2})\s*([ap])\.?m\b\.?", re.I
)
_MONEY = re.compile(rf"([$€£])\s?({_NUMBER})(\s(?:thousand|million|billion))?")
_PHONE = re.compile(r"(?<![\w.])(?:\+?\d[\d() -]*\d{3}[- ]\d{3,4}(?:[- ]\d{2,4})?|\d{3}-\d{4})\b(?![,.]\d)")
_VERSION = re.compile(r"(?<![\w.])\d+(?:\.\d+){2,}(?![\w])")
_FRACTION = re.compile(r"(?<![\w./])([123])/([234])(?![\w./])")
_FRACTIONS = {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters"}
_RANGE = re.compile(r"(?<=\d)\s?-\s?(?=\d)")
_TIMES = re.compile(r"(?<=\d)\s?[*x]\s?(?=\d)")
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b", re.I)
_MEASURE = re.compile(
    rf"(?<![\w.])(-?)({_NUMBER})\s?({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![\w/])", re.I
)
_YEAR = re.compile(r"(?<![\w.,$-])(1[1-9]\d\d|20\d\d)(?![\w%]|[.,]\d)")
_ANY_NUMBER = re.compile(rf"(?<!\d)((?<!\w)-)?({_NUMBER})")
_ABBREVIATION = re.compile(rf"\b({'|'.join(_SHORT)})\.(?=\s|$)", re.I)
_INITIALS = re.compile(r"\b(?:[A-Za-z]\.){2,}")
_CAPITALS = re.compile(r"\b[A-Z]{2,}s?\b")
_SHORT_WORDS = frozenset((
    *("am", "an", "and", "are", "as", "at", "be", "but", "by", "do", "for", "go", "he", "if", "in", "is", "me"),
    *("my", "no", "not", "of", "on", "or", "so", "the", "to", "up", "we", "yes", "you", "all", "can", "new"),
    *("now", "out", "who", "why", "how", "has", "had", "was", "any", "one", "two", "six", "ten", "day", "big"),
    *("old", "bad", "hot", "see", "say", "get", "off", "too", "her", "his", "him", "she"),
))  # fmt: skip
_LATIN_PHRASES = ((re.compile(r"\be\.g\.,?", re.I), "for example"), (re.compile(r"\bi\.e\.,?", re.I), "that is"))


def reads_plain_english(about: Mapping[str, Any]) -> bool:
    """Whether the model says of itself that it reads only plain English words."""
    reads = about.get("reads")
    return isinstance(reads, Mapping) and reads.get("language") == "en"


def typed_for(about: Mapping[str, Any]) -> Callable[[str], str]:
    """How a typed text is written for the model: in plain English words, or as it stands."""
    return written_out if reads_plain_english(about) else str


def check_readable(text: str, name: str, about: Mapping[str, Any]) -> None:
    """Raise RequestError when the model called `name` cannot read the text: its letters, or its language."""
    if not reads_plain_english(about):
        return
    plain = _folded(text)
    foreign = "".join(letter for letter in plain if letter.isalpha() and not letter.isascii())
    if not foreign and looks_foreign(plain):
        foreign = " ".join(text.split())
    if foreign:
        raise RequestError(
            "{name} reads only English, and cannot read “{foreign}”: write it in English or choose another model.",
            name=name,
            foreign=foreign[:20],
        )


def written_out(text: str) -> str:
    """The text in words with ordinary capitals and a stop at its end; letters of other scripts and signs are left out.

    "meet ANNA at 5:30 pm, $4" → "Meet Anna at five thirty P M, four dollars."
    """
    text = _folded(text)
    text = re.sub(r"\s*\n\s*", lambda found: ". " if found.start() else "", text.strip())
    text = _calm(text)
    for pattern, phrase in _LATIN_PHRASES:
        text = pattern.sub(phrase, text)
    for pattern, said in _REPLACED:
        text = pattern.sub(said, text)
    text = _signs_in_words(text)
    text = "".join(letter if letter.isascii() else " " for letter in text)
    return _punctuated(text)


def _folded(text: str) -> str:
    """Typographic signs as plain ones, letters without their accents."""
    apart = unicodedata.normalize("NFKD", text.translate(_SIGNS))
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


def _calm(text: str) -> str:
    """What is shouted is said: all in capitals becomes small letters, with a capital where a sentence begins."""
    letters = [letter for letter in text if letter.isalpha()]
    words_of = re.findall(r"[A-Za-z]{2,}", text)
    shouted = sum(letter.isupper() for letter in letters) > 0.7 * len(letters)
    if not shouted or (len(words_of) == 1 and len(words_of[0]) <= 4):
        return text
    lower = text.lower()
    lower = re.sub(r"\bi\b(?=$|[\s'])", "I", lower)
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda found: found[1] + found[2].upper(), lower)


def _spelled(text: str) -> str:
    """Letters one by one: FBI → F B I, PCs → P C s."""
    return " ".join(letter for letter in text if letter.isalpha())


def _capitals_in_words(found: re.Match[str]) -> str:
    """Capitals within other text: NOT → not, ANNA → Anna, FBI → F B I."""
    text = found[0]
    if text in ("OK", "OKs"):
        return "okay"
    if text.lower() in _SHORT_WORDS:
        return text.lower()
    if len(text) >= 4 and text.isupper() and re.search("[AEIOUY]", text) and not re.search("[^AEIOUY]{4}", text):
        return text.capitalize()
    return _spelled(text)


def _path_in_words(text: str) -> str:
    text = re.sub(r"^https?://", "", text, flags=re.I).strip("/")
    for sign, said in (
        ("@", " at "),
        (".", " dot "),
        ("/", " slash "),
        ("-", " dash "),
        ("_", " underscore "),
        ("+", " plus "),
    ):
        text = text.replace(sign, said)
    text = re.sub(r"\bwww\b", "W W W", text, flags=re.I)
    return re.sub(r"\d+", lambda found: f" {digits_one_by_one(found[0])} ", text).replace("?", " ").replace("=", " ")


def _date_in_words(found: re.Match[str]) -> str:
    year, month, day = map(int, found.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return digits_one_by_one(found[0])
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {year_words(year)}"


def _time_in_words(found: re.Match[str]) -> str:
    hour, minute = int(found[1] or found[4] or found[6]), int(found[2] or found[5] or 0)
    half = found[3] or found[7]
    if minute:
        said = f"{words(hour)} {'oh ' if minute < 10 else ''}{words(minute)}"
    else:
        said = words(hour) if half else f"{words(hour)} o'clock"
    return said + (f" {half.upper()} M" if half else "")


def _money_in_words(found: re.Match[str]) -> str:
    coin, part = _COINS[found[1]]
    if found[3]:
        return f"{amount_words(found[2])}{found[3]} {coin}s"
    whole, _, fraction = found[2].replace(",", "").partition(".")
    cents = int(fraction[:2].ljust(2, "0")) if fraction else 0
    said = f"{amount_words(whole)} {coin}{'' if int(whole) == 1 else 's'}"
    parts = {"penny": "pence", "cent": "cents"}[part] if cents != 1 else part
    return said + (f" and {words(cents)} {parts}" if cents else "")


def _measure_in_words(found: re.Match[str]) -> str:
    sign, number, unit = found.groups()
    said = _UNITS[unit.lower()]
    one, _, rest = said.partition(" ")
    if number != "1":
        one = _PLURALS.get(one, f"{one}s")
    return f"{'minus ' if sign else ''}{amount_words(number)} {one}{f' {rest}' if rest else ''}"


def _number_in_words(found: re.Match[str]) -> str:
    before, behind = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    said = ("minus " if found[1] else "") + amount_words(found[2])
    return (" " if before.isalpha() else "") + said + (" " if behind.isalpha() else "")


_REPLACED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_ADDRESS, lambda found: _path_in_words(found[0])),
    (_LINK, lambda found: _path_in_words(found[0])),
    (_DAY, _date_in_words),
    (_TIME, _time_in_words),
    (_MONEY, _money_in_words),
    (_PHONE, lambda found: ", ".join(map(digits_one_by_one, re.findall(r"\d+", found[0])))),
    (_VERSION, lambda found: " point ".join(map(amount_words, found[0].split(".")))),
    (_FRACTION, lambda found: _FRACTIONS.get(found[0], f"{amount_words(found[1])} over {amount_words(found[2])}")),
    (_RANGE, lambda found: " to "),
    (_TIMES, lambda found: " times "),
    (_ORDINAL, lambda found: ordinal(int(found[1])) if len(found[1]) < 7 else digits_one_by_one(found[1])),
    (_MEASURE, _measure_in_words),
    (_YEAR, lambda found: year_words(int(found[1]))),
    (_ANY_NUMBER, _number_in_words),
    (_ABBREVIATION, lambda found: _SHORT[found[1].lower()]),
    (_INITIALS, lambda found: _spelled(found[0]) + ("." if found.end() == len(found.string) else "")),
    (_CAPITALS, _capitals_in_words),
)


def _signs_in_words(text: str) -> str:
    pairs = (
        *(("%", " percent "), ("&", " and "), ("+", " plus "), ("=", " equals "), ("@", " at "), ("#", " number ")),
        *(("*", " "), ("/", " slash "), ("_", " "), ("<", " less than "), (">", " more than "), ("~", " about ")),
        *(("(", ", "), (")", ", "), ("[", ", "), ("]", ", "), ("{", " "), ("}", " "), ("|", ", "), ("\\", " ")),
        *(("^", " to the power of "), ("°", " degrees "), ("€", " euros "), ("£", " pounds "), ("$", " dollars ")),
    )
    for sign, said in pairs:
        text = text.replace(sign, said)
    return re.sub(r"(?<=\s)-+(?=\s)", ", ", text)


def _punctuated(text: str) -> str:
    """One space between words, no heaps of signs, a capital first and a stop last; nothing for nothing."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([.,!?;:])", r"\1", text)
    text = re.sub(r"[,;:]*([.!?])[.,;:!?]*", r"\1", text)
    text = re.sub(r"([,;:])[,;:]+", r"\1", text).strip(" ,;:-")
    text = re.sub(r"([.,!?;:])(?=[A-Za-z])", r"\1 ", text)
    text = text.lstrip(".!? ")
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
