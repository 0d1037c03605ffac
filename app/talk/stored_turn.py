"""A turn as it is stored: a value of its own, its encoding as JSON, and the view that a window is shown of it."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.shown.talk import ToolState, ToolView, TurnState, TurnView
from app.translations import sentence
from engine.storage import json_bytes

log = logging.getLogger(__name__)

LIVE = {TurnState.WAITING, TurnState.THINKING, TurnState.ANSWERING, TurnState.SPEAKING}
_NUMBERS = ("seconds", "thinking_s", "speed", "first_text_s", "first_sound_s", "real_time_factor")
_WORDS = ("text", "attachment", "thinking", "answer", "unspoken", "problem", "recording", "sound")
_COUNTS = ("heard_24k", "context_tokens", "context_length")

Kind = TypeVar("Kind", TurnState, ToolState)


@dataclass(frozen=True)
class StoredTool:
    """One tool call: its name, its arguments and its result as short text."""

    name: str
    arguments: str
    result: str = ""
    state: ToolState = ToolState.RUNNING


@dataclass(frozen=True)
class StoredTurn:
    """One turn of a conversation. `id` is the one the engine knows it by.

    `recording` and `sound` are names of files in the conversation's folder. `spans` say where each stretch of the
    sound stands in the answer: first sample at 24 kHz, first and last character. `heard_24k` is how much of the sound
    was heard when it was interrupted; None when nothing was cut.
    """

    id: str
    conversation: str
    state: TurnState = TurnState.DONE
    text: str = ""
    peaks: tuple[float, ...] = ()  # loudness of what was said, 0 to 1
    seconds: float | None = None  # length of the recording; None when typed
    attachment: str = ""  # name of a file that came with it
    thinking: str = ""
    thinking_s: float = 0.0
    tools: tuple[StoredTool, ...] = ()
    answer: str = ""
    speed: float = 1.0
    first_text_s: float | None = None
    first_sound_s: float | None = None
    real_time_factor: float | None = None
    problem: str = ""  # a sentence when it failed
    recording: str = ""
    sound: str = ""
    spans: tuple[tuple[int, int, int], ...] = ()
    heard_24k: int | None = None
    context_tokens: int | None = None  # how full the model's context was after it
    context_length: int | None = None
    unspoken: str = ""  # the rest of an answer that was interrupted: people see it, the model does not remember it
    paused: bool = False  # its sound is held; not stored

    @property
    def words(self) -> str:
        """What can be searched for."""
        return "\n".join(part for part in (self.text, self.attachment, self.answer + self.unspoken) if part)

    @property
    def files(self) -> set[str]:
        """Names of its files."""
        return {name for name in (self.recording, self.sound) if name}


def view_of(turn: StoredTurn, spoken: tuple[int, int] | None = None, version: int = 1, versions: int = 1) -> TurnView:
    """What a window is shown of a turn; `spoken` are the characters that sound now."""
    return TurnView(
        turn.id, turn.state, turn.text, turn.peaks, turn.seconds, turn.attachment, turn.thinking, turn.thinking_s,
        tuple(ToolView(tool.name, tool.arguments, tool.result, tool.state) for tool in turn.tools),
        turn.answer, spoken, bool(turn.sound or turn.spans), turn.speed, turn.first_text_s, turn.first_sound_s,
        turn.real_time_factor, turn.problem, version, versions, turn.unspoken,
        (turn.context_tokens, turn.context_length) if turn.context_tokens and turn.context_length else None,
        turn.paused,
    )  # fmt: skip


def encode_turn(turn: StoredTurn) -> str:
    """As JSON, without what the database keeps beside it."""
    value: dict[str, Any] = {name: getattr(turn, name) for name in (*_WORDS, *_NUMBERS, *_COUNTS)}
    value |= {"state": turn.state.value, "peaks": turn.peaks, "spans": turn.spans}
    value["tools"] = [
        {"name": tool.name, "arguments": tool.arguments, "result": tool.result, "state": tool.state.value}
        for tool in turn.tools
    ]
    default = StoredTurn("", "")
    return json_bytes({name: part for name, part in value.items() if part != getattr(default, name)}).decode()


def decode_turn(id: str, conversation: str, content: str) -> StoredTurn:
    """A turn from its JSON. One that was under way when Earshot died says so, and so does one that is damaged."""
    try:
        turn = strictly_decoded(id, conversation, json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("turn %s cannot be read: %s", id, type(error).__name__)
        problem = sentence("This turn cannot be read: it was damaged on the disk, or written by a newer Earshot.")
        return StoredTurn(id, conversation, TurnState.FAILED, problem=problem)
    if turn.state in LIVE:
        broken_off = sentence("Earshot was closed before the answer was complete. What you said is kept: try again.")
        return replace(turn, state=TurnState.FAILED, problem=broken_off)
    return turn


def strictly_decoded(id: str, conversation: str, value: dict[str, Any]) -> StoredTurn:
    """The same from the value that the JSON holds. Raises ValueError, TypeError, KeyError or AttributeError."""
    fields: dict[str, Any] = {name: _text(value[name]) for name in _WORDS if name in value}
    fields |= {name: _number(value[name]) for name in _NUMBERS if value.get(name) is not None}
    fields |= {name: _whole(value[name]) for name in _COUNTS if value.get(name) is not None}
    fields["state"] = TurnState(value.get("state", TurnState.DONE.value))
    fields["peaks"] = tuple(_number(peak) for peak in value.get("peaks", ()))
    fields["spans"] = tuple((_whole(at), _whole(first), _whole(last)) for at, first, last in value.get("spans", ()))
    fields["tools"] = tuple(_tool(tool) for tool in value.get("tools", ()))
    for name in ("recording", "sound"):
        if "/" in fields.get(name, "") or fields.get(name, "") == "..":
            raise ValueError(f"{name} lies elsewhere")
    return StoredTurn(id, conversation, **fields)


def _tool(value: dict[str, Any]) -> StoredTool:
    name, arguments, result = (_text(value.get(part, "")) for part in ("name", "arguments", "result"))
    state = ToolState(value["state"])
    return StoredTool(name, arguments, result, ToolState.FAILED if state is ToolState.ASKING else state)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def encode_turn_of_first_version(content: str) -> str:
    """The JSON of today for a turn that version 0.1.0 stored. What cannot be read stays as it is."""
    try:
        value = json.loads(content)
        view = value.pop("view")
        view.pop("key", None), view.pop("spoken", None), view.pop("has_sound", None)
        turn = strictly_decoded("", "", view | value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return content
    return encode_turn(turn)


def version_of(id: str, versions: Sequence[str]) -> tuple[int, int]:
    """Which version a turn is, and of how many."""
    return versions.index(id) + 1 if id in versions else 1, max(len(versions), 1)
