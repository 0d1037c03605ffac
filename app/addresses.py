"""Addresses by which other programs ask Earshot for something: `earshot://talk`, `earshot://transcribe?file=PATH` and
`earshot://say?text=WORDS`. Anybody may open one, a web page too: so they ask, and a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from app.translations import sentence
from engine.errors import RequestError

SCHEME = "earshot"
MOST_CHARACTERS = 5_000  # to be read aloud
_MOST_FILES = 100


@dataclass(frozen=True)
class Asked:
    """What an address asks for: to talk, when nothing else is given; recordings turned into text; a text read aloud."""

    files: tuple[Path, ...] = ()
    text: str = ""


def is_address(given: str) -> bool:
    """Whether this is an address and no path."""
    return given.lower().startswith(f"{SCHEME}:")


def read_address(address: str) -> Asked:
    """What it asks for. Raises RequestError for an address that asks for nothing Earshot can do."""
    try:
        parts = urlsplit(address)
        values = parse_qs(parts.query, max_num_fields=_MOST_FILES + 1, errors="strict")
        command = _COMMANDS.get((parts.netloc or parts.path).strip("/").lower())
        if is_address(address) and command is not None:
            return command(values)
    except ValueError as error:
        raise _unknown() from error
    raise _unknown()


def _unknown() -> RequestError:
    return RequestError(sentence("Another program asked Earshot for something that it does not know."))


def _talk(_values: dict[str, list[str]]) -> Asked:
    return Asked()


def _transcribe(values: dict[str, list[str]]) -> Asked:
    files = tuple(_path(each) for each in values.get("file", []))
    if not files:
        raise RequestError(sentence("Another program asked for a transcript and named no recording."))
    return Asked(files=files)


def _path(given: str) -> Path:
    parts = urlsplit(given)
    path = Path(unquote(parts.path)) if parts.scheme == "file" and parts.netloc in ("", "localhost") else Path(given)
    if not path.is_absolute() or "\0" in str(path):
        words = sentence("Another program named the recording {name} without its folder.")
        raise RequestError(words.format(name=path.name))
    return path


def _say(values: dict[str, list[str]]) -> Asked:
    text = " ".join(values.get("text", [])).strip()
    if not text:
        raise RequestError(sentence("Another program asked for a text to be read aloud and gave none."))
    if len(text) > MOST_CHARACTERS:
        words = sentence(
            "Another program asked for a text of {count} characters to be read aloud; the limit is {most}."
        )
        raise RequestError(words.format(count=len(text), most=MOST_CHARACTERS))
    return Asked(text=text)


_COMMANDS = {"talk": _talk, "transcribe": _transcribe, "say": _say}
