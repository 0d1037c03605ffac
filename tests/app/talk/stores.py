"""Stores of conversations for tests, and short ways to fill and read them."""

from __future__ import annotations

from pathlib import Path

from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from engine.events import new_turn_id

SECRET = "marzipanpotato"


def open_store(folder: Path) -> Store:
    return Store(folder / "conversations.sqlite", folder / "recordings")


def say(store: Store, conversation: str, text: str, answer: str = "", *, after: str | None = "", **more: object) -> str:
    """A turn below another one: below the last that is shown, unless told."""
    turn = StoredTurn(new_turn_id(), conversation, text=text, answer=answer, **more)  # type: ignore[arg-type]
    if after == "":
        after = next((last.id for last in reversed(store.path(conversation))), None)
    store.add(turn, after)
    return turn.id


def shown(store: Store, conversation: str) -> list[str]:
    return [turn.text for turn in store.path(conversation)]


def files_with(folder: Path, word: str) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and word.encode() in file.read_bytes().lower()]
