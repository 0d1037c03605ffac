from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Retention
from app.shown.talk import ToolState, TurnState
from app.talk.store import Store
from app.talk.stored_turn import StoredTool, StoredTurn, view_of
from app.talk.turn_rows import title_of
from engine.errors import StorageError
from engine.events import new_turn_id

SECRET = "marzipanpotato"
Clock = Callable[[float], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def set_day(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def set_it(day: float) -> None:
        monkeypatch.setattr("time.time", lambda: day * 86_400.0)

    return set_it


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


def files_with(folder: Path, word: str) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and word.encode() in file.read_bytes().lower()]


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


# Version 0.1.0.

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


# Damage.


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
