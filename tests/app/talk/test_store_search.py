"""What is found of conversations, and in which order."""

from __future__ import annotations

import pytest

from app.talk.store import Store
from tests.app.talk.stores import say


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
        say(store, store.create("assistant").key, text)
    assert [view.snippet for view in store.find(query)] == [found]


@pytest.mark.parametrize("query", ['"', "*", "NEAR(", "a AND", "()", "'; DROP TABLE turns", "\0", "\udce9", " "])
def test_search_survives_any_punctuation(store: Store, query: str) -> None:
    say(store, store.create("assistant").key, "hello")
    assert store.find(query) == ()
    assert len(store.conversations()) == 1


def test_answers_and_names_are_searched_too(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "hello", "a green elephant")
    store.rename(key, "Zoo")
    assert [view.key for view in store.find("elephant")] == [key]
    assert [view.key for view in store.find("zoo")] == [key]


def test_the_newest_conversations_are_found_first_and_as_many_as_wanted(store: Store) -> None:
    keys = [store.create("assistant").key for _ in range(5)]
    for key in keys:
        say(store, key, "hello again")
    assert [view.key for view in store.find("hello")] == keys[::-1]
    assert [view.key for view in store.find("hello", 2)] == keys[:2:-1]
