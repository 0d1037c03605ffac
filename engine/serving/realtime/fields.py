"""Fields of what a client sends, with the path by which an error names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.serving import bodies
from engine.serving.problems import ProblemError

LONGEST_ID = 512


class Fields:
    """An object of a client's event; `path` is where it stands in the event, such as "session.audio"."""

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self._value, self._path = value, path

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def raw(self, name: str) -> Any:
        """The field as it came; None where there is none."""
        return self._value.get(name)

    def path(self, name: str) -> str:
        """How an error names the field."""
        return f"{self._path}.{name}" if self._path else name

    def inside(self, name: str) -> Fields:
        """The object in a field; an empty one where there is none, or null."""
        found = self._value.get(name)
        if found is None:
            return Fields({}, self.path(name))
        if not isinstance(found, dict):
            raise self.wrong(name, "must be an object")
        return Fields(found, self.path(name))

    def objects(self, name: str, most: int) -> list[Fields]:
        """The objects of a list; none where there is no list."""
        found = self._value.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or len(found) > most or not all(isinstance(each, dict) for each in found):
            raise self.wrong(name, f"must be a list of at most {most} objects")
        return [Fields(each, f"{self.path(name)}[{number}]") for number, each in enumerate(found)]

    def require(self, name: str) -> None:
        """Raise ProblemError where the field is missing, or null."""
        if self._value.get(name) is None:
            code = "missing_required_parameter"
            raise ProblemError(400, f"{self.path(name)} is missing.", param=self.path(name), code=code)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; it must be there where there is no default."""
        if default is None:
            self.require(name)
        text = bodies.text_of(self._renamed(name), self.path(name), default)
        if "\x00" in text:
            raise self.wrong(name, "holds a zero byte")
        return text

    def id(self, name: str, default: str | None = None) -> str:
        """A text that names something, which is not long."""
        found = self.text(name, default)
        if len(found) > LONGEST_ID:
            raise self.wrong(name, f"is longer than {LONGEST_ID} characters")
        return found

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """A number from `least` to `most`."""
        return bodies.number_of(self._renamed(name), self.path(name), default, least, most)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        return bodies.flag_of(self._renamed(name), self.path(name), default)

    def one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        """One of some texts."""
        return bodies.one_of(self._renamed(name), self.path(name), known, default)

    def wrong(self, name: str, what: str) -> ProblemError:
        """What to raise for a field that cannot be used."""
        return ProblemError(400, f"{self.path(name)} {what}.", param=self.path(name), code="invalid_value")

    def _renamed(self, name: str) -> dict[str, Any]:
        return {self.path(name): self._value.get(name)}
