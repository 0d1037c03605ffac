"""A calculator with exact rational arithmetic. Nothing is run as code: Python's parser gives a tree, of which sums,
products, powers, known names and functions are worked out here and all else is refused.

Sums, products, powers and percentages are exact. Roots, logarithms and angles are computed with 80 digits. Every
intermediate result is bounded, so no expression takes more than a few milliseconds.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from engine.conversation.replying.tools.notation import Notation, too_large, translate
from engine.conversation.replying.tools.registry import ToolError

_MOST_DEPTH = 50
_MOST_BITS = 4000  # of a numerator or denominator: about 1200 digits
_MOST_DECIMALS = 1000  # before or after the point of what is not exact
_DIGITS_SHOWN, _DIGITS_KEPT = 12, 80
_NOTHING = Fraction(1, 10**30)  # what a sine less than this is
_LARGEST_ANGLE = 10**30


def calculator(expression: str) -> str:
    """Work out an arithmetic expression exactly.

    expression: for example (3 + 4) * 12 / 5, 15% of 80, sqrt(2), 2^10
    """
    return show(calculate(expression))


def calculate(expression: str) -> Fraction:
    """The value of an expression. Raises ToolError with a sentence for anything that is not one, or is too large."""
    notation = translate(expression)
    try:
        tree = ast.parse(notation.python, mode="eval")
    except (SyntaxError, ValueError):
        raise notation.complaint from None
    except (MemoryError, RecursionError):
        raise ToolError("The expression is nested too deeply.") from None
    return _Evaluation(notation).value(tree.body, 0)


def show(value: Fraction) -> str:
    """A number as a person writes it: exact if that is short, else with 12 significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = Context(prec=_DIGITS_SHOWN).divide(Decimal(value.numerator), Decimal(value.denominator))
    if rounded == 0 or -8 < rounded.adjusted() < 16:
        text = f"{rounded:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{rounded.normalize():e}"


class _Evaluation:
    """Works out the tree of one expression."""

    def __init__(self, notation: Notation) -> None:
        self._notation = notation

    def value(self, node: ast.expr, depth: int) -> Fraction:
        """What a part of the tree comes to, `depth` levels below the whole."""
        if depth > _MOST_DEPTH:
            raise ToolError("The expression is nested too deeply.")
        match node:
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                value = self.value(operand, depth + 1)
                return -value if isinstance(node.op, ast.USub) else value
            case ast.BinOp(op=ast.Pow()):
                return _checked(_power(self.value(node.left, depth + 1), self.value(node.right, depth + 1)))
            case ast.BinOp():
                return self._chain(node, depth)
            case ast.Attribute(value=operand, attr=sign) if sign in _SIGNS_BEHIND:
                return _checked(_SIGNS_BEHIND[sign](self.value(operand, depth + 1)))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._called(name, [self.value(arg, depth + 1) for arg in args])
        raise self._notation.complaint

    def _chain(self, node: ast.expr, depth: int) -> Fraction:
        """A sum or a product of any number of terms, which the tree nests to the left."""
        terms: list[tuple[ast.operator, ast.expr]] = []
        while isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
            terms.append((node.op, node.right))
            node = node.left
        value = self.value(node, depth + 1)
        for sign, right in reversed(terms):
            if type(sign) not in _OPERATORS:
                raise self._notation.complaint
            other = self.value(right, depth + 1)
            if not other and isinstance(sign, ast.Div | ast.FloorDiv | ast.Mod):
                raise _by_zero()
            value = _checked(Fraction(_OPERATORS[type(sign)](value, other)))
        return value

    def _named(self, name: str) -> Fraction:
        if name in self._notation.numbers:
            return _checked(self._notation.numbers[name])
        word = self._notation.word(name)
        if word in ("pi", "e"):
            return _constant(word)
        raise ToolError("I do not know “{part}” in an expression.", part=word[:20])

    def _called(self, name: str, values: list[Fraction]) -> Fraction:
        word = self._notation.word(name)
        if word not in FUNCTIONS:
            raise ToolError("I do not know “{part}” in an expression.", part=word[:20])
        fewest, most, function = FUNCTIONS[word]
        if not fewest <= len(values) <= most:
            raise ToolError("The function {name} does not take {count} numbers.", name=word, count=len(values))
        return _checked(function(*values))


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _by_zero() -> ToolError:
    return ToolError("I cannot divide by zero.")


