"""Checks the arguments of a tool call against the tool's JSON schema, and repairs what is only written differently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import SentenceError


class ArgumentError(SentenceError):
    """The arguments do not fit the tool; the model reads the sentence."""


def checked(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the tool's function takes them. Numbers written as text are read; nulls count as not given.

    Raises ArgumentError naming the argument that is missing, unknown or of the wrong kind. Schemas with constructs
    that are not known here (from MCP servers) let the value pass: the server checks it.
    """
    properties = schema.get("properties") or {}
    given = {name: value for name, value in arguments.items() if value is not None}
    if schema.get("additionalProperties") is False:
        for name in given:
            if name not in properties:
                expected = ", ".join(properties) or "none"
                raise ArgumentError(
                    "There is no argument {name}. The arguments are: {expected}.", name=name[:100], expected=expected
                )
    for name in schema.get("required") or ():
        if name not in given:
            raise ArgumentError("The argument {name} is missing.", name=name)
    return {name: _value(name, value, properties.get(name, {})) for name, value in given.items()}


def _value(name: str, value: Any, schema: Any) -> Any:
    if not isinstance(schema, Mapping):  # `true`, or one schema for each place of a list
        return value
    kind = schema.get("type")
    if kind == "string":
        value = _text(name, value)
    elif kind in ("integer", "number"):
        value = _number(name, value, whole=kind == "integer")
    elif kind == "boolean":
        value = _truth(name, value)
    elif kind == "array":
        if not isinstance(value, list):
            raise ArgumentError("The argument {name} must be a list.", name=name)
        value = [_value(name, item, schema.get("items", {})) for item in value]
    if (choices := schema.get("enum")) is not None and value not in choices:
        raise ArgumentError(
            "The argument {name} must be one of: {choices}.", name=name, choices=", ".join(map(str, choices))
        )
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise ArgumentError("The argument {name} must be text.", name=name)
    return str(value)


def _number(name: str, value: Any, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or len(str(value)[:400]) > 300:
        raise _no_number(name, whole)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _no_number(name, whole) from None
    if not math.isfinite(number) or (whole and number != int(number)):
        raise _no_number(name, whole)
    return _exact(value, number) if whole else number


def _no_number(name: str, whole: bool) -> ArgumentError:
    if whole:
        return ArgumentError("The argument {name} must be a whole number.", name=name)
    return ArgumentError("The argument {name} must be a number.", name=name)


def _exact(value: int | float | str, number: float) -> int:
    """A whole number with all its digits, of which a float, `number`, keeps sixteen."""
    try:
        return int(number) if isinstance(value, float) else int(value)
    except ValueError:  # whole, but written with a point or an exponent
        return int(number)


def _truth(name: str, value: Any) -> bool:
    written = str(value).lower()
    if written not in ("true", "false"):
        raise ArgumentError("The argument {name} must be true or false.", name=name)
    return written == "true"
