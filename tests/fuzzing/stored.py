"""The readers of what Earshot itself stored: settings, conversations, their model's memory, the queue, and presets."""

from __future__ import annotations

import functools
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from random import Random

from app.settings import Settings
from app.shown.transcribe import JobState, TextSegment
from app.talk.store import Store
from app.talk.stored_turn import StoredTool, StoredTurn
from app.transcribe.job import Job
from app.transcribe.queue_file import QueueFile
from app.transcribe.stored_queue import encode_queue, new_key
from engine.conversation.prompting.presets import presets
from engine.errors import EngineError, StorageError
from engine.events import Turn, new_turn_id
from engine.resources import resource
from engine.session import Session
from tests.engine.conversation.remembering.first_format import save_in_first_format
from tests.fakes import SmallEngine, tone
from tests.fuzzing.campaign import Reader, Seed
from tests.fuzzing.damages import DAMAGES, JSON_DAMAGES, damage_value

_JSON = (*JSON_DAMAGES * 4, *DAMAGES)
_DATABASE = "conversations.sqlite"


def read_settings(path: Path) -> None:
    """Open them, use them, change one."""
    settings = Settings(path / "settings.json")
    settings.change(voice="Somebody", retention_days=settings.now.retention_days + 1)
    again = Settings(path / "settings.json")
    assert again.now == settings.now or again.take_troubles() or not (path / "settings.json").is_file()


def _make_settings(folder: Path) -> Iterable[Seed]:
    (folder / "settings").mkdir()
    Settings(folder / "settings" / "settings.json").change(voice="Ada", tools=("calculator",), thinking="always")
    yield Seed(folder / "settings", "settings.json")


def read_database(path: Path) -> None:
    """What the app does from its start to its end."""
    store = Store(path / _DATABASE, path / "recordings")
    try:
        for view in store.conversations():
            store.path(view.key)
            store.all_versions(view.key)
        store.find("number")
        key = store.create("assistant").key
        store.add(StoredTurn(new_turn_id(), key, text="life goes on"), None)
        assert [turn.text for turn in store.path(key)] == ["life goes on"]
        store.remove_turn(store.path(key)[0].id)
        store.purge()
    finally:
        store.close()


def _make_database(folder: Path) -> Iterable[Seed]:
    home = folder / "database"
    store = Store(home / _DATABASE, home / "recordings")
    for number in range(6):
        key, last = store.create("assistant").key, None
        for place in range(4):
            tools = (StoredTool("calculator", "1+1", "2"),)
            text = f"number {number} at {place}"
            turn = StoredTurn(new_turn_id(), key, text=text, tools=tools, answer="An answer. " * 30, spans=((0, 0, 9),))
            store.add(turn, last if place != 3 else None)
            last = turn.id
    store.close()
    yield Seed(home, _DATABASE)


def damage_content(random: Random, data: bytes) -> bytes:
    """The file is whole, and the values in it are odd."""
    db = sqlite3.connect(":memory:")
    db.deserialize(data[:18] + b"\1\1" + data[20:])  # without a log of changes, which memory does not have
    columns = {"turns": ("id", "conversation", "parent", "created", "content", "removed", "shown_child"),
               "conversations": ("key", "title", "preset", "changed", "tip", "turns", "removed")}  # fmt: skip
    db.execute("PRAGMA foreign_keys=OFF")
    for _ in range(random.choice((1, 1, 3))):
        table = random.choice(list(columns))
        column, number = random.choice(columns[table]), random.randint(1, 6)
        (old,) = db.execute(f"SELECT {column} FROM {table} WHERE number = ?", (number,)).fetchone()
        value = damage_value(random, old)
        odd = value if isinstance(value, (int, float, str)) and not _is_huge(value) else b"\xff\x00"
        try:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE number = ?", (odd, number))
        except (sqlite3.IntegrityError, UnicodeEncodeError):  # it cannot be in a database either
            continue
    db.commit()
    changed = db.serialize()
    db.close()
    return changed[:18] + data[18:20] + changed[20:]


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and abs(value) >= 2**63


