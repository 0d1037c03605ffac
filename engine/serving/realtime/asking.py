"""What a response answers: the conversation as the client has it, or what it sends along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.serving.chat_messages import SaidTurn
from engine.serving.problems import ProblemError
from engine.serving.realtime.config import Config
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.items import Item, Items, item_of
from engine.serving.realtime.memory import Asked
from engine.serving.realtime.turns import Group, groups_of

_MOST_INPUT = 1000
_NOTHING_SAID, _NOTHING_NEW = "Hello.", "Go on."  # what the model reads where the client asks without a word


@dataclass(frozen=True)
class Question:
    """What to answer, with the persona to do it with, and the items of the turn; those are none of the conversation's
    for an answer `aside`.
    """

    asked: Asked
    config: Config
    group: Group | None
    aside: bool

    @property
    def key(self) -> tuple[str, ...]:
        """The items of the turn."""
        return self.group.key if self.group else ()


class KnownTurns:
    """The engine's turns, by the items that they are made of."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, ...], str] = {}
        self._modalities: dict[str, str] = {}  # of those that were answered here
        self.heard: dict[str, int] = {}  # samples at 24 kHz, of turns whose speech was cut short

    def keep(self, key: tuple[str, ...], id: str, modality: str) -> None:
        """A turn was answered, and these are its items now."""
        self._ids[key], self._modalities[id] = id, modality

    def said(self, group: Group) -> SaidTurn:
        """A turn before the one that is answered."""
        turn = group.said(self._ids.get(group.key, ""))
        self._ids[group.key] = turn.id
        return turn

    def going_on(self, group: Group, modality: str) -> SaidTurn:
        """A turn whose calls have their results: the engine's own, where it was begun in the same way."""
        ends = next(place for place, item in enumerate(group.items) if item.kind == "function_call_output")
        answered = [self._ids.get(group.key[:place], "") for place in range(len(group.items), ends - 1, -1)]
        id = next(filter(None, answered), "")
        return group.said(id if self._modalities.get(id) == modality else "")


def question(config: Config, fields: Fields, items: Items, known: KnownTurns) -> Question:
    """What a response.create with these fields asks, or the server's own wish with none. Raises ProblemError."""
    aside = fields.one_of("conversation", ("auto", "none"), "auto") == "none"
    instead = None if fields.raw("input") is None else _input(fields, items, config)
    persona, groups = groups_of(items if instead is None else instead)
    mine = not aside and instead is None
    words = fields.text("instructions", "").strip()
    made = config.for_response(fields)
    group = groups[-1] if groups and not _is_answered(groups[-1]) else None
    if group is None:
        before, last = groups, SaidTurn(text=words or (_NOTHING_NEW if groups else _NOTHING_SAID))
        made = replace(made, instructions=config.instructions)
        goes_on = False
    else:
        before, goes_on = groups[:-1], group.items[-1].role != "user"
        last = known.going_on(group, made.modality) if goes_on and mine else group.said()
    turns = tuple(known.said(each) if instead is None else each.said() for each in before)
    made = replace(made, instructions="\n\n".join(filter(None, [made.instructions, persona])))
    asked = Asked(turns, last, goes_on, _of(turns, known.heard), passing=not mine)
    return Question(asked, made, group if mine else None, aside)


def _is_answered(group: Group) -> bool:
    """Whether nothing in it waits for an answer."""
    last = group.items[-1]
    return last.kind == "function_call" or last.role == "assistant"


def _of(turns: Sequence[SaidTurn], heard: Mapping[str, int]) -> dict[str, int]:
    return {turn.id: heard[turn.id] for turn in turns if turn.id in heard}


def _input(fields: Fields, items: Items, config: Config) -> list[Item]:
    """The items that a response is to answer instead of the conversation."""
    found = []
    for each in fields.objects("input", _MOST_INPUT):
        if each.raw("type") == "item_reference":
            found.append(items.find(each.id("id"), "reference"))
        else:
            found.append(item_of(each, config.input_form))
    return found


def metadata(fields: Fields) -> dict[str, str] | None:
    """What a client wants to find again in the response. Raises ProblemError."""
    if fields.raw("metadata") is None:
        return None
    inside = fields.inside("metadata")
    if len(inside) > 16:
        raise ProblemError(400, "metadata has more than 16 entries.", param=inside.path(""), code="invalid_value")
    return {name: inside.text(name) for name in inside}
