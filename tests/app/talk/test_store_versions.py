"""Versions of turns, and what is removed, brought back or purged, in the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.talk.store import Store
from tests.app.talk.stores import SECRET, files_with, open_store, say, shown


def test_another_version_stands_beside_the_first_and_both_keep_what_followed(store: Store) -> None:
    key = store.create("assistant").key
    first = say(store, key, "first")
    old = say(store, key, "old")
    say(store, key, "after old")
    new = say(store, key, "new", after=first)
    assert shown(store, key) == ["first", "new"]
    assert store.versions(new) == store.versions(old) == (old, new)
    say(store, key, "after new")
    store.show_version(old)
    assert shown(store, key) == ["first", "old", "after old"]
    store.show_version(new)
    assert shown(store, key) == ["first", "new", "after new"]
    assert store.all_versions(key) == {turn.id: store.versions(turn.id) for turn in store.path(key)}
    assert store.conversations()[0].turns == 3


def test_the_branch_that_was_shown_last_is_shown_again_at_every_fork(store: Store) -> None:
    key = store.create("assistant").key
    top = say(store, key, "top")
    a = say(store, key, "a", after=top)
    a1, a2 = (say(store, key, name, after=a) for name in ("a1", "a2"))
    b = say(store, key, "b", after=top)
    store.show_version(a1)
    store.show_version(b)
    store.show_version(a)
    assert shown(store, key) == ["top", "a", "a1"]
    assert a2 in store.versions(a1)


def test_the_first_question_can_have_versions_too(store: Store) -> None:
    key = store.create("assistant").key
    one = say(store, key, "one")
    two = say(store, key, "two", after=None)
    assert store.versions(one) == (one, two)
    assert shown(store, key) == ["two"]
    assert store.parent(two) is None


def test_a_turn_that_is_removed_leaves_its_followers_and_comes_back_to_its_place(store: Store) -> None:
    key = store.create("assistant").key
    one, two, three = (say(store, key, name) for name in ("one", "two", "three"))
    store.remove_turn(two)
    assert shown(store, key) == ["one", "three"]
    assert store.parent(three) == one
    assert store.find("two") == ()
    assert store.conversations()[0].turns == 2
    store.restore_turn(two)
    assert shown(store, key) == ["one", "two", "three"]
    assert [view.snippet for view in store.find("two")] == ["\x02two\x03"]


def test_a_turn_with_other_versions_takes_its_followers_along_and_brings_them_back(store: Store) -> None:
    key = store.create("assistant").key
    one = say(store, key, "one")
    old = say(store, key, "old")
    say(store, key, "after old")
    new = say(store, key, "new", after=one)
    store.show_version(old)
    store.remove_turn(old)
    assert shown(store, key) == ["one", "new"]
    assert store.versions(new) == (new,)
    assert store.find("after") == ()
    store.restore_turn(old)
    assert shown(store, key) == ["one", "old", "after old"]
    assert len(store.find("after")) == 1


def test_a_version_that_is_not_shown_is_removed_without_a_change_of_what_is(store: Store) -> None:
    key = store.create("assistant").key
    old = say(store, key, "old")
    say(store, key, "new", after=None)
    say(store, key, "after new")
    store.remove_turn(old)
    assert shown(store, key) == ["new", "after new"]


def test_what_is_asked_after_the_last_turn_was_removed_follows_it_once_it_is_back(store: Store) -> None:
    key = store.create("assistant").key
    one, two = say(store, key, "one"), say(store, key, "two")
    store.remove_turn(two)
    say(store, key, "three", after=one)
    assert shown(store, key) == ["one", "three"]
    store.restore_turn(two)
    assert shown(store, key) == ["one", "two", "three"]


def test_a_version_asked_while_the_turn_before_is_removed_stays_a_version(store: Store) -> None:
    key = store.create("assistant").key
    one, two, three = (say(store, key, name) for name in ("one", "two", "three"))
    store.remove_turn(two)
    other = say(store, key, "other three", after=one)
    assert store.versions(three) == (three, other)
    store.restore_turn(two)
    assert shown(store, key) == ["one", "two", "other three"]
    assert store.versions(three) == (three, other)


def test_a_conversation_whose_turns_are_all_removed_is_not_listed(store: Store) -> None:
    key = store.create("assistant").key
    only = say(store, key, "only")
    store.remove_turn(only)
    assert store.conversations() == ()
    store.restore_turn(only)
    assert len(store.conversations()) == 1


def test_a_removed_conversation_comes_back_whole(store: Store) -> None:
    key = store.create("assistant").key
    say(store, key, "secret")
    store.rename(key, "Mine")
    store.remove_conversation(key)
    assert store.conversations() == store.find("secret") == ()
    assert store.conversation(key) is None
    store.restore_conversation(key)
    assert [view.title for view in store.find("secret")] == ["Mine"]
    assert shown(store, key) == ["secret"]


def test_purging_makes_of_the_tree_what_was_shown(store: Store) -> None:
    key = store.create("assistant").key
    one, two, three = (say(store, key, name) for name in ("one", "two", "three"))
    other = say(store, key, "other three", after=two)
    below = say(store, key, "below")
    store.show_version(three)
    store.remove_turn(two)
    store.remove_turn(other)
    store.purge()
    assert shown(store, key) == ["one", "three"]
    assert store.parent(three) == one
    assert store.ids(key) == {one, three}
    assert store.turn(below) is None
    store.restore_turn(two)  # too late: nothing happens
    assert shown(store, key) == ["one", "three"]


def test_purging_leaves_no_conversation_without_turns(store: Store) -> None:
    empty, emptied = store.create("assistant").key, store.create("assistant").key
    store.folder(emptied).mkdir(parents=True)
    (store.folder(emptied) / "index.jsonl").write_bytes(b"x")
    store.remove_turn(say(store, emptied, "only"))
    store.purge()
    assert not store.knows(empty)
    assert not store.knows(emptied)
    assert not store.folder(emptied).exists()


def test_purging_removes_files_that_no_other_turn_has(store: Store) -> None:
    key = store.create("assistant").key
    store.folder(key).mkdir(parents=True)
    for name in ("said.flac", "old.wav", "new.wav"):
        (store.folder(key) / name).write_bytes(b"x")
    old = say(store, key, "once", recording="said.flac", sound="old.wav")
    new = say(store, key, "once", after=None, recording="said.flac", sound="new.wav")
    saved = store.folder(key) / "session"
    saved.mkdir()
    for id in (old, new):
        (saved / f"{id}.turn").write_bytes(b"x")
    store.remove_turn(old)
    assert len(list(store.folder(key).glob("*.*"))) == 3
    store.purge()
    assert sorted(file.name for file in store.folder(key).glob("*.*")) == ["new.wav", "said.flac"]
    assert [file.stem for file in saved.iterdir()] == [new]
    store.remove_conversation(key)
    store.purge()
    assert not store.folder(key).exists()


@pytest.mark.parametrize("what", ["turn", "conversation", "last turn of many"])
def test_purged_words_are_in_no_byte_of_any_file(tmp_path: Path, what: str) -> None:
    store = open_store(tmp_path)
    for number in range(200 if what == "last turn of many" else 2):
        say(store, store.create("assistant").key, f"ordinary words number {number}", "and an answer " * 20)
    key = store.create("assistant").key
    say(store, key, "ordinary")
    turn = say(store, key, f"my {SECRET} recipe", f"About {SECRET}.")
    store.save(replace(store.path(key)[1], problem=SECRET))
    assert files_with(tmp_path, SECRET)
    if what == "conversation":
        store.rename(key, SECRET)
        store.remove_conversation(key)
    else:
        store.remove_turn(turn)
    store.purge()
    assert files_with(tmp_path, SECRET) == []
    store.close()
    assert files_with(tmp_path, SECRET) == []
    store = open_store(tmp_path)
    assert len(store.find("ordinary")) == len(store.conversations())
    store.close()
