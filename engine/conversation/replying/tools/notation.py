"""People's way of writing sums as Python's: `15% of 80`, `3²`, `√2`, `10!`, `30°`, `5 × 7`, `square root of 81`.

Numbers and words become names, so that Python's parser sees no number, no string and no word of its own. A sign behind
a number becomes an attribute, which binds as tightly.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction

from engine.conversation.replying.tools.registry import ToolError

_MOST_CHARACTERS = 1000
_LARGEST_EXPONENT = 1000
_PART = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|([a-z]+)|(\*\*|//|\S))", re.ASCII)
_FULL_WIDTH = {chr(ord(sign) + 0xFEE0): sign for sign in "+-*/().,=%!^"}
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "²": "^2", "³": "^3", "π": "pi", "√": " sqrt "}
    | _FULL_WIDTH
)
_PHRASES = {
    "divided by": "/",
    "multiplied by": "*",
    "to the power of": "^",
    "square root of": "sqrt",
    "plus": "+",
    "minus": "-",
    "times": "*",
    "over": "/",
    "of": "*",
    "x": "*",
}
_PHRASE = re.compile(rf"(?<![a-z])(?:{'|'.join(_PHRASES)})(?![a-z])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)
_BEHIND = {"!": ".factorial", "°": ".degrees", "%": ".percent"}
_BETWEEN = {"+": "+", "-": "-", "*": "*", "/": "/", "//": "//", "%": "%", "mod": "%", "^": "**", "**": "**"}
_CONSTANTS = ("pi", "e")


@dataclass
class Notation:
    """An expression in Python's notation, and what its names stand for."""

    python: str = ""
    numbers: dict[str, Fraction] = field(default_factory=dict)
    _open: int = 0  # functions without brackets whose number is still to come

    @staticmethod
    def word(name: str) -> str:
        """The word that a name of `python` stands for."""
        return name.removeprefix("word_")

    @property
    def complaint(self) -> ToolError:
        """What Python's parser has against it."""
        if self.python.count("(") > self.python.count(")"):
            return ToolError("A bracket is not closed.")
        return ToolError("I cannot read the expression: write it with numbers, + - * / ^ and brackets.")

    def add(self, python: str) -> None:
        """Put down one more part."""
        self.python += python

    def add_number(self, part: str) -> None:
        """Put down a number."""
        name = f"number_{len(self.numbers)}"
        self.numbers[name] = _literal(part)
        self.add(name + " ")

    def open_function(self, word: str) -> None:
        """Put down a function that is written without brackets."""
        self.add(f"word_{word}(")
        self._open += 1

    def close_functions(self) -> None:
        """Functions without brackets take the number that was put down last, with the signs behind it."""
        self.add(")" * self._open)
        self._open = 0


def translate(expression: str) -> Notation:
    """An expression as Python writes it. Raises ToolError for one that is empty, too long or has unknown signs."""
    if len(expression) > _MOST_CHARACTERS:
        raise ToolError("The expression is longer than {most} characters.", most=_MOST_CHARACTERS)
    parts = _parts(expression)
    made = Notation()
    for place in range(len(parts)):
        _translate_part(made, parts, place)
    return made


def _translate_part(made: Notation, parts: list[str], place: int) -> None:
    part, following = parts[place], parts[place + 1] if place + 1 < len(parts) else ""
    if _is_behind(parts, place):
        made.add(_BEHIND[part] + " ")
    elif part in ("(", ")", ","):
        made.add(part)
        return
    elif part in _BETWEEN and not (part == "mod" and not _ends_operand(parts, place - 1)):
        made.add(_BETWEEN[part] + " ")
        return
    elif _is_number(part):
        made.add_number(part)
    elif not (part.isascii() and part.isalpha()):
        raise ToolError("I do not know “{part}” in an expression.", part=part[:20])
    elif part not in _CONSTANTS and following != "(" and _is_operand(following):
        made.open_function(part)
        return
    else:
        made.add(f"word_{part} ")
        if following == "(":
            return
    if not _is_behind(parts, place + 1):
        made.close_functions()


def _parts(expression: str) -> list[str]:
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in expression.translate(_SIGNS))
    text = _THOUSANDS.sub("", plain.lower().strip().rstrip("=?").rstrip())
    text = _PHRASE.sub(lambda match: f" {_PHRASES[match[0]]} ", text)
    parts = [next(filter(None, match.groups())) for match in _PART.finditer(text)]
    if not parts:
        raise ToolError("There is no expression to work out.")
    return parts


def _is_number(part: str) -> bool:
    return part[:1].isdecimal() or (part[:1] == "." and len(part) > 1)


def _is_operand(part: str) -> bool:
    """Whether a number begins here."""
    return part == "(" or _is_number(part) or (part[:1].isalpha() and part != "mod")


def _ends_operand(parts: list[str], place: int) -> bool:
    """Whether a number ends here."""
    if place < 0:
        return False
    return parts[place] == ")" or _is_number(parts[place]) or parts[place] in _CONSTANTS or _is_behind(parts, place)


def _is_behind(parts: list[str], place: int) -> bool:
    """Whether a sign behind a number stands here: % means hundredths unless another number follows."""
    if place >= len(parts) or parts[place] not in _BEHIND:
        return False
    return parts[place] != "%" or place + 1 == len(parts) or not _is_operand(parts[place + 1])


def too_large() -> ToolError:
    """What is said of a number with too many digits."""
    return ToolError("The number is too large to write down.")


def _literal(part: str) -> Fraction:
    exponent = part.partition("e")[2]
    if len(exponent) > 5 or abs(int(exponent or "0")) > _LARGEST_EXPONENT:
        raise too_large()
    return Fraction(part)
