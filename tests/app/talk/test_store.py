from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Retention
from app.shown import ToolState, ToolView, TurnState, TurnView
from app.talk.store import Store, StoredTurn, title_of
from engine.errors import StorageError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    yield store
    store.close()


def said(store: Store, conversation: str, text: str, answer: str = "") -> StoredTurn:
    return store.add(StoredTurn(TurnView(0, TurnState.DONE, text, answer=answer), conversation))


def test_a_turn_comes_back_as_it_was(store: Store) -> None:
    key = store.create("assistant").key
    tools = (ToolView("calculator", "1+1", "2", ToolState.DONE),)
    view = TurnView(0, TurnState.DONE, "One?", (0.5, 1.0), 1.25, thinking="Hm.", tools=tools, answer="Two.")
    kept = store.add(StoredTurn(view, key, "said.flac", "answer.wav", ((0, 0, 4),), 0))
    assert store.turns(key) == [kept]


def test_a_turn_cut_short_by_a_crash_says_so_and_keeps_its_recording(store: Store) -> None:
    key = store.create("assistant").key
    store.add(StoredTurn(TurnView(0, TurnState.SPEAKING, "One?"), key, "said.flac"))
    (turn,) = store.turns(key)
    assert (turn.view.state, turn.recording) == (TurnState.FAILED, "said.flac")
    assert "What you said is kept" in turn.view.problem


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("weather", "the \x02weather\x03 in Oslo"),
        ("WEATH", "the \x02weather\x03 in Oslo"),
        ("oslo weather", "the \x02weather\x03 in \x02Oslo\x03"),
        ("门票", "荡口古镇的\x02门票\x03"),
    ],
)
def test_search_finds_what_was_said_in_either_script(store: Store, query: str, found: str) -> None:
    for text in ("the weather in Oslo", "荡口古镇的门票", "票门"):
        said(store, store.create("assistant").key, text)
    assert [view.snippet for view in store.conversations(query)] == [found]


@pytest.mark.parametrize("query", ['"', "*", "NEAR(", "a AND", "()", "'; DROP TABLE turns"])
def test_search_survives_any_punctuation(store: Store, query: str) -> None:
    said(store, store.create("assistant").key, "hello")
    assert store.conversations(query) == ()
    assert len(store.conversations()) == 1


def test_answers_and_names_are_searched_too(store: Store) -> None:
    key = store.create("assistant").key
    said(store, key, "hello", "a green elephant")
    store.rename(key, "Zoo")
    assert [view.key for view in store.conversations("elephant")] == [key]
    assert [view.key for view in store.conversations("zoo")] == [key]


def test_the_newest_conversation_comes_first_and_is_named_by_its_first_words(store: Store) -> None:
    first, second = store.create("assistant").key, store.create("coach").key
    said(store, second, "Second one.")
    said(store, first, "First one.")
    assert [(view.title, view.turns) for view in store.conversations()] == [("First one", 1), ("Second one", 1)]


def test_a_given_name_is_not_replaced_by_later_words(store: Store) -> None:
    key = store.create("assistant").key
    turn = said(store, key, "hello")
    store.rename(key, "Mine")
    store.save(replace(turn, view=replace(turn.view, text="other")))
    assert store.conversations()[0].title == "Mine"


def test_an_answer_names_a_conversation_until_what_was_said_is_written_down(store: Store) -> None:
    key = store.create("assistant").key
    first = said(store, key, "", "Eighty-four.")
    assert store.conversations()[0].title == "Eighty-four"
    store.save(replace(first, view=replace(first.view, text="twelve times seven")))
    assert store.conversations()[0].title == "twelve times seven"


def test_a_later_turn_does_not_name_a_conversation_again(store: Store) -> None:
    key = store.create("assistant").key
    said(store, key, "", "Eighty-four.")
    said(store, key, "and once more", "Eighty-four.")
    assert store.conversations()[0].title == "Eighty-four"


def test_deleting_removes_turns_words_and_files(store: Store, tmp_path: Path) -> None:
    key = store.create("assistant").key
    said(store, key, "secret")
    store.folder(key).mkdir(parents=True)
    (store.folder(key) / "said.flac").write_bytes(b"x")
    store.delete(key)
    assert store.conversations() == store.conversations("secret") == ()
    assert not store.folder(key).exists()
    rows = sqlite3.connect(tmp_path / "conversations.sqlite").execute("SELECT count(*) FROM said").fetchone()
    assert rows == (0,)


def test_retention_keeps_all_some_or_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.talk.store.time.time", lambda: 1_000_000.0)
    old = store.create("assistant").key
    said(store, old, "old")
    monkeypatch.setattr("app.talk.store.time.time", lambda: 1_000_000.0 + 31 * 86_400)
    said(store, store.create("assistant").key, "new")
    assert store.expire(Retention.ALL, 30) == []
    assert store.expire(Retention.DAYS, 30) == [old]
    assert len(store.expire(Retention.NONE, 30)) == 1
    assert store.conversations() == ()


def test_a_store_that_cannot_be_opened_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "conversations.sqlite").mkdir()
    with pytest.raises(StorageError, match=r"conversations\.sqlite"):
        Store(tmp_path / "conversations.sqlite", tmp_path)


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
