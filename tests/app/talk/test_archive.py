"""Conversations exported as files and imported again: nothing is lost, nothing deleted comes along, and what is damaged
changes nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app import conversations_cli
from app.shown.talk import ToolState, TurnState
from app.talk.archive_files import copy_sounds, file_name_of, read_archive_file, write_archive
from app.talk.store import Store
from app.talk.stored_turn import StoredTool, StoredTurn
from engine import cli
from engine.errors import StorageError
from engine.events import new_turn_id

DELETED = "marzipanpotato"
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the command line looks, too."""
    home = tmp_path / "home"
    (home / "recordings").mkdir(parents=True)
    monkeypatch.setenv("EARSHOT_HOME", str(home))
    return home


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    store = opened(home)
    yield store
    store.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """Another machine's."""
    (tmp_path / "other" / "recordings").mkdir(parents=True)
    store = opened(tmp_path / "other")
    yield store
    store.close()


def opened(home: Path) -> Store:
    return Store(home / "conversations.sqlite", home / "recordings")


def recording(store: Store, key: str, name: str) -> str:
    samples = np.random.default_rng(len(name)).normal(0, 0.1, 16_000).astype(np.float32)
    store.folder(key).mkdir(exist_ok=True)
    soundfile.write(store.folder(key) / name, samples, 16_000)
    return name


def say(store: Store, key: str, after: str | None, text: str, **more: Any) -> str:
    turn = StoredTurn(new_turn_id(), key, text=text, **more)
    store.add(turn, after)
    return turn.id


@pytest.fixture
def key(store: Store) -> str:
    """A conversation with two forks, a tool, sounds, an interruption, a failure and two deleted turns."""
    key = store.create("interpreter").key
    said, spoken = recording(store, key, "said-1.flac"), recording(store, key, "answer-1.wav")
    tool = StoredTool("calculator", "1+1", "2", ToolState.DONE)
    first = say(store, key, None, "One?", answer="Two.", tools=(tool,), recording=said, sound=spoken, seconds=1.0,
                peaks=(0.5, 1.0), spans=((0, 0, 4),), thinking="Hm.", thinking_s=0.5)  # fmt: skip
    older = say(store, key, first, "Older?", answer="Old.")
    say(store, key, older, "After the older one?", answer="Yes.")
    deleted = say(store, key, first, "Newer?", answer="New, in part", unspoken=" and unheard", heard_24k=12_000,
                  state=TurnState.INTERRUPTED)  # fmt: skip
    between = say(store, key, deleted, DELETED, recording=recording(store, key, "said-2.flac"))
    last = say(store, key, between, "Last?", state=TurnState.FAILED, problem="It failed.")
    store.remove_turn(say(store, key, last, "Again " + DELETED))
    store.remove_turn(between)
    store.show_version(older)
    store.show_version(deleted)
    store.rename(key, "One: a / plan?")
    return key


def contents(store: Store, key: str) -> list[tuple[StoredTurn, int]]:
    """The shown branch without ids, and how many versions each turn has."""
    versions = store.all_versions(key)
    return [(replace(turn, id="", conversation=""), len(versions[turn.id])) for turn in store.path(key)]


def everything(store: Store, key: str) -> list[Any]:
    """Both branches, with what was said in them."""
    shown = contents(store, key)
    fork = store.path(key)[1].id
    other = next(version for version in store.versions(fork) if version != fork)
    store.show_version(other)
    hidden = contents(store, key)
    store.show_version(fork)
    view = store.conversation(key)
    assert view is not None
    return [view.title, view.preset, view.turns, shown, hidden]


def sounds(store: Store, key: str) -> dict[str, bytes]:
    folder = store.folder(key)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def export(store: Store, key: str, place: Path, kind: str) -> Path:
    archive = store.archive(key)
    assert archive is not None
    return write_archive(archive, store.folder(key), place, kind)


def take_in(store: Store, place: Path) -> str:
    archive, files = read_archive_file(place)
    archive = store.make_room(archive)
    copy_sounds(archive, files, store.folder(archive.key))
    store.add_archive(archive)
    return archive.key


def test_a_folder_brings_everything_to_another_machine(
    store: Store, key: str, elsewhere: Store, tmp_path: Path
) -> None:
    place = export(store, key, tmp_path / "out" / "Plan", "folder")
    assert take_in(elsewhere, place) == key, "an id that nothing has stays"

    assert everything(elsewhere, key) == everything(store, key)
    assert [turn.id for turn in elsewhere.path(key)] == [turn.id for turn in store.path(key)]
    kept = sounds(store, key)
    del kept["said-2.flac"]  # of a deleted turn
    assert sounds(elsewhere, key) == kept
    assert [each.title for each in elsewhere.find("unheard")] == ["One: a / plan?"]
    assert [each.title for each in elsewhere.find("plan")] == ["One: a / plan?"]


