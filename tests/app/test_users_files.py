"""The user's files: nobody else reads them, and damaged ones do not keep the window from opening."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app import diagnostics
from app.paths import Paths
from app.settings import Settings
from app.shown.talk import TurnState
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from engine.events import new_turn_id
from engine.speaking.voice import Voice
from engine.speaking.voice_library import VoiceLibrary
from tests.app.conftest import Running
from tests.app.fakes import reply, scripted
from tests.permissions import unprivileged

Start = Callable[..., Running]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Whatever a program makes, everybody may read, unless it says otherwise."""
    mask = os.umask(0)
    yield
    os.umask(mask)


def add_voice(paths: Paths) -> None:
    tokens, embedding = np.zeros(25, np.int32), np.zeros(4, np.float32)
    voice = Voice("Ada", tokens, embedding, np.zeros((50, 4), np.float32), np.zeros(10, np.float32), "")
    VoiceLibrary(paths.voices).add(voice)


def use_the_app(start: Start) -> Running:
    app = start(scripted(reply("One.", 0.5), reply("Two.", 0.5)))
    app.say()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].has_sound)
    app.hear_all()
    app.settings.change(voice="Ada")
    app.controller.shutdown()
    return app


def readable_by_others(folder: Path) -> dict[str, str]:
    modes = {path: path.lstat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    return {path.name: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)}


@pytest.mark.parametrize("first", ["the app", "the command line"])
def test_whichever_program_comes_first_only_the_owner_reads(
    start: Start, tmp_path: Path, open_umask: None, first: str
) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    if first == "the command line":
        add_voice(paths)
    app = use_the_app(start)
    if first == "the app":
        add_voice(app.paths)
    files = {path.name.partition("-")[0] for path in paths.data.rglob("*") if path.is_file()}
    assert {"conversations.sqlite", "settings.json", "said", "answer", "Ada.voice"} <= files
    assert readable_by_others(paths.data) == {}


def test_what_an_older_version_let_others_read_is_taken_from_them(start: Start, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    old = [paths.recordings / "old" / "said-1.flac", paths.voices / "Ada.voice", paths.logs / "earshot.log"]
    for file in old:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        file.chmod(0o644)
    for folder in (paths.data, *(path for path in paths.data.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    app = start()
    assert paths.data.stat().st_mode & 0o777 == 0o700
    app.wait(lambda: readable_by_others(paths.data) == {})


def test_the_log_is_for_its_owner_alone(tmp_path: Path, open_umask: None) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    diagnostics.log_handler(paths).close()
    assert readable_by_others(paths.logs) == {}


def fill(paths: Paths) -> None:
    paths.make()
    store = Store(paths.store, paths.recordings)
    for number in range(40):
        key = store.create("assistant").key
        store.add(StoredTurn(new_turn_id(), key, text=f"question {number}", answer="an answer " * 200), None)
    store.close()


def test_damaged_files_open_the_window_and_say_where_their_copies_are(start: Start, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    fill(paths)
    content = bytearray(paths.store.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 3 * 4096] = b"\xa5" * (3 * 4096)
    paths.store.write_bytes(content)
    paths.settings.write_text("{")
    app = start(scripted(reply("One.", 0)))
    assert app.controller.notice.trouble
    (copy,) = paths.data.glob("conversations.damaged-*.sqlite")
    assert copy.name in app.controller.notice.text
    assert "settings.damaged.json" in app.controller.notice.text
    assert len(app.controller.conversations) > 20
    app.controller.ask_text("Does life go on?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)


def test_a_folder_that_cannot_be_written_opens_the_window_and_says_so(start: Start, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    app = start(scripted(reply("One.", 0)))
    assert "cannot be" in app.controller.notice.text
    assert str(tmp_path) not in app.controller.notice.text
    app.controller.ask_text("Does life go on?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    assert [view.title for view in app.controller.conversations] == ["Does life go on?"]


def test_what_is_saved_in_a_folder_that_may_only_be_read_can_be_seen() -> None:
    home = Path(tempfile.mkdtemp())
    paths = Paths(home / "data", home / "data" / "logs")
    try:
        fill(paths)
        Settings(paths.settings).change(voice="Mei")
        for path in (home, *home.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with unprivileged():
            paths.make()
            diagnostics.start_logging(paths)
            settings, store = Settings(paths.settings), Store(paths.store, paths.recordings)
            settings.change(voice="Ada")
            assert len(store.conversations()) == 40
            assert len(store.take_troubles()) == 1
            assert settings.now.voice == "Ada"
            store.close()
    finally:
        home.chmod(0o700)
        shutil.rmtree(home)
