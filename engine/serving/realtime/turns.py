"""The items of a conversation as turns: what the user said, what was called for it, and what was answered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.events import ToolCall, ToolResult, new_turn_id
from engine.serving.chat_messages import SaidTurn, joined_sounds
from engine.serving.realtime.items import Item


@dataclass(eq=False)
class Group:
    """Items that are one turn."""

    items: list[Item] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, ...]:
        """Which items these are."""
        return tuple(item.id for item in self.items)

    @property
    def takes_speech(self) -> bool:
        """Whether what the user says next belongs to it: nothing was answered, nor begun to be."""
        return all(item.role == "user" and not item.asked for item in self.items)

    def said(self, id: str = "") -> SaidTurn:
        """The turn; one without an id gets a new one."""
        turn = SaidTurn(id=id or new_turn_id())
        sounds = []
        words: list[str] = []  # of the assistant, since the last call
        called = False  # whether the item before was a call, so that the next one is in the same passage
        for item in self.items:
            if item.kind == "function_call":
                if not called:
                    turn.calls.append(("\n\n".join(words), [], []))
                    words = []
                turn.calls[-1][1].append(ToolCall(item.call_id, item.name, _arguments(item)))
            elif item.kind == "function_call_output":
                _answer_call(turn, item)
            elif item.role == "assistant":
                words += [part.said for part in item.parts if part.said]
            else:
                texts = [part.text for part in item.parts if part.kind == "input_text"]
                turn.text = "\n".join(filter(None, [turn.text, *texts]))
                sounds += [part.samples_16k for part in item.parts if part.samples_16k is not None]
            called = item.kind == "function_call"
        turn.samples_16k, turn.answer = joined_sounds(sounds), "\n\n".join(words)
        return turn


def groups_of(items: Iterable[Item]) -> tuple[str, list[Group]]:
    """What the system's messages say, and the turns of the others, in their order."""
    persona: list[str] = []
    groups: list[Group] = []
    for item in items:
        if item.role == "system":
            persona += [part.text for part in item.parts]
        elif item.role == "user" and not (groups and groups[-1].takes_speech):
            groups.append(Group([item]))
        else:
            if not groups:
                groups.append(Group())
            groups[-1].items.append(item)
    return "\n\n".join(persona), groups


def _arguments(item: Item) -> dict[str, object]:
    try:
        arguments = json.loads(item.arguments)
    except (ValueError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _answer_call(turn: SaidTurn, item: Item) -> None:
    for _, calls, results in reversed(turn.calls):
        for call in calls:
            if call.id == item.call_id:
                results.append(ToolResult(call.id, call.name, item.output))
                return