def test_what_is_imported_where_it_came_from_is_a_second_conversation(store: Store, key: str, tmp_path: Path) -> None:
    before = everything(store, key)
    again = take_in(store, export(store, key, tmp_path / "Plan", "folder"))

    assert again != key
    assert everything(store, again) == before
    assert everything(store, key) == before
    assert not {turn.id for turn in store.path(again)} & store.ids(key)
    store.remove_conversation(key)
    store.purge()
    assert everything(store, again) == before, "neither hangs on the other"
    assert set(sounds(store, again)) == {"said-1.flac", "answer-1.wav"}


def test_json_alone_brings_everything_but_the_sound(store: Store, key: str, elsewhere: Store, tmp_path: Path) -> None:
    take_in(elsewhere, export(store, key, tmp_path / "Plan.json", "json"))

    expected, found = everything(store, key), everything(elsewhere, key)
    silent = {"recording": "", "sound": "", "spans": ()}
    for branch in (3, 4):
        expected[branch] = [(replace(turn, **silent), versions) for turn, versions in expected[branch]]
    assert found == expected
    assert sounds(elsewhere, key) == {}


@pytest.mark.parametrize("kind", ["md", "json", "folder"])
def test_deleted_turns_are_in_no_export(store: Store, key: str, tmp_path: Path, kind: str) -> None:
    assert any(DELETED in (turn.text if (turn := store.turn(id)) else "") for id in store.ids(key))
    place = export(store, key, tmp_path / f"Plan.{kind}", kind)
    written = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    assert not any(DELETED.encode() in path.read_bytes() for path in written)
    assert not any(path.name == "said-2.flac" for path in written)


def test_markdown_reads_as_the_page_does(store: Store, key: str, tmp_path: Path) -> None:
    assert export(store, key, tmp_path / "Plan.md", "md").read_text(encoding="utf-8") == (
        "# One: a / plan?\n\n"
        "**You:** One?\n\n> calculator(1+1) → 2\n\n**Earshot:** Two.\n\n"
        "**You:** Newer?\n\n**Earshot:** New, in part and unheard\n\n*Interrupted: the rest was not spoken*\n\n"
        "**You:** Last?\n"
    )


def test_a_second_folder_of_the_same_name_leaves_the_first_alone(store: Store, key: str, tmp_path: Path) -> None:
    first = export(store, key, tmp_path / "Plan", "folder")
    assert export(store, key, tmp_path / "Plan", "folder") == tmp_path / "Plan 2"
    assert first == tmp_path / "Plan"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "Plan"))) == ["Plan", "Plan 2"]


def test_a_sound_that_is_lost_does_not_keep_the_rest(store: Store, key: str, elsewhere: Store, tmp_path: Path) -> None:
    (store.folder(key) / "answer-1.wav").unlink()
    take_in(elsewhere, export(store, key, tmp_path / "Plan", "folder"))
    first = elsewhere.path(key)[0]
    assert (first.answer, first.recording, first.sound) == ("Two.", "said-1.flac", "")


def test_a_title_names_a_file_anywhere() -> None:
    assert file_name_of(' a/b\\c: "d" \n') == "a b c d"
    assert file_name_of("..") == "Conversation"


def point_elsewhere(value: dict[str, Any]) -> None:
    value["turns"][0]["recording"] = "../../conversations.sqlite"
    value["sounds"]["../../conversations.sqlite"] = "0" * 64


def make_a_circle(value: dict[str, Any]) -> None:
    value["turns"][0]["parent"] = value["turns"][1]["id"]