def _checked(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise too_large()
    return value


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise ToolError("A factorial needs a whole number that is not negative.")
    if value > 450:
        raise too_large()
    return Fraction(math.factorial(int(value)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise _by_zero()
    if exponent.denominator != 1:
        return _root_power(base, exponent)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * (bits - 1) > _MOST_BITS:
        raise too_large()
    if bits <= 1:  # 0, 1 or -1: only the exponent's parity matters, however large it is
        exponent = Fraction(2 if exponent and exponent.numerator % 2 == 0 else exponent.numerator and 1)
    return base ** int(exponent)


def _root_power(base: Fraction, exponent: Fraction) -> Fraction:
    if base < 0:
        raise ToolError("A root of a negative number is not a real number.")
    if exponent == Fraction(1, 2):
        return _sqrt(base)
    return Fraction(0) if base == 0 else _real("power", base, exponent)


def _sqrt(value: Fraction) -> Fraction:
    if value < 0:
        raise ToolError("A root of a negative number is not a real number.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return _real("sqrt", value)


def _cbrt(value: Fraction) -> Fraction:
    return -_real("cbrt", -value) if value < 0 else _real("cbrt", value)


def _exp(value: Fraction) -> Fraction:
    if value > _MOST_BITS:
        raise too_large()
    return _real("exp", max(value, Fraction(-_MOST_BITS)))


def _logarithm(value: Fraction, base: Fraction = Fraction(10)) -> Fraction:
    if value <= 0 or base <= 0 or base == 1:
        raise ToolError("A logarithm needs a positive number.")
    return _real("log", value, base)


def _natural_logarithm(value: Fraction) -> Fraction:
    if value <= 0:
        raise ToolError("A logarithm needs a positive number.")
    return _real("log", value)


def _sine(angle: Fraction, function: str = "sin") -> Fraction:
    if abs(angle) > _LARGEST_ANGLE:
        raise ToolError("The angle is too large.")
    value = _real(function, angle)
    return value if abs(value) > _NOTHING else Fraction(0)


def _cosine(angle: Fraction) -> Fraction:
    return _sine(angle, "cos")


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


def _modulo(value: Fraction, by: Fraction) -> Fraction:
    if not by:
        raise _by_zero()
    return value % by


@cache
def _reals() -> Any:
    """mpmath's numbers of 80 digits, a context of their own."""
    import mpmath  # takes a while

    context = mpmath.mp.clone()
    context.dps = _DIGITS_KEPT
    return context


@cache
def _constant(name: str) -> Fraction:
    return _rational(getattr(_reals(), name) * 1)


def _real(function: str, *values: Fraction) -> Fraction:
    """A function of mpmath, with 80 digits. Raises ToolError for what is too large to write down."""
    numbers = [_reals().mpf(value.numerator) / value.denominator for value in values]
    made = getattr(_reals(), function)(*numbers)
    if made and abs(_reals().mag(made)) > _MOST_DECIMALS * math.log2(10):
        raise too_large()
    return _rational(made)


def _rational(value: Any) -> Fraction:
    """An mpmath number of 80 digits as the fraction it is, in no more digits."""
    return Fraction(_reals().nstr(value, _DIGITS_KEPT))


_SIGNS_BEHIND: dict[str, Callable[[Fraction], Fraction]] = {
    "percent": lambda value: value / 100,
    "factorial": _factorial,
    "degrees": lambda value: value * _constant("pi") / 180,
}
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Fraction]]] = {
    "sqrt": (1, 1, _sqrt),
    "cbrt": (1, 1, _cbrt),
    "abs": (1, 1, abs),
    "floor": (1, 1, lambda value: Fraction(math.floor(value))),
    "ceil": (1, 1, lambda value: Fraction(math.ceil(value))),
    "round": (1, 2, _round),
    "min": (1, 50, min),
    "max": (1, 50, max),
    "mod": (2, 2, _modulo),
    "exp": (1, 1, _exp),
    "ln": (1, 1, _natural_logarithm),
    "log": (1, 2, _logarithm),
    "sin": (1, 1, _sine),
    "cos": (1, 1, _cosine),
    "tan": (1, 1, _tangent),
}
