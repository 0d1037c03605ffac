"""A conversation on disk and back: equal, one file a turn, whole after a crash, and a sentence for what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.conversation.remembering.saving import holds_conversation
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.errors import StorageError
from engine.events import Thinking, Turn
from engine.language import Sampling
from engine.session import Session
from tests.engine.conversation.remembering.first_format import save_in_first_format
from tests.fakes import SmallEngine, tone


@pytest.fixture(scope="module")
def engine() -> SmallEngine:
    return SmallEngine()


def settings() -> SessionSettings:
    return SessionSettings(sampling=Sampling(temperature=0.0), tools=ToolRegistry([tool(calculator)]))


@pytest.fixture
def talked(engine: SmallEngine) -> Session:
    """A session with a spoken, a thinking, a tool and an interrupted turn."""
    vocabulary = engine.vocabulary
    session = Session(engine, settings())
    list(session.ask(Turn(samples_16k=tone(0.777), max_tokens=40, transcribe=True)))
    list(session.ask(Turn(text="你好", thinking=Thinking.ALWAYS, thinking_budget=6, max_tokens=40)))
    inside = vocabulary.encode('function\ncalculator\n{"expression": "1/3"}')
    marks = vocabulary.special("<tool_call>"), vocabulary.special("</tool_call>")
    engine.llm.scripts.append([marks[0], *inside, marks[1], vocabulary.eot])
    list(session.ask(Turn(text="a third?", allow_tools=("calculator",), max_tokens=60)))
    engine.llm.scripts.append([vocabulary.encode("I")[0], *vocabulary.speech[:80]])
    stream = session.ask(Turn(samples_16k=np.round(tone() * 32768).astype(np.float32) / 32768))
    for _ in range(3):
        next(stream)
    stream.close()
    return session


def restored(engine: SmallEngine, folder: Path) -> Session:
    return Session(engine, settings(), saved=folder)


def add_turns(session: Session, count: int) -> None:
    for number in range(count):
        list(session.ask(Turn(text=f"question {number}", spoken_answer=False, max_tokens=3)))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """When each file was written, in a way that shows a second writing of the same bytes."""
    return {file.name: (file.stat().st_ino, file.stat().st_size) for file in folder.iterdir()}


def assert_same(one: Session, other: Session) -> None:
    for mine, theirs in zip(one.turns, other.turns, strict=True):
        assert mine.passages == theirs.passages
        for name in ("text", "transcript", "thinking", "reason", "statistics", "pieces"):
            assert getattr(mine, name) == getattr(theirs, name), name
        assert mine.speech_tokens.tolist() == theirs.speech_tokens.tolist()
        np.testing.assert_array_equal(mine.samples_16k, theirs.samples_16k)


def test_a_saved_conversation_comes_back_as_it_was(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    again = restored(engine, tmp_path)
    assert again.path == talked.path
    assert_same(talked, again)


def test_it_goes_on_with_the_same_ids(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    again = restored(engine, tmp_path)
    for session in (talked, again):
        list(session.ask(Turn(text="go on", max_tokens=30)))
    assert talked.turns[-1].passages == again.turns[-1].passages


def test_a_past_reply_can_be_spoken_after_restoring(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    last = talked.path[3]
    again = [speech.samples_24k for speech in restored(engine, tmp_path).speak_again(last)]
    assert sum(map(len, again)) == 960 * len(talked.turns[3].speech_tokens)


# What is written.


def test_a_turn_is_a_file_that_is_written_once(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    before = contents(tmp_path)
    assert set(before) == {"index.jsonl", *(f"{turn_id}.turn" for turn_id in talked.path)}
    talked.save(tmp_path)
    assert contents(tmp_path) == before
    add_turns(talked, 1)
    talked.save(tmp_path)
    after = contents(tmp_path)
    assert {name for name in after if before.get(name) != after[name]} == {"index.jsonl", f"{talked.path[-1]}.turn"}
    assert after["index.jsonl"][0] == before["index.jsonl"][0], "the index is not appended to"
    again = restored(engine, tmp_path)
    again.save(tmp_path)
    assert contents(tmp_path) == after


def test_only_a_turn_that_changed_is_written_again(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    again = restored(engine, tmp_path)
    before, first = contents(tmp_path), again.path[0]
    again.played(first, 960)
    again.save(tmp_path)
    after = contents(tmp_path)
    assert {name for name in after if before[name] != after[name]} == {f"{first}.turn"}
    assert len(restored(engine, tmp_path).turn(first).speech_tokens) == 1


def test_turns_off_the_path_are_saved_as_well(engine: SmallEngine, tmp_path: Path) -> None:
    session = Session(engine)
    add_turns(session, 3)
    old = session.path
    session.save(tmp_path)
    list(session.edit(old[1], Turn(text="another", spoken_answer=False, max_tokens=3)))
    session.save(tmp_path)
    assert len((tmp_path / "index.jsonl").read_text().splitlines()) == 2, "a branch is one more line"
    branch = session.path
    assert (restored(engine, tmp_path).path, restored(engine, tmp_path).remembered) == (branch, {*old, *branch})
    session.follow(old)
    session.save(tmp_path)
    assert (restored(engine, tmp_path).path, restored(engine, tmp_path).remembered) == (old, {*old, *branch})


def test_what_is_forgotten_leaves_no_file(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    first, *others = talked.path
    talked.forget([first])
    talked.save(tmp_path)
    assert names(tmp_path) == {"index.jsonl", *(f"{turn_id}.turn" for turn_id in others)}
    assert first.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    talked.forget(others)
    talked.save(tmp_path)
    assert names(tmp_path) == {"index.jsonl"}
    assert restored(engine, tmp_path).turns == ()


def test_what_no_turn_owns_is_swept_away_and_nothing_else(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    mine = names(tmp_path)
    for name in (
        "0123.turn",
        f".{talked.path[0]}.turn.x1.part",
        ".index.jsonl.x2.part",
        "arrays-77.npz",
        "session.json",
    ):
        (tmp_path / name).write_text("left behind")
    for name in ("notes.txt", "song.npz"):
        (tmp_path / name).write_text("the person's own")
    restored(engine, tmp_path)
    assert names(tmp_path) == {*mine, "notes.txt", "song.npz"}


def test_files_are_for_their_owner_only(talked: Session, tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        talked.save(tmp_path / "kept" / "session")
    finally:
        os.umask(mask)
    folders = [tmp_path / "kept", tmp_path / "kept" / "session"]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert {file.stat().st_mode & 0o777 for file in folders[1].iterdir()} == {0o600}


def test_any_id_is_a_file_name(engine: SmallEngine, tmp_path: Path) -> None:
    session = Session(engine)
    ids = ("../../above", "a/b", "UPPER", "upper", "", "\ud800", "x" * 5000)
    for turn_id in ids:
        list(session.ask(Turn(text="hi", id=turn_id, spoken_answer=False, max_tokens=3)))
    session.save(tmp_path / "session")
    assert names(tmp_path) == {"session"}
    assert restored(engine, tmp_path / "session").path == ids


def test_another_folder_gets_all_of_it(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    for name in ("one", "two"):
        talked.save(tmp_path / name)
        assert_same(talked, restored(engine, tmp_path / name))
    for file in (tmp_path / "two").iterdir():
        file.unlink()
    talked.save(tmp_path / "two")
    assert_same(talked, restored(engine, tmp_path / "two"))


def test_text_that_is_no_unicode_is_kept(engine: SmallEngine, tmp_path: Path) -> None:
    session = Session(engine)
    list(session.ask(Turn(text="half \ud800 a sign", spoken_answer=False, max_tokens=5)))
    session.save(tmp_path)
    assert Session(engine, saved=tmp_path).turns[0].text == "half \ud800 a sign"


# Crashes.


class Crash(BaseException):
    """The program ends here."""


def crash_at(step: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The program ends before its n-th change to the disk: a file put in its place, synced or removed."""
    left = [step]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def change(*arguments: object, **options: object) -> object:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return real(*arguments, **options)

        return change

    patch.setattr(Path, "replace", counted(Path.replace))
    patch.setattr(Path, "unlink", counted(Path.unlink))
    patch.setattr(os, "fsync", counted(os.fsync))
    yield