def read_queue(path: Path) -> None:
    """Open it, add a recording, and open it again."""
    added = Job(new_key(), Path("/music/added.wav"), JobState.WAITING)
    jobs, trouble = _change_queue(path, [added])
    again, _ = _change_queue(path, [])
    assert len(again) == len(jobs) + 1 or trouble


def _change_queue(path: Path, added: list[Job]) -> tuple[tuple[Job, ...], str]:
    queue = QueueFile(path, lambda error: None)
    jobs, trouble = queue.read()
    queue.save([*jobs, *added])
    queue.close()
    assert queue.join(20)
    return jobs, trouble


def _make_queue(folder: Path) -> Iterable[Seed]:
    home = folder / "transcriptions"
    home.mkdir()
    segments = (TextSegment(0.0, 1.0, "One."), TextSegment(1.0, 2.0, "Two."))
    paths = ((JobState.DONE, "/music/a.wav"), (JobState.FAILED, "/music/caf\udce9.wav"), (JobState.WAITING, "/b.m4a"))
    jobs = [Job(new_key(), Path(path), state, 2.0, segments, segments[:1]) for state, path in paths]
    (home / "queue.json").write_bytes(encode_queue(jobs))
    yield Seed(home, "queue.json")


@functools.lru_cache
def _engine() -> SmallEngine:
    return SmallEngine()


def read_conversation(path: Path) -> None:
    """Go on with the model's memory, if there is one, and save it; else begin anew, as the app does."""
    engine = _engine()
    try:
        session = Session(engine, saved=path)
    except EngineError:
        session = Session(engine)
    list(session.ask(Turn(text="life goes on", spoken_answer=False, max_tokens=3)))
    try:
        session.save(path)
    except StorageError:
        return
    assert Session(engine, saved=path).path[-1:] == session.path[-1:]


def _talk() -> Session:
    session = Session(_engine())
    list(session.ask(Turn(samples_16k=tone(0.5), max_tokens=20)))
    list(session.ask(Turn(text="And now?", spoken_answer=False, max_tokens=5)))
    return session


def _make_index(folder: Path) -> Iterable[Seed]:
    _talk().save(folder / "session")
    yield Seed(folder / "session", "index.jsonl")


def _make_turn(folder: Path) -> Iterable[Seed]:
    session = _talk()
    session.save(folder / "session")
    for id in session.path:
        yield Seed(folder / "session", f"{id}.turn")


def _make_first_format(folder: Path) -> Iterable[Seed]:
    session = _talk()
    save_in_first_format(folder / "session", session.turns, _engine().vocabulary)
    (arrays,) = (folder / "session").glob("*.npz")
    yield Seed(folder / "session", arrays.name)


def _make_first_format_json(folder: Path) -> Iterable[Seed]:
    list(_make_first_format(folder))
    yield Seed(folder / "session", "session.json")


def read_presets(path: Path) -> None:
    """All that is asked of them."""
    for preset in presets(path):
        for language in ("en", "zh", "fr"):
            assert preset.name(language) + preset.about(language) + preset.persona(language)
        assert preset.thinking.value + "".join(preset.tools)


def _make_presets(folder: Path) -> Iterable[Seed]:
    shutil.copytree(resource("presets"), folder / "presets")
    for file in sorted((folder / "presets").glob("*.json"))[:4]:
        yield Seed(folder / "presets", file.name)


SETTINGS_READER = Reader("settings", read_settings, _make_settings, damages=_JSON)
DATABASE_READER = Reader(
    "database", read_database, _make_database, damages=(*[damage_content] * len(DAMAGES), *DAMAGES)
)
PRESET_READER = Reader("presets", read_presets, _make_presets, damages=_JSON)
QUEUE_READER = Reader("queue", read_queue, _make_queue, damages=_JSON)
CONVERSATION_READERS = (
    Reader("index of a conversation", read_conversation, _make_index),
    Reader("turn of a conversation", read_conversation, _make_turn),
    Reader("arrays of 0.1.0", read_conversation, _make_first_format),
    Reader("conversation of 0.1.0", read_conversation, _make_first_format_json, damages=_JSON),
)
READERS = (SETTINGS_READER, DATABASE_READER, QUEUE_READER, PRESET_READER, *CONVERSATION_READERS)
