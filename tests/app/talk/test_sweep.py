from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from app.talk.sweep import remove_orphans
from engine.events import new_turn_id

OLD = 1_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    yield store
    store.close()


def write(path: Path, when: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    for each in (path, path.parent, path.parent.parent):
        os.utime(each, (when, when))
    return path


def keep_turn(store: Store) -> tuple[Path, list[Path]]:
    """A conversation with one turn: its folder and all its files."""
    key, id = store.create("assistant").key, new_turn_id()
    store.add(StoredTurn(id, key, recording="said-1.flac", sound="answer-1.wav"), None)
    folder = store.folder(key)
    names = ("said-1.flac", "answer-1.wav", f"session/{id}.turn", "session/index.jsonl", "notes.txt")
    return folder, [write(folder / name) for name in names]


def sweep(store: Store, before: float = OLD + 60) -> list[Path]:
    return remove_orphans(store.file, store.file.parent / "recordings", before)


def test_what_nothing_knows_is_removed_and_what_something_knows_is_not(store: Store) -> None:
    folder, known = keep_turn(store)
    names = ("said-2.flac", "answer-2.wav", f"session/{new_turn_id()}.turn", ".answer-1.wav.ab.part", "session/.x.part")
    orphans = [write(folder / name) for name in names]
    elsewhere = write(store.folder(new_turn_id()) / "session" / "index.jsonl")
    foreign = write(store.folder("my music") / "said-1.flac")
    assert sorted(sweep(store)) == sorted([*orphans, elsewhere.parents[1]])
    assert all(path.exists() for path in (*known, foreign))
    assert not any(path.exists() for path in (*orphans, elsewhere))
    assert sweep(store) == []


def test_what_is_removed_but_can_be_restored_is_not_touched(store: Store) -> None:
    _folder, first = keep_turn(store)
    other, second = keep_turn(store)
    store.remove_turn(store.path(first[0].parent.name)[0].id)
    store.remove_conversation(other.name)
    assert sweep(store) == []
    assert all(path.exists() for path in (*first, *second))


def test_what_is_being_written_is_not_touched(store: Store) -> None:
    folder, _known = keep_turn(store)
    now = time.time()
    fresh = [write(folder / "said-2.flac", now), write(store.folder(new_turn_id()) / "said-1.flac", now)]
    assert sweep(store, now - 60) == []
    assert all(path.exists() for path in fresh)


def test_nothing_is_removed_beside_a_damaged_database(store: Store) -> None:
    folder, _known = keep_turn(store)
    orphan = write(folder / "said-2.flac")
    store.file.with_name("conversations.damaged-20260101-000000.sqlite").write_bytes(b"x")
    assert sweep(store) == []
    assert orphan.exists()