def changes(session: Session) -> None:
    """Everything that a save may have to do: two new turns, a changed one, a forgotten one, another path."""
    first, second, *_ = session.path
    add_turns(session, 1)
    session.played(second, 0)
    list(session.edit(session.path[-1], Turn(text="other", spoken_answer=False, max_tokens=3)))
    session.forget([first])


def test_a_crash_at_any_moment_leaves_all_turns_but_the_one_being_written(engine: SmallEngine, tmp_path: Path) -> None:
    step, crashed = 0, True
    while crashed:
        folder = tmp_path / str(step)
        session = Session(engine)
        add_turns(session, 3)
        session.save(folder)
        old = session.path
        changes(session)
        with pytest.MonkeyPatch.context() as patch:
            try:
                for _ in crash_at(step, patch):
                    session.save(folder)
                crashed = False
            except Crash:
                crashed = True
        again = restored(engine, folder)
        assert again.path in (old, session.path)
        assert again.remembered in (set(old), session.remembered)
        assert {f"{turn_id}.turn" for turn_id in again.remembered} == {n for n in names(folder) if n.endswith("turn")}
        assert not [name for name in names(folder) if name.endswith(".part")]
        step += 1
    assert step > 5


def test_a_line_that_was_not_written_to_its_end_costs_its_turn_only(engine: SmallEngine, tmp_path: Path) -> None:
    session = Session(engine)
    add_turns(session, 2)
    session.save(tmp_path)
    before = session.path
    add_turns(session, 1)
    session.save(tmp_path)
    index = tmp_path / "index.jsonl"
    whole = index.read_bytes()
    for cut in range(1, len(whole) - whole[:-1].rfind(b"\n")):
        index.write_bytes(whole[:-cut])
        (tmp_path / f"{session.path[-1]}.turn").write_bytes(b"half")
        again = restored(engine, tmp_path)
        assert again.path == before
        assert len(names(tmp_path)) == 3
    add_turns(again, 1)
    again.save(tmp_path)
    assert restored(engine, tmp_path).path == again.path


