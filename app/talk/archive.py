"""A conversation as it is exported and imported: values of its own, and their form as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.talk.search import is_time
from app.talk.stored_turn import StoredTurn, encode_turn, strictly_decoded
from app.translations import sentence
from engine.errors import StorageError
from engine.events import new_turn_id
from engine.storage import json_bytes

FORMAT, VERSION = "Earshot conversation", 1
_ID = re.compile(r"[0-9a-f]{32}")
_SOUND = re.compile(r"(said|answer)-[0-9A-Za-z-]{1,80}\.(flac|wav)")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ArchivedTurn:
    """A turn with its place: the turn it follows, and which of several followers was shown last."""

    turn: StoredTurn
    created: float
    parent: str | None = None
    shown_follower: str | None = None


@dataclass(frozen=True)
class ArchivedConversation:
    """All turns that can be shown, in whatever branch; parents come first. `shown` is the last one of the branch that
    is shown, `sounds` are the digests (SHA-256) of the sound files that come with it, by name.
    """

    key: str
    title: str
    preset: str
    changed: float
    shown: str | None
    turns: tuple[ArchivedTurn, ...]
    sounds: Mapping[str, str] = field(default_factory=dict)

    def branch(self) -> list[StoredTurn]:
        """The turns that are shown, oldest first."""
        by_id = {each.turn.id: each for each in self.turns}
        found, id = [], self.shown
        while id is not None:
            found.append(by_id[id].turn)
            id = by_id[id].parent
        return found[::-1]

    def with_sounds(self, sounds: Mapping[str, str]) -> ArchivedConversation:
        """With these sound files and no others; a turn without its file has no sound."""
        turns = tuple(replace(each, turn=_without_others(each.turn, sounds)) for each in self.turns)
        return replace(self, turns=turns, sounds=dict(sounds))

    def renamed(self, key: str, taken: frozenset[str]) -> ArchivedConversation:
        """Under another key, with new ids for turns whose ids are `taken`."""
        ids: dict[str | None, str] = {
            each.turn.id: new_turn_id() if each.turn.id in taken else each.turn.id for each in self.turns
        }
        turns = tuple(
            ArchivedTurn(
                replace(each.turn, id=ids[each.turn.id], conversation=key),
                each.created,
                ids.get(each.parent),
                ids.get(each.shown_follower),
            )
            for each in self.turns
        )
        return replace(self, key=key, shown=ids.get(self.shown), turns=turns)


def _without_others(turn: StoredTurn, sounds: Mapping[str, str]) -> StoredTurn:
    if turn.recording not in sounds:
        turn = replace(turn, recording="")
    return turn if turn.sound in sounds else replace(turn, sound="", spans=())


def encode_archive(archive: ArchivedConversation) -> bytes:
    """As JSON."""
    value = {
        "format": FORMAT,
        "version": VERSION,
        "id": archive.key,
        "title": archive.title,
        "preset": archive.preset,
        "changed": archive.changed,
        "shown": archive.shown,
        "sounds": dict(archive.sounds),
        "turns": [_encoded(each) for each in archive.turns],
    }
    return json_bytes(value, indent=1)


def _encoded(each: ArchivedTurn) -> dict[str, Any]:
    place = {"id": each.turn.id, "parent": each.parent, "created": each.created}
    if each.shown_follower is not None:
        place["shown_follower"] = each.shown_follower
    content: dict[str, Any] = json.loads(encode_turn(each.turn))
    return place | content


def decode_archive(data: bytes, name: str) -> ArchivedConversation:
    """An exported conversation from its JSON. Raises StorageError, which names the file by `name`."""
    try:
        value = json.loads(data.decode())
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise StorageError(sentence("{name} is not a conversation exported by Earshot.").format(name=name))
        version = value.get("version")
        if isinstance(version, int) and version > VERSION:
            words = sentence("{name} was exported by a newer version of Earshot: import it there.")
            raise StorageError(words.format(name=name))
        return _decoded(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        words = sentence("{name} is damaged, so nothing was imported: export the conversation again.")
        raise StorageError(words.format(name=name)) from error


def _decoded(value: dict[str, Any]) -> ArchivedConversation:
    """Raises ValueError, TypeError, KeyError or AttributeError for what makes no sense."""
    sounds = {_matching(_SOUND, sound): _matching(_DIGEST, digest) for sound, digest in value["sounds"].items()}
    turns: dict[str, ArchivedTurn] = {}
    for each in value["turns"]:
        turn = _decoded_turn(each, sounds, turns)
        if turn.turn.id in turns:
            raise ValueError("id")
        turns[turn.turn.id] = turn
    if value["version"] != VERSION or not turns:
        raise ValueError("version")
    for each in turns.values():
        _check_follower(each, turns)
    if value["shown"] not in turns:
        raise ValueError("shown")
    title, preset = (_words(value[name]) for name in ("title", "preset"))
    return ArchivedConversation(
        _matching(_ID, value["id"]), title, preset, _time(value["changed"]), value["shown"], tuple(turns.values()),
        sounds,
    )  # fmt: skip


def _decoded_turn(value: dict[str, Any], sounds: dict[str, str], before: Mapping[str, ArchivedTurn]) -> ArchivedTurn:
    turn = strictly_decoded(_matching(_ID, value["id"]), "", value)
    if not turn.files <= sounds.keys():
        raise ValueError("sound")
    parent = value["parent"]
    if parent is not None and parent not in before:
        raise ValueError("parent")
    return ArchivedTurn(turn, _time(value["created"]), parent, value.get("shown_follower"))


def _check_follower(each: ArchivedTurn, turns: Mapping[str, ArchivedTurn]) -> None:
    follower = each.shown_follower
    if follower is not None and turns[follower].parent != each.turn.id:
        raise ValueError("follower")


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not pattern.fullmatch(value):
        raise ValueError("name")
    return str(value)


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.encode(errors="replace").decode()


def _time(value: Any) -> float:
    if not is_time(value):
        raise ValueError("time")
    return float(value)