DAMAGES: dict[str, Change] = {
    "another format": lambda value: value.update(format="Somebody else's"),
    "a newer version": lambda value: value.update(version=2),
    "no version": lambda value: value.pop("version"),
    "no turns": lambda value: value.update(turns=[]),
    "a parent that is not there": lambda value: value["turns"][1].update(parent="0" * 32),
    "a circle": make_a_circle,
    "one id twice": lambda value: value["turns"].append(value["turns"][0]),
    "a file elsewhere": point_elsewhere,
    "a sound that is not listed": lambda value: value["turns"][1].update(sound="answer-9.wav"),
    "text that is none": lambda value: value["turns"][0].update(answer=3),
    "an unknown state": lambda value: value["turns"][0].update(state="dancing"),
    "a time before all time": lambda value: value["turns"][0].update(created=-1.0),
    "no end": lambda value: value.update(shown=None),
    "a follower that follows another": lambda value: value["turns"][0].update(shown_follower=value["turns"][0]["id"]),
    "an id that leads elsewhere": lambda value: value.update(id="../../../home/somebody"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused_and_change_nothing(store: Store, key: str, tmp_path: Path, damage: str) -> None:
    place = export(store, key, tmp_path / "Plan", "folder")
    value = json.loads((place / "conversation.json").read_text(encoding="utf-8"))
    DAMAGES[damage](value)
    (place / "conversation.json").write_text(json.dumps(value), encoding="utf-8")
    refused(store, key, place)


def cut_json(place: Path) -> None:
    file = place / "conversation.json"
    file.write_bytes(file.read_bytes()[:-40])


def change_sound(place: Path) -> None:
    file = place / "sounds" / "said-1.flac"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")


@pytest.mark.parametrize(
    "damage",
    [
        cut_json,
        change_sound,
        lambda place: (place / "sounds" / "answer-1.wav").unlink(),
        lambda place: (place / "conversation.json").unlink(),
        lambda place: (place / "conversation.json").write_bytes(b"\xff\xfe"),
        lambda place: (place / "conversation.json").write_text("[" * 100_000),
        shutil.rmtree,
    ],
)
def test_incomplete_folders_are_refused_and_change_nothing(
    store: Store, key: str, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    place = export(store, key, tmp_path / "Plan", "folder")
    damage(place)
    refused(store, key, place)


def refused(store: Store, key: str, place: Path) -> None:
    before = everything(store, key), store.conversations()
    with pytest.raises(StorageError, match="Plan"):
        take_in(store, place)
    assert (everything(store, key), store.conversations()) == before
    assert [path.name for path in store.folder(key).parent.iterdir()] == [key]


def test_an_import_that_cannot_be_copied_leaves_nothing(
    store: Store, key: str, elsewhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = export(store, key, tmp_path / "Plan", "folder")

    def full(*_files: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StorageError, match="the disk is full"):
        take_in(elsewhere, place)
    assert elsewhere.conversations() == ()
    assert not elsewhere.folder(key).exists()


# On the command line.


def earshot(*arguments: str) -> int:
    return cli.main(["conversations", *arguments], more=(conversations_cli,))


def test_the_command_line_exports_and_imports(
    store: Store, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert earshot("list") == 0
    line = capsys.readouterr().out
    assert line.startswith(key[:8])
    assert line.endswith("   3  One: a / plan?\n")
    before = everything(store, key)
    assert earshot("export", "One: a / plan?", "--format", "folder", "-o", str(tmp_path / "out")) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'One a plan'}\n"
    assert earshot("import", str(tmp_path / "out" / "One a plan")) == 0
    again = capsys.readouterr().out[:8]
    assert again != key[:8]
    imported = next(each.key for each in store.conversations() if each.key.startswith(again))
    assert everything(store, imported) == before
    assert earshot("export", "--all", "--format", "md", "-o", str(tmp_path / "out")) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.md")) == ["One a plan 2.md", "One a plan.md"]
    assert earshot("export", "--all", "-o", str(tmp_path / "out")) == 0
    assert len(list((tmp_path / "out").glob("*.md"))) == 4, "what is there stays"


def test_the_command_line_says_when_there_is_nothing_to_export(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert earshot("export", "--all", "-o", str(tmp_path / "out")) == 0
    assert capsys.readouterr().err == "There are no conversations yet.\n"
    assert not (tmp_path / "out").exists()


def test_the_command_line_says_in_a_sentence_what_is_wrong(
    store: Store, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Plan.json").write_text("{}")
    for arguments, words in (
        (("export", "Nothing"), "There is no conversation 'Nothing'"),
        (("export",), "Name the conversations to export"),
        (("export", "--all", "-o", str(tmp_path / "no" / "where")), "There is no folder"),
        (("import", str(tmp_path / "Plan.json")), "Plan.json is not a conversation exported by Earshot."),
        (("import", str(tmp_path / "None.json")), "None.json cannot be read"),
    ):
        assert earshot(*arguments) == 2
        assert words in capsys.readouterr().err
    assert [each.key for each in store.conversations()] == [key]


def test_an_import_into_a_file_that_may_not_be_written_is_refused(
    store: Store, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = export(store, key, tmp_path / "Plan.json", "json")
    lost = sqlite3.OperationalError("unable to open database file")

    def cannot(*_arguments: object) -> None:
        raise lost

    monkeypatch.setattr("app.talk.database.open_private", cannot)
    assert earshot("import", str(place)) == 2
    assert "it could not be kept" in capsys.readouterr().err