def test_a_disk_that_is_full_for_a_moment_costs_nothing(
    engine: SmallEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(engine)
    add_turns(session, 2)
    session.save(tmp_path)
    add_turns(session, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StorageError, match="disk is full"):
            session.save(tmp_path)
    assert len(restored(engine, tmp_path).turns) == 2
    session.save(tmp_path)
    assert restored(engine, tmp_path).path == session.path


# What is wrong.


def test_another_models_ids_come_back_as_text_and_stay_on_disk(
    talked: Session, engine: SmallEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talked.save(tmp_path)
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("engine.conversation.remembering.turn_file.fingerprint", lambda _vocabulary: "another")
        other = restored(engine, tmp_path)
        assert [turn.answer for turn in other.turns] == [turn.answer for turn in talked.turns]
        assert all(len(turn.speech_tokens) == 0 for turn in other.turns)
        list(other.ask(Turn(text="go on", max_tokens=10)))
        other.save(tmp_path)
    assert all(contents(tmp_path)[name] == before[name] for name in before if name != "index.jsonl")
    back = restored(engine, tmp_path)
    assert [len(turn.speech_tokens) for turn in back.turns[:4]] == [len(turn.speech_tokens) for turn in talked.turns]
    assert len(back.turns[4].speech_tokens) == 0


def test_a_folder_without_a_conversation_is_a_sentence(engine: SmallEngine, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no saved conversation: session\.json"):
        Session(engine, saved=tmp_path)
    assert not holds_conversation(tmp_path)


def test_a_newer_format_is_refused_and_left_alone(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    (tmp_path / "index.jsonl").write_text(json.dumps({"format": 3, "turns": [], "path": []}) + "\n")
    (tmp_path / "0123.turn").write_text("of a newer Earshot")
    before = contents(tmp_path)
    with pytest.raises(StorageError, match=r"newer Earshot \(format 3\): update Earshot"):
        Session(engine, saved=tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", "{}", '{"format": "x"}', '{"format": 2, "turns": 5, "path": []}', '{"format": 2, "turns": [],'
     ' "path": ["a"]}', '{"format": 2, "turns": [1], "path": []}', '{"format": 2, "turns": ["a", "a"], "path": []}',
     '{"format": 2, "turns": [], "path": []}\n{"turn": "b", "after": "a"}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_index_is_a_sentence(engine: SmallEngine, tmp_path: Path, line: str) -> None:
    (tmp_path / "index.jsonl").write_text(line + "\n")
    with pytest.raises(StorageError) as error:
        Session(engine, saved=tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "damaged" in str(error.value)


def test_a_damaged_turn_costs_the_others_nothing(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    first, second, *others = talked.path
    (tmp_path / f"{first}.turn").write_bytes(b"PK damaged")
    (tmp_path / f"{second}.turn").unlink()
    again = restored(engine, tmp_path)
    assert (again.path, again.remembered) == (tuple(others), set(others))
    again.remember(first, Turn(text="from elsewhere"), "stored words")
    again.follow([first, *others])
    again.save(tmp_path)
    assert restored(engine, tmp_path).path == (first, *others)


def test_a_flipped_bit_anywhere_in_a_turn_is_noticed_or_means_nothing(
    talked: Session, engine: SmallEngine, tmp_path: Path
) -> None:
    talked.save(tmp_path)
    last = talked.path[-1]
    file = tmp_path / f"{last}.turn"
    whole = file.read_bytes()
    kept = 0
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        again = restored(engine, tmp_path)
        if last in again.path:
            kept += 1
            assert again.turn(last).passages == talked.turn(last).passages
            np.testing.assert_array_equal(again.turn(last).samples_16k, talked.turn(last).samples_16k)
    assert kept < 20


# Folders of 0.1.0.


def test_folders_of_the_first_version_are_taken_over(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    save_in_first_format(tmp_path, talked.turns, engine.vocabulary)
    assert holds_conversation(tmp_path)
    old = names(tmp_path)
    first = restored(engine, tmp_path)
    assert_same(talked, first)
    assert len(set(first.path)) == 4
    assert not {*first.path} & {*talked.path}
    assert restored(engine, tmp_path).path == first.path, "the ids are others each time"
    assert names(tmp_path) == old
    first.save(tmp_path)
    assert names(tmp_path) == {"index.jsonl", *(f"{turn_id}.turn" for turn_id in first.path)}
    again = restored(engine, tmp_path)
    assert again.path == first.path
    assert_same(talked, again)


def test_a_crash_while_a_folder_is_taken_over_leaves_the_old_or_the_new(
    talked: Session, engine: SmallEngine, tmp_path: Path
) -> None:
    for step in range(14):
        folder = tmp_path / str(step)
        save_in_first_format(folder, talked.turns, engine.vocabulary)
        session = restored(engine, folder)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Crash):
            for _ in crash_at(step, patch):
                session.save(folder)
        again = restored(engine, folder)
        assert again.path == session.path
        assert_same(again, talked)


@pytest.mark.parametrize("damage", ["json", "arrays", "no arrays", "newer", "shape", "key"])
def test_a_damaged_folder_of_the_first_version_is_a_sentence(
    talked: Session, engine: SmallEngine, tmp_path: Path, damage: str
) -> None:
    save_in_first_format(tmp_path, talked.turns, engine.vocabulary)
    file, arrays = tmp_path / "session.json", next(tmp_path.glob("arrays-*.npz"))
    values = json.loads(file.read_text())
    if damage == "json":
        file.write_text(file.read_text()[:-200])
    elif damage == "arrays":
        arrays.write_bytes(arrays.read_bytes()[:-300])
    elif damage == "no arrays":
        arrays.unlink()
    elif damage == "newer":
        file.write_text(json.dumps(values | {"format": 99}))
    elif damage == "shape":
        file.write_text(json.dumps(values | {"turns": 5}))
    else:
        file.write_text(json.dumps({"format": 1}))
    before = contents(tmp_path)
    with pytest.raises(StorageError) as error:
        restored(engine, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert contents(tmp_path) == before
