"""What people type to be read aloud, written out in words as the engine does it before the model reads.

Single words, letters, addresses, prices, times, telephone numbers, abbreviations, capitals, texts without a stop: the
mouth learns to say them and the ear to hear them.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from engine.conversation.prompting.plain_english import written_out
from starter.texts.everyday_sentences import everyday_sentence
from starter.texts.open_sentences import texts
from starter.texts.word_list import any_word
from starter.texts.word_list import words as listed

_FRAMES = (
    *("{word}", "{word}", "{noun}", "{two}", "{three}", "{common}", "{common}", "{name}"),
    *("{mail}", "write to {mail}", "My address is {mail}", "Send it to {mail} please", "see {site} for more"),
    *("{site}", "call {phone}", "Call me at {phone}", "{phone}", "it costs {price}", "{price} for {count} {noun}"),
    *("{price}", "{time}", "at {time}", "meet me at {time}", "from {time} to {time}", "{count}", "{share}% off"),
    *("{count} times {count} is {count}", "{count} {noun} in {year}", "the {rank} of {month}", "it is {signed} °C"),
    *("{month} {day}, {year}", "{everyday}"),
    *("Room {count}{letter}", "{amount} of {noun}", "add {amount} of {noun}", "version {count}.{digit}.{digit}"),
    *("{title} {name} is here", "{title} {name}", "{noun}, {noun}, etc.", "e.g. a {noun}", "the {initials}"),
    *("{initials}", "{initials} and {initials}", "{letters}", "it is spelled {letters}", "{everyday}", "{everyday}"),
)  # fmt: skip
_COMMON = (
    *("yes", "no", "okay", "hello", "hi", "thanks", "thank you", "please", "stop", "help", "goodbye", "good morning"),
    *("good night", "good evening", "sorry", "maybe", "of course", "why", "what", "where", "when", "who", "how"),
    *("never", "always", "now", "later", "right", "left", "wait", "really", "great", "welcome", "cheers", "not yet"),
    *("I see",),
)  # fmt: skip
_ENDS = ("com", "org", "net", "edu", "co.uk", "de", "io")
_HOSTS = ("example", "mail", "post", "gmail", "web", "home", "work", "news")
_UNITS = ("km", "m", "cm", "kg", "g", "ml", "l", "min", "h", "mph", "lb", "oz", "MB", "GB")
_TITLES = ("Dr.", "Mr.", "Mrs.", "Ms.", "Prof.")
_CASES: tuple[Callable[[str], str], ...] = (str, str, str, str.lower, str.upper, str.capitalize)
_MONTHS = ("Jan.", "February", "March", "April", "May", "June", "July", "Aug.", "September", "Oct.", "Nov.", "Dec.")


def typed_text(chance: random.Random) -> str:
    """A text as somebody may type it, for training."""
    frame = chance.choice(_FRAMES)
    made, *pieces = frame.split("{")
    for piece in pieces:
        name, _, after = piece.partition("}")
        made += _SLOTS[name](chance) + after
    written = (str,) if "{initials}" in frame or "{letters}" in frame else _CASES
    return chance.choice(written)(made) + chance.choice(("", "", ".", "!"))


def said_text(chance: random.Random) -> str:
    """The same as it is read: in words, with a stop."""
    while True:
        made = written_out(typed_text(chance))
        if any(letter.isalpha() for letter in made):
            return made


def _name(chance: random.Random) -> str:
    return chance.choice(listed().names)


def _user(chance: random.Random) -> str:
    first, last = _name(chance).lower(), any_word(chance).lower()
    number = chance.randrange(1, 100)
    return chance.choice((f"{first}.{last}", first, f"{first}{number}", f"{first}_{last}", f"{first[0]}.{last}", last))


def _host(chance: random.Random) -> str:
    word = chance.choice(_HOSTS) if chance.random() < 0.6 else any_word(chance).lower()
    middle = f"{chance.choice(_HOSTS)}." if chance.random() < 0.15 else ""
    return f"{middle}{word}.{chance.choice(_ENDS)}"


def _site(chance: random.Random) -> str:
    path = f"/{any_word(chance).lower()}" if chance.random() < 0.4 else ""
    return f"{chance.choice(('www.', 'www.', '', 'https://'))}{_host(chance)}{path}"


def _phone(chance: random.Random) -> str:
    line = f"555-{chance.randrange(10_000):04}"
    return line if chance.random() < 0.5 else f"{chance.randrange(201, 999)}-{line}"


def _time(chance: random.Random) -> str:
    half = chance.choice((" pm", " am", "pm", "am", ""))
    if half and chance.random() < 0.4:
        return f"{chance.randint(1, 12)}{half}"
    return f"{chance.randint(1, 12)}:{chance.randrange(0, 60, chance.choice((1, 5, 15, 30))):02}{half}"


def _price(chance: random.Random) -> str:
    whole = chance.randint(1, chance.choice((10, 100, 1000)))
    return f"{chance.choice('$$$€£')}{whole}" + (f".{chance.randrange(100):02}" if chance.random() < 0.5 else "")


def _rank(chance: random.Random) -> str:
    day = chance.randint(1, 31)
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _letters(chance: random.Random) -> str:
    return " ".join(chance.choices(string.ascii_uppercase, k=chance.randint(1, 6)))


_SLOTS: dict[str, Callable[[random.Random], str]] = {
    "word": any_word,
    "noun": lambda c: c.choice(texts().nouns),
    "two": lambda c: f"{any_word(c)} {any_word(c)}",
    "three": lambda c: f"{any_word(c)} {any_word(c)} {any_word(c)}",
    "common": lambda c: c.choice(_COMMON),
    "name": _name,
    "mail": lambda c: f"{_user(c)}@{_host(c)}",
    "site": _site,
    "phone": _phone,
    "price": _price,
    "time": _time,
    "count": lambda c: str(c.randint(0, c.choice((12, 100, 1000, 10_000)))),
    "digit": lambda c: str(c.randrange(10)),
    "year": lambda c: str(c.randint(1500, 2030)),
    "rank": _rank,
    "month": lambda c: c.choice(_MONTHS),
    "day": lambda c: str(c.randint(1, 31)),
    "signed": lambda c: str(c.randint(-30, 45)),
    "share": lambda c: str(c.randint(1, 100)),
    "letter": lambda c: c.choice("abcde"),
    "amount": lambda c: f"{c.randint(1, c.choice((9, 99, 500)))}{c.choice((' ', ''))}{c.choice(_UNITS)}",
    "title": lambda c: c.choice(_TITLES),
    "initials": lambda c: "".join(c.choices(string.ascii_uppercase, k=c.randint(2, 4))),
    "letters": _letters,
    "everyday": lambda c: everyday_sentence(c).rstrip(".?!"),
}
