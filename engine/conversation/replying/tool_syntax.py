"""Reads the text between `<tool_call>` and `</tool_call>`."""

from __future__ import annotations

import json
import re
from typing import Any

_MOST_CHARACTERS = 20_000
_NAME = re.compile(r"[\w.:/-]{1,100}")


class CallSyntaxError(ValueError):
    """The call cannot be read; the message is a sentence that goes back to the model."""


def parse_call(raw: str) -> tuple[str, dict[str, Any]]:
    """Name and arguments of one call, from either form that models write.

    `function\\n{name}\\n{arguments as JSON}`, or one JSON object with "name" and "arguments" (or "parameters"), also
    wrapped in {"function": …}. Missing arguments mean none. Raises CallSyntaxError with a sentence.
    """
    text = raw.strip()
    if len(text) > _MOST_CHARACTERS:
        raise CallSyntaxError("The tool call is too long to be read.")
    if text.startswith("{"):
        return _from_object(_json(text))
    kind, _, rest = text.partition("\n")
    if kind.strip() != "function":
        raise CallSyntaxError(
            "The tool call has no function name. Write function, the name, and the arguments as JSON, a line each."
        )
    name, _, arguments = rest.strip().partition("\n")
    return _checked_name(name), _checked_arguments(arguments.strip() or "{}")


def _from_object(call: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(call, dict) and isinstance(call.get("function"), dict):
        call = call["function"]
    if not isinstance(call, dict):
        raise CallSyntaxError("The tool call is not a JSON object.")
    arguments = call.get("arguments", call.get("parameters"))
    return _checked_name(call.get("name")), _checked_arguments({} if arguments is None else arguments)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name.strip()):
        raise CallSyntaxError("The tool call has no function name.")
    return name.strip()


def _checked_arguments(arguments: object) -> dict[str, Any]:
    if isinstance(arguments, str):
        arguments = _json(arguments)
    if not isinstance(arguments, dict):
        raise CallSyntaxError("The arguments of the tool call are not a JSON object.")
    return arguments


def _json(text: str) -> Any:
    try:
        # Half a surrogate, which a tool could not send on, becomes "?".
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace").decode()
        return json.loads(whole)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is too deep or holds too long a number"
        raise CallSyntaxError(f"The arguments of the tool call are not valid JSON: {reason}.") from error
