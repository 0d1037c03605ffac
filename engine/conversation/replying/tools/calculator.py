"""A calculator with its own parser and exact rational arithmetic; nothing is evaluated as code.

Sums, products, powers and percentages are exact. Roots, logarithms and angles are computed with 40 digits. Every
intermediate result is bounded, so no expression takes more than a few milliseconds.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException
from fractions import Fraction

from engine.conversation.replying.tools.registry import ToolError

_MOST_CHARACTERS = 1000
_MOST_DEPTH = 50
_MOST_BITS = 4000  # of a numerator or denominator: about 1200 digits
_DIGITS_SHOWN = 12
_DECIMAL = Context(prec=45, Emax=5000, Emin=-5000)
_PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
_TOO_LARGE = "The number is too large to write down."

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z]+)|(\*\*|//|.))", re.ASCII)
_FULL_WIDTH = {chr(ord(sign) + 0xFEE0): sign for sign in "+-*/().,=%!^"}
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "²": "^2", "³": "^3", "π": "pi"} | _FULL_WIDTH
)
_WORDS = {"plus": "+", "minus": "-", "times": "*", "x": "*", "over": "/", "mod": "mod", "of": "*"}
_PHRASES = (("divided by", "/"), ("multiplied by", "*"), ("to the power of", "^"), ("square root of", "sqrt"))
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)


def calculator(expression: str) -> str:
    """Work out an arithmetic expression exactly.

    expression: for example (3 + 4) * 12 / 5, 15% of 80, sqrt(2), 2^10
    """
    return show(calculate(expression))


def calculate(expression: str) -> Fraction:
    """The value of an expression. Raises ToolError with a sentence for anything that is not one, or is too large."""
    if len(expression) > _MOST_CHARACTERS:
        raise ToolError(f"The expression is longer than {_MOST_CHARACTERS} characters.")
    parser = _Parser(_tokens(expression))
    return parser.whole()


def show(value: Fraction) -> str:
    """A number as a person writes it: exact if that is short, else with 12 significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = Context(prec=_DIGITS_SHOWN).divide(Decimal(value.numerator), Decimal(value.denominator))
    if rounded == 0 or -8 < rounded.adjusted() < 16:
        text = f"{rounded:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{rounded.normalize():e}"


def _tokens(expression: str) -> list[str]:
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in expression.translate(_SIGNS))
    text = _THOUSANDS.sub("", plain.lower().strip().rstrip("=?").rstrip())
    for phrase, sign in _PHRASES:
        text = text.replace(phrase, f" {sign} ")
    tokens = []
    place = 0
    while match := _TOKEN.match(text, place):
        number, word, sign = match.groups()
        tokens.append(number or _WORDS.get(word, word) or sign)
        place = match.end()
    if not tokens:
        raise ToolError("There is no expression to work out.")
    return tokens


