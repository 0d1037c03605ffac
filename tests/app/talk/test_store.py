"""Conversations and turns in the store: kept, named, expired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Retention
from app.shown.talk import ToolState, TurnState
from app.talk.store import Store
from app.talk.stored_turn import StoredTool, StoredTurn, view_of
from app.talk.turn_rows import title_of
from engine.events import new_turn_id
from tests.app.talk.stores import open_store, say, shown

Clock = Callable[[float], None]


@pytest.fixture
def set_day(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def set_it(day: float) -> None:
        monkeypatch.setattr("time.time", lambda: day * 86_400.0)

    return set_it


def test_a_turn_comes_back_as_it_was(store: Store) -> None:
    key = store.create("assistant").key
    tools = (StoredTool("calculator", "1+1", "2", ToolState.DONE),)
    turn = StoredTurn(
        new_turn_id(), key, TurnState.INTERRUPTED, "One?", (0.5, 1.0), 1.25, "a \udce9.wav", "Hm.", 0.5, tools, "Two.",
        1.25, 0.1, 0.2, 0.5, "", "said.flac", "answer.wav", ((0, 0, 4), (24_000, 4, 9)), 12_000,
    )  # fmt: skip
    store.add(turn, None)
    assert store.path(key) == [turn]
    assert store.turn(turn.id) == turn


def test_a_turn_is_shown_with_what_sounds_and_which_version_it_is() -> None:
    turn = StoredTurn("one", "talk", text="One?", sound="answer.wav", spans=((0, 0, 4),))
    view = view_of(turn, (0, 3), 2, 3)
    assert (view.key, view.spoken, view.has_sound, view.version, view.versions) == ("one", (0, 3), True, 2, 3)


def test_a_turn_cut_short_by_a_crash_says_so_and_keeps_its_recording(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "One?", state=TurnState.SPEAKING, recording="said.flac")
    (turn,) = store.path(key)
    assert (turn.state, turn.recording) == (TurnState.FAILED, "said.flac")
    assert "What you said is kept" in turn.problem


@pytest.mark.parametrize(
    "content",
    ["{", "null", '{"state": "dreaming"}', '{"peaks": 5}', '{"text": 7}', '{"seconds": NaN}', '{"spans": [[1, 2]]}',
     '{"recording": "../../settings.json"}', '{"heard_24k": true}', '{"tools": [{}]}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_turn_does_not_cost_the_others_of_its_conversation(store: Store, content: str) -> None:
    key = store.create("assistant").key
    first, second = say(store, key, "One?"), say(store, key, "Two?")
    store._database.write(lambda db: db.execute("UPDATE turns SET content = ? WHERE id = ?", (content, first)))
    damaged, whole = store.path(key)
    assert (damaged.id, damaged.state) == (first, TurnState.FAILED)
    assert damaged.problem
    assert (whole.id, whole.text) == (second, "Two?")


def test_the_newest_conversation_comes_first_and_is_named_by_its_first_words(store: Store) -> None:
    first, second = store.create("assistant").key, store.create("coach").key
    say(store, second, "Second one.")
    say(store, first, "First one.")
    assert [(view.title, view.turns) for view in store.conversations()] == [("First one", 1), ("Second one", 1)]


def test_a_given_name_is_not_replaced_by_later_words(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "hello")
    store.rename(key, "Mine")
    store.save(replace(store.path(key)[0], text="other"))
    assert store.conversations()[0].title == "Mine"


def test_an_answer_names_a_conversation_until_what_was_said_is_transcribed(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "", "Eighty-four.")
    assert store.conversations()[0].title == "Eighty-four"
    store.save(replace(store.path(key)[0], text="twelve times seven"))
    assert store.conversations()[0].title == "twelve times seven"


def test_a_later_turn_does_not_name_a_conversation_again(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "", "Eighty-four.")
    say(store, key, "and once more", "Eighty-four.")
    assert store.conversations()[0].title == "Eighty-four"


def test_retention_keeps_all_some_or_nothing(store: Store, set_day: Clock) -> None:
    set_day(100)
    old = store.create("assistant").key
    say(store, old, "old")
    set_day(131)
    say(store, store.create("assistant").key, "new")
    assert store.expire(Retention.ALL, 30) == []
    for day in (131, 132, 133):
        set_day(day)
        expired = store.expire(Retention.DAYS, 30)
    assert expired == [old]
    assert len(store.expire(Retention.NONE, 30)) == 1
    assert store.conversations() == ()


def test_a_clock_that_is_ahead_for_a_moment_deletes_nothing(store: Store, set_day: Clock) -> None:
    set_day(100)
    for number in range(10):
        say(store, store.create("assistant").key, f"number {number}")
    for day in (100, 101, 141, 102, 142, 103, 143, 104):
        set_day(day)
        assert store.expire(Retention.DAYS, 30) == []
    assert len(store.conversations()) == 10


def test_what_expires_can_be_restored_until_it_is_purged(store: Store, set_day: Clock) -> None:
    set_day(100)
    key = store.create("assistant").key
    say(store, key, "old")
    for day in (140, 141, 142):
        set_day(day)
        store.expire(Retention.DAYS, 30)
    assert store.conversations() == ()
    store.restore_conversation(key)
    assert shown(store, key) == ["old"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Short one.", "Short one"),
        (
            "If I leave at a quarter past eight and the ride takes three hours",
            "If I leave at a quarter past eight and the ride…",
        ),
        ("一" * 60, "一" * 48 + "…"),
    ],
)
def test_titles_are_cut_at_words(text: str, title: str) -> None:
    assert title_of(text) == title


def test_only_its_owner_can_read_the_database(tmp_path: Path) -> None:
    (tmp_path / "conversations.sqlite").touch(0o644)
    store = open_store(tmp_path)
    say(store, store.create("assistant").key, "hello")
    files = list(tmp_path.glob("conversations.sqlite*"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()


@pytest.mark.parametrize("key", ["../../kept", "..", "", "a/b", b"bytes"])
def test_a_key_that_names_a_folder_elsewhere_removes_nothing_there(tmp_path: Path, key: str | bytes) -> None:
    store = Store(tmp_path / "data" / "conversations.sqlite", tmp_path / "data" / "recordings")
    (tmp_path / "kept").mkdir()
    (tmp_path / "data" / "recordings" / "known").mkdir(parents=True)
    store.create("assistant", "known")
    store._database.write(lambda db: db.execute("UPDATE conversations SET key = ?, removed = 1.0", (key,)))
    store.purge()
    assert (tmp_path / "kept").is_dir()
    assert (tmp_path / "data" / "recordings" / "known").is_dir()
    assert len(store.take_troubles()) == 1
    store.close()
