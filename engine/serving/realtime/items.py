"""A conversation as clients see it: items in their order."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.conversation.remembering.records import SpokenPiece
from engine.conversation.replying.cutting import heard_in
from engine.conversation.speaking_along.alignment import word_boundary
from engine.events import Samples
from engine.samples import pcm, resample
from engine.serving.problems import ProblemError
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.ids import new_id
from engine.serving.realtime.sound_forms import HEARD_HZ, SPOKEN_HZ, Incoming, bytes_of

_MOST_ITEMS = 2000
_MOST_PARTS = 64
_WRITTEN = {"user": "input_text", "system": "input_text", "assistant": "output_text"}
_TEXT_NAMES = ("input_text", "output_text", "text")


@dataclass
class Part:
    """What a message consists of: a text, or sound with the words in it, once they are known.

    Sound that was heard is `samples_16k`; what is spoken is `spoken`, samples at 24 kHz, of which `pieces` say where
    they stand in the words, and `heard` how many were heard: None for all. It is played `speed` times as fast.
    """

    kind: str
    text: str = ""
    samples_16k: Samples | None = None
    spoken: list[Samples] = field(default_factory=list)
    pieces: list[SpokenPiece] = field(default_factory=list)
    heard: int | None = None
    speed: float = 1.0
    transcript: str | None = None

    @property
    def said(self) -> str:
        """The words that were said and heard."""
        if self.kind == "input_audio":
            return self.transcript or ""
        if self.heard is None or not self.pieces:
            return self.text
        _, characters = heard_in(self.pieces, self.heard)
        return self.text[: word_boundary(self.text, characters)].rstrip()

    @property
    def spoken_samples(self) -> int:
        """How long the spoken sound is, in samples at 24 kHz."""
        return sum(len(piece) for piece in self.spoken)

    @property
    def sound_s(self) -> float:
        """Seconds of sound in it, whoever spoke."""
        heard = 0 if self.samples_16k is None else len(self.samples_16k)
        return heard / HEARD_HZ + self.spoken_samples / SPOKEN_HZ

    def described(self, *, with_sound: bool) -> dict[str, Any]:
        """It, as clients read it."""
        if self.kind in ("input_text", "output_text"):
            return {"type": self.kind, "text": self.text}
        value: dict[str, Any] = {"type": self.kind}
        value["transcript"] = self.transcript if self.kind == "input_audio" else self.said
        if with_sound:
            value["audio"] = base64.b64encode(pcm(self._sound())).decode()
        return value

    def _sound(self) -> Samples:
        if self.samples_16k is not None:
            return resample(self.samples_16k, HEARD_HZ, SPOKEN_HZ)
        joined = np.concatenate([np.zeros(0, np.float32), *self.spoken])
        return joined if self.heard is None else joined[: self.heard]


@dataclass(eq=False)
class Item:
    """A message, a call of a function, or its output.

    `turn` is the engine's turn that an answer is part of, and `before` how many samples it had spoken by then. `asked`
    says that an answer to this item was begun: what the user says next is another turn.
    """

    id: str
    kind: str
    role: str = ""
    parts: list[Part] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    status: str = "completed"
    turn: str = ""
    before: int = 0
    asked: bool = False

    def described(self, *, with_sound: bool = False) -> dict[str, Any]:
        """It, as clients read it."""
        value: dict[str, Any] = {"id": self.id, "object": "realtime.item", "type": self.kind, "status": self.status}
        if self.kind == "message":
            parts = [part.described(with_sound=with_sound) for part in self.parts]
            return value | {"role": self.role, "content": parts}
        value["call_id"] = self.call_id
        if self.kind == "function_call":
            return value | {"name": self.name, "arguments": self.arguments}
        return value | {"output": self.output}

    @property
    def sound_s(self) -> float:
        """Seconds of sound in it."""
        return sum(part.sound_s for part in self.parts)


class Items:
    """All items of a conversation."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __contains__(self, what: Item | str | None) -> bool:
        return any(what in (item, item.id) for item in self._items)

    def add(self, item: Item, after: str | None = None) -> None:
        """Put an item behind another one, at the beginning for "root", else at the end. Raises ProblemError."""
        if any(each.id == item.id for each in self._items):
            raise ProblemError(400, "There is an item of that id already.", param="item.id", code="invalid_value")
        if len(self._items) >= _MOST_ITEMS:
            raise ProblemError(400, f"A conversation has {_MOST_ITEMS} items at most.", code="too_many_items")
        if after is None:
            self._items.append(item)
            return
        place = 0 if after == "root" else self._place(after, "previous_item_id", "item_create_invalid_previous_item_id")
        self._items.insert(place + (after != "root"), item)

    def find(self, id: str, doing: str) -> Item:
        """The item of an id. Raises ProblemError; `doing` is what was to be done with it."""
        return self._items[self._place(id, "item_id", f"item_{doing}_invalid_item_id")]

    def remove(self, id: str) -> None:
        """Take an item out. Raises ProblemError."""
        del self._items[self._place(id, "item_id", "item_delete_invalid_item_id")]

    def before(self, item: Item) -> str | None:
        """The id of the item before one; None for the first."""
        place = self._items.index(item)
        return self._items[place - 1].id if place else None

    @property
    def last_id(self) -> str | None:
        """The id of the last item; None where there is none."""
        return self._items[-1].id if self._items else None

    def calls(self, call_id: str) -> bool:
        """Whether a function was called by this id."""
        return any(item.kind == "function_call" and item.call_id == call_id for item in self._items)

    @property
    def sound_s(self) -> float:
        """Seconds of sound in all of them."""
        return sum(item.sound_s for item in self._items)

    def _place(self, id: str, param: str, code: str) -> int:
        for place, item in enumerate(self._items):
            if item.id == id:
                return place
        raise ProblemError(404, "There is no item of that id in the conversation.", param=param, code=code)


def item_of(fields: Fields, input_form: str) -> Item:
    """An item that a client creates. Raises ProblemError."""
    kind = fields.text("type")
    id = fields.id("id", "") or new_id("item")
    if kind == "message":
        return _message(fields, id, input_form)
    if kind == "function_call":
        call_id = fields.id("call_id", "") or new_id("call")
        return Item(id, kind, call_id=call_id, name=fields.id("name"), arguments=fields.text("arguments", "{}"))
    if kind == "function_call_output":
        return Item(id, kind, call_id=fields.id("call_id"), output=fields.text("output"))
    raise fields.wrong("type", "can be message, function_call or function_call_output")


def _message(fields: Fields, id: str, input_form: str) -> Item:
    role = fields.text("role")
    if role not in _WRITTEN:
        raise fields.wrong("role", "is none of user, assistant, system")
    parts = [_part(part, role, input_form) for part in fields.objects("content", _MOST_PARTS)]
    if not parts:
        raise fields.wrong("content", "is empty")
    return Item(id, "message", role, parts)


def _part(fields: Fields, role: str, input_form: str) -> Part:
    kind = fields.text("type")
    if kind in _TEXT_NAMES:
        return Part(_WRITTEN[role], fields.text("text"))
    if kind == "input_audio" and role == "user":
        sound = Incoming(input_form)
        heard = sound.push(bytes_of(fields.text("audio"), fields.path("audio")))
        samples = np.concatenate([heard, sound.finish()])
        return Part(kind, samples_16k=samples, transcript=fields.text("transcript", "") or None)
    if kind in ("output_audio", "audio") and role == "assistant":
        return Part("output_audio", fields.text("transcript", ""))
    raise fields.wrong("type", "is not read here: send text, or as the user input_audio")