class _Parser:
    """Recursive descent over the tokens: sum, product, sign, power, postfix, atom."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Fraction:
        value = self._sum()
        if self._next:
            raise ToolError(f"I cannot read the expression at “{self._next[:20]}”.")
        return value

    @property
    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, *signs: str) -> str:
        if self._next and self._next in signs:
            self._place += 1
            return self._tokens[self._place - 1]
        return ""

    def _sum(self) -> Fraction:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = _checked(value + other if sign == "+" else value - other)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while sign := self._take("*", "/", "//", "mod", "%"):
            other = self._signed()
            if sign == "*":
                value = _checked(value * other)
                continue
            if other == 0:
                raise ToolError("I cannot divide by zero.")
            value = _checked({"/": value / other, "//": Fraction(value // other)}.get(sign, value % other))
        return value

    def _signed(self) -> Fraction:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Fraction:
        base = self._postfix()
        if not self._take("^", "**"):
            return base
        self._deeper()
        exponent = self._signed()
        self._depth -= 1
        return _checked(_power(base, exponent))

    def _postfix(self) -> Fraction:
        value = self._atom()
        while True:
            if self._next == "%" and self._percent_ends():
                self._place += 1
                value /= 100
            elif self._take("!"):
                value = _factorial(value)
            elif self._take("°"):
                value = value * _PI / 180
            else:
                return value

    def _percent_ends(self) -> bool:
        """Whether % means hundredths: no operand follows it."""
        after = self._tokens[self._place + 1] if self._place + 1 < len(self._tokens) else ""
        return not (after[:1].isalnum() and after != "mod") and after not in ("(", "√")

    def _atom(self) -> Fraction:
        token = self._next
        self._place += 1
        if token[:1].isdecimal() or (token[:1] == "." and len(token) > 1):
            return _literal(token)
        if token == "(":
            return self._bracket()
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token in _FUNCTIONS or token == "√":
            return self._function("sqrt" if token == "√" else token)
        if not token:
            raise ToolError("The expression ends too early.")
        raise ToolError(f"I do not know “{token[:20]}” in an expression.")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ToolError("The expression is nested too deeply.")

    def _bracket(self) -> Fraction:
        self._deeper()
        value = self._sum()
        self._depth -= 1
        if not self._take(")"):
            raise ToolError("A bracket is not closed.")
        return value

    def _function(self, name: str) -> Fraction:
        self._deeper()
        if self._take("("):
            values = [self._sum()]
            while self._take(","):
                values.append(self._sum())
            if not self._take(")"):
                raise ToolError("A bracket is not closed.")
        else:
            values = [self._postfix()]
        self._depth -= 1
        fewest, most, function = _FUNCTIONS[name]
        if not fewest <= len(values) <= most:
            raise ToolError(f"The function {name} does not take {len(values)} numbers.")
        return _checked(function(*values))


def _checked(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise ToolError(_TOO_LARGE)
    return value


def _literal(token: str) -> Fraction:
    exponent = token.lower().partition("e")[2]
    if len(exponent) > 5 or abs(int(exponent or "0")) > 1000:
        raise ToolError(_TOO_LARGE)
    return _checked(Fraction(token))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise ToolError("A factorial needs a whole number that is not negative.")
    if value > 450:
        raise ToolError(_TOO_LARGE)
    return Fraction(math.factorial(int(value)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise ToolError("I cannot divide by zero.")
    if exponent.denominator != 1:
        return _root_power(base, exponent)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * (bits - 1) > _MOST_BITS:
        raise ToolError(_TOO_LARGE)
    if bits <= 1:  # 0, 1 or -1: only the exponent's parity matters, however large it is
        exponent = Fraction(2 if exponent and exponent.numerator % 2 == 0 else exponent.numerator and 1)
    return base ** int(exponent)


def _root_power(base: Fraction, exponent: Fraction) -> Fraction:
    if base < 0:
        raise ToolError("A root of a negative number is not a real number.")
    if exponent == Fraction(1, 2):
        return _sqrt(base)
    return _with_decimals(lambda: _DECIMAL.power(_decimal(base), _decimal(exponent)))


def _sqrt(value: Fraction) -> Fraction:
    if value < 0:
        raise ToolError("A root of a negative number is not a real number.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return _with_decimals(lambda: _DECIMAL.sqrt(_decimal(value)))


def _decimal(value: Fraction) -> Decimal:
    return _DECIMAL.divide(Decimal(value.numerator), Decimal(value.denominator))


def _with_decimals(work: Callable[[], Decimal]) -> Fraction:
    try:
        value = work()
    except DecimalException:
        raise ToolError(_TOO_LARGE) from None
    if value and (not value.is_finite() or abs(value.adjusted()) > 1000):
        raise ToolError(_TOO_LARGE)
    return Fraction(value)


def _logarithm(value: Fraction, base: Fraction | None = None) -> Fraction:
    if value <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise ToolError("A logarithm needs a positive number.")
    if base is None:
        return _with_decimals(lambda: _DECIMAL.log10(_decimal(value)))
    return _with_decimals(lambda: _DECIMAL.divide(_DECIMAL.ln(_decimal(value)), _DECIMAL.ln(_decimal(base))))


def _natural_logarithm(value: Fraction) -> Fraction:
    if value <= 0:
        raise ToolError("A logarithm needs a positive number.")
    return _with_decimals(lambda: _DECIMAL.ln(_decimal(value)))


def _sine(angle: Fraction) -> Fraction:
    """Taylor series around 0 of the angle reduced to ±π."""
    if abs(angle) > 10**30:
        raise ToolError("The angle is too large.")
    turns = round(angle / (2 * _PI))
    x = _decimal(angle - turns * 2 * _PI)
    negative_square = _DECIMAL.minus(_DECIMAL.multiply(x, x))
    term, total, n = x, x, 1
    while term and abs(term) > Decimal("1e-44"):
        term = _DECIMAL.divide(_DECIMAL.multiply(term, negative_square), Decimal((n + 1) * (n + 2)))
        total, n = _DECIMAL.add(total, term), n + 2
    return Fraction(0) if abs(total) < Decimal("1e-30") else Fraction(total)


def _cosine(angle: Fraction) -> Fraction:
    return _sine(angle + _PI / 2)


def _tangent(angle: Fraction) -> Fraction:
    if not (bottom := _cosine(angle)):
        raise ToolError("The tangent of that angle does not exist.")
    return _sine(angle) / bottom


def _round(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    if digits.denominator != 1 or abs(digits) > 100:
        raise ToolError("I can round to between 0 and 100 digits.")
    scale = Fraction(10) ** int(digits)
    doubled = abs(value) * scale * 2
    return (1 if value >= 0 else -1) * Fraction(int(doubled) + 1 >> 1) / scale  # halves go away from zero


_CONSTANTS = {"pi": _PI, "e": Fraction("2.71828182845904523536028747135266249775724709369995957496697")}
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Fraction]]] = {
    "sqrt": (1, 1, _sqrt),
    "cbrt": (1, 1, lambda value: -_power(-value, Fraction(1, 3)) if value < 0 else _power(value, Fraction(1, 3))),
    "abs": (1, 1, abs),
    "floor": (1, 1, lambda value: Fraction(math.floor(value))),
    "ceil": (1, 1, lambda value: Fraction(math.ceil(value))),
    "round": (1, 2, _round),
    "min": (1, 50, min),
    "max": (1, 50, max),
    "mod": (2, 2, lambda value, by: value % by if by else _no_zero()),
    "exp": (1, 1, lambda value: _with_decimals(lambda: _DECIMAL.exp(_decimal(value)))),
    "ln": (1, 1, _natural_logarithm),
    "log": (1, 2, _logarithm),
    "sin": (1, 1, _sine),
    "cos": (1, 1, _cosine),
    "tan": (1, 1, _tangent),
}


def _no_zero() -> Fraction:
    raise ToolError("I cannot divide by zero.")
