"""Databases of other versions, damaged ones, and places that cannot be written."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from app.shown.talk import ToolState, TurnState
from app.talk.stored_turn import StoredTool, StoredTurn
from engine.errors import StorageError
from tests.app.talk.stores import SECRET, files_with, open_store, say, shown


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "conversations.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE thoughts (words)")
        db.execute("PRAGMA user_version=99")
    db.close()
    before = file.read_bytes()
    with pytest.raises(StorageError, match="newer version of Earshot"):
        open_store(tmp_path)
    assert file.read_bytes() == before


_TABLES_OF_FIRST_VERSION = """
CREATE TABLE conversations (key TEXT PRIMARY KEY, title TEXT NOT NULL, preset TEXT NOT NULL, changed REAL NOT NULL);
CREATE TABLE turns (key INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL
    REFERENCES conversations(key) ON DELETE CASCADE, content TEXT NOT NULL);
CREATE INDEX turns_of ON turns(conversation, key);
CREATE VIRTUAL TABLE said USING fts5(words, conversation UNINDEXED);
"""


def content_of_first_version(text: str, answer: str) -> str:
    view = {
        "key": 1, "state": "done", "text": text, "peaks": [0.25, 1.0], "seconds": 1.5, "attachment": "",
        "thinking": "Hm.", "thinking_s": 0.5, "answer": answer, "spoken": None, "has_sound": True, "speed": 1.25,
        "tools": [{"name": "calculator", "arguments": "1+1", "result": "2", "state": "done"}],
        "first_text_s": 0.1, "first_sound_s": None, "real_time_factor": 0.5, "problem": "",
    }  # fmt: skip
    return json.dumps(
        {"view": view, "conversation": "a", "recording": "said.flac", "sound": "answer.wav", "spans": [[0, 0, 4]],
         "place": 0}
    )  # fmt: skip


def write_first_version(file: Path) -> None:
    """A database as 0.1.0 left it: two conversations with turns in turns, one of them deleted, one damaged."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA secure_delete=OFF")
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(_TABLES_OF_FIRST_VERSION)
    db.executemany(
        "INSERT INTO conversations VALUES (?, ?, ?, ?)",
        [("a", "Apples", "coach", 10.0), ("b", "Pears", "assistant", 20.0)],
    )
    for key, conversation, text, answer in (
        (1, "a", "one apple", "Well."), (2, "b", "one pear", "Well."), (3, "a", "two apples", "Well."),
        (4, "b", SECRET, SECRET), (5, "b", "damaged", ""),
    ):  # fmt: skip
        content = content_of_first_version(text, answer) if text != "damaged" else "{"
        db.execute("INSERT INTO turns VALUES (?, ?, ?)", (key, conversation, content))
        db.execute("INSERT INTO said (rowid, words, conversation) VALUES (?, ?, ?)", (key, text, conversation))
    db.execute("INSERT INTO said (rowid, words, conversation) VALUES (-1, 'Apples', 'a')")
    db.execute("DELETE FROM turns WHERE key = 4")
    db.execute("DELETE FROM said WHERE rowid = 4")
    db.close()


def test_a_database_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    write_first_version(tmp_path / "conversations.sqlite")
    store = open_store(tmp_path)
    assert store.take_troubles() == []
    assert [(view.key, view.title, view.preset, view.when, view.turns) for view in store.conversations()] == [
        ("b", "Pears", "assistant", 20.0, 2),
        ("a", "Apples", "coach", 10.0, 2),
    ]
    first, second = store.path("a")
    assert first == StoredTurn(
        first.id, "a", TurnState.DONE, "one apple", (0.25, 1.0), 1.5, "", "Hm.", 0.5,
        (StoredTool("calculator", "1+1", "2", ToolState.DONE),), "Well.", 1.25, 0.1, None, 0.5, "", "said.flac",
        "answer.wav", ((0, 0, 4),), None,
    )  # fmt: skip
    assert store.parent(second.id) == first.id
    assert len(first.id) == 32
    assert [turn.problem != "" for turn in store.path("b")] == [False, True]
    assert [view.key for view in store.find("apple")] == [view.key for view in store.find("Apples")] == ["a"]
    store.close()
    again = open_store(tmp_path)
    assert [turn.id for turn in again.path("a")] == [first.id, second.id]
    again.close()


def test_words_that_the_first_version_had_deleted_are_gone_from_the_file(tmp_path: Path) -> None:
    write_first_version(tmp_path / "conversations.sqlite")
    store = open_store(tmp_path)
    store.remove_turn(store.path("a")[0].id)
    store.purge()
    store.close()
    assert files_with(tmp_path, SECRET) == []


def test_a_migration_that_is_killed_leaves_the_first_version_to_be_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_first_version(tmp_path / "conversations.sqlite")

    def die(content: str) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("app.talk.schema.encode_turn_of_first_version", die)
        with pytest.raises(KeyboardInterrupt):
            open_store(tmp_path)
    store = open_store(tmp_path)
    assert shown(store, "a") == ["one apple", "two apples"]
    store.close()


def fill(folder: Path, conversations: int = 40) -> None:
    store = open_store(folder)
    for number in range(conversations):
        key = store.create("assistant").key
        for turn in range(5):
            say(store, key, f"question {turn} of {number}", "an answer of some length " * 10)
    store.close()


def damage_pages(file: Path, first: int, last: int) -> None:
    content = bytearray(file.read_bytes())
    content[first * 4096 : last * 4096] = b"\xa5" * ((last - first) * 4096)
    file.write_bytes(content)


@pytest.mark.parametrize("where", ["beginning", "middle", "end", "everything"])
def test_damaged_pages_cost_what_they_held_and_the_file_is_kept_aside(tmp_path: Path, where: str) -> None:
    fill(tmp_path)
    file = tmp_path / "conversations.sqlite"
    pages = file.stat().st_size // 4096
    middle = pages // 2
    ranges = {"beginning": (1, 4), "middle": (middle, middle + 3), "end": (pages - 4, pages), "everything": (0, pages)}
    damage_pages(file, *ranges[where])
    damaged = file.read_bytes()
    store = open_store(tmp_path)
    paths = [store.path(view.key) for view in store.conversations()]
    found = store.find("question")
    say(store, store.create("assistant").key, "life goes on")
    store.remove_conversation(store.conversations()[-1].key)
    store.purge()
    told = store.take_troubles()
    copies = list(tmp_path.glob("conversations.damaged-*.sqlite"))
    assert len(copies) == len(told) == 1
    assert copies[0].read_bytes() == damaged
    assert copies[0].name in told[0]
    assert copies[0].stat().st_mode & 0o777 == 0o600
    least = {"everything": 0, "beginning": 10}.get(where, 30)
    assert len(paths) >= least
    assert len(found) >= least
    assert sum(map(len, paths)) >= 4 * least
    store.close()
    again = open_store(tmp_path)
    assert again.take_troubles() == []
    again.close()


def test_a_database_that_cannot_be_written_is_worked_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "conversations.sqlite").mkdir()
    store = open_store(tmp_path)
    assert not store.on_disk
    (told,) = store.take_troubles()
    assert "conversations.sqlite" in told
    assert str(tmp_path) not in told, "people are told files by their names"
    key = store.create("assistant").key
    say(store, key, "hello")
    assert shown(store, key) == ["hello"]
    store.close()
