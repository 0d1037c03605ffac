"""Sums of two numbers and the steps one thinks: each step is small enough for a very small model.

Numbers are taken apart by their digits, products that are not in the times table too, and a quotient is counted up
from a product everyone knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from starter.texts.spoken_numbers import words

SAID = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
TABLE = 12  # the times table is known so far
_ROUND = 100
_LARGEST = 1000


@dataclass(frozen=True)
class Sum:
    """Two numbers and what is done with them."""

    a: int
    op: str
    b: int

    @property
    def value(self) -> int:
        """The result; for a division the whole part."""
        return {"+": self.a + self.b, "-": self.a - self.b, "*": self.a * self.b}.get(self.op, self.a // max(self.b, 1))

    @property
    def exact(self) -> bool:
        """Whether the result is a whole number."""
        return self.op != "/" or (self.b != 0 and self.a % self.b == 0)

    @property
    def easy(self) -> bool:
        """Whether it is worked out without the calculator even if there is one: up to a hundred, or the times table."""
        if self.op in "+-":
            return max(abs(self.a), self.b) <= _ROUND
        if self.op == "*":
            return max(self.a, self.b) <= TABLE
        return self.b == 0

    @property
    def written(self) -> str:
        """12 * 7."""
        return f"{self.a} {self.op} {self.b}"

    @property
    def said(self) -> str:
        """twelve times seven."""
        return f"{words(self.a)} {SAID[self.op]} {words(self.b)}"


def steps(s: Sum) -> str | None:
    """What one thinks to get there; None when it is too large for the head. A division by zero has no steps either."""
    if s.op in "+-":
        return _added(s) if max(abs(s.a), s.b) <= _LARGEST else None
    if s.op == "*":
        return _multiplied(s)
    return _divided(s) if s.b else None


def halved(n: int) -> str:
    """Half of an even number: half of each of its digits."""
    if n <= TABLE or len(_parts(n)) == 1:
        return f"{n} / 2 = {n // 2}"
    thought, half = [], 0
    for part in _parts(n):
        thought.append(f"{part} / 2 = {part // 2}")
        if half:
            thought.append(chain(half, "+", part // 2))
        half += part // 2
    return ". ".join(thought)


def chain(a: int, op: str, b: int) -> str:
    """Add or take away digit by digit: 47 + 38 = 47 + 30 + 8 = 77 + 8 = 85."""
    parts = _parts(b)
    thought = [f"{a} {op} {b}"]
    while parts:
        if len(parts) > 1 or len(thought) > 1:
            thought.append(f" {op} ".join(map(str, (a, *parts))))
        a = a + parts[0] if op == "+" else a - parts[0]
        parts = parts[1:]
    return " = ".join([*thought, str(a)])


def _parts(n: int) -> list[int]:
    """285 → 200, 80, 5."""
    text = str(n)
    return [int(digit) * 10 ** (len(text) - place) for place, digit in enumerate(text, 1) if digit != "0"]


def _added(s: Sum) -> str:
    if s.a >= 0 and (s.op == "+" or s.a >= s.b):
        return chain(s.a, s.op, s.b)
    if s.op == "+" and s.b >= -s.a:
        return f"{s.written} = {chain(s.b, '-', -s.a)}"
    if s.a < 0 and s.op == "-":
        large, op, small = -s.a, "+", s.b
    else:
        small, large = sorted((abs(s.a), s.b))
        op = "-"
    return f"{s.written} = -({large} {op} {small}). {chain(large, op, small)}. {s.written} = {s.value}"


def _multiplied(s: Sum) -> str | None:
    """The larger factor is written first, so that every product is one thing to know."""
    large, small = max(s.a, s.b), min(s.a, s.b)
    asked = s.written if s.a >= s.b else f"{s.written} = {large} * {small}"
    is_round = large <= _ROUND and (small == 10 or (large % 10 == 0 and small < 10))
    if large <= TABLE or small <= 1 or is_round:
        return f"{asked} = {s.value}"
    if large >= _ROUND or small > 9:
        return None
    tens, ones = large // 10 * 10, large % 10
    return f"{asked} = {tens} * {small} + {ones} * {small} = {chain(tens * small, '+', ones * small)}"


def _divided(s: Sum) -> str | None:
    if s.b == 1 or s.a == 0:
        return f"{s.written} = {s.value}"
    if s.b <= TABLE and s.value < TABLE + s.exact and s.value:
        return f"{s.written}. {_counted_up(s.a, s.b)}"
    if not s.exact or s.b > 9 or s.value >= _ROUND:
        return None
    tens, ones = s.value // 10 * 10, s.value % 10
    product = f"{s.written}. {s.b} * {tens} = {s.b * tens}"
    if not ones:
        return f"{product}. {s.written} = {tens}"
    rest = chain(s.a, "-", s.b * tens)
    return f"{product}. {rest}. {_counted_up(ones * s.b, s.b)}. {tens} + {ones} = {s.value}. {s.written} = {s.value}"


def _counted_up(a: int, b: int) -> str:
    """A quotient: multiples from ten, five or one times `b` on, until `a` is reached."""
    factor = next(f for f in (10, 5, 1) if a >= f * b)
    thought = [f"{b} * {factor} = {b * factor}"]
    while b * factor < a:
        factor += 1
        thought.append(f"{b} * {factor} = {b * factor}")
    if b * factor == a:
        return ". ".join([*thought, f"{a} / {b} = {factor}"])
    whole, rest = divmod(a, b)
    return ". ".join([*thought, chain(a, "-", whole * b), f"{a} / {b} = {whole} remainder {rest}"])
