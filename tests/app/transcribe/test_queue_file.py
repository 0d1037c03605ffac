"""The queue's file: versions, damage, rights, journals; with real files and the real thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.shown.transcribe import JobState, TextSegment
from app.transcribe import queue_file
from app.transcribe.job import Job
from app.transcribe.queue_file import QueueFile
from app.transcribe.stored_queue import VERSION, decode_queue, encode_queue, new_key
from engine.errors import EngineError, StorageError
from tests.app.transcribe.queues import KEYS, first_queue, first_row

SEGMENTS = (TextSegment(0.0, 1.0, "one"), TextSegment(1.0, 2.0, "two"))
JOB = Job(new_key(), Path("/a/talk.m4a"), JobState.DONE, 2.0, SEGMENTS, SEGMENTS[:1], "It breaks off.")


@contextmanager
def opened(folder: Path) -> Iterator[QueueFile]:
    """A queue's file; what was saved is written at the end."""
    file = QueueFile(folder, lambda error: None)
    yield file
    file.close()
    assert file.join(60)


def kept(folder: Path, *jobs: Job, purged: tuple[str, ...] = ()) -> Path:
    with opened(folder) as file:
        file.save(jobs, purged)
    return folder / "queue.json"


def read(folder: Path) -> tuple[tuple[Job, ...], str]:
    with opened(folder) as file:
        return file.read()


def test_what_is_kept_is_read_again_and_what_was_under_way_waits(tmp_path: Path) -> None:
    running = Job(new_key(), Path("/a/b.wav"), JobState.RUNNING, None, SEGMENTS, SEGMENTS[1:])
    failed = Job(new_key(), Path("/a/caf\udce9.wav"), JobState.FAILED, problem="It is damaged.")
    kept(tmp_path, JOB, running, failed)
    waiting = Job(running.key, running.path, JobState.WAITING, None, (), SEGMENTS[1:])
    assert read(tmp_path) == ((JOB, waiting, failed), "")


def test_it_carries_a_version_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = kept(tmp_path, JOB)
    assert json.loads(file.read_text())["version"] == VERSION
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["queue.json"]


def test_the_queue_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    recordings = [tmp_path / name for name in ("first.wav", "second.wav", "third.wav")]
    first_queue(tmp_path, recordings)
    jobs, trouble = read(tmp_path)
    assert trouble == ""
    assert [job.key for job in jobs] == list(KEYS)
    assert [job.state for job in jobs] == [JobState.DONE, JobState.CANCELLED, JobState.WAITING]
    assert [job.path for job in jobs] == recordings
    assert jobs[0].segments == jobs[0].corrections == (TextSegment(0.0, 1.0, "one of first.wav"),)
    assert jobs[2].segments == ()
    assert len(jobs[2].corrections) == 1
    file = kept(tmp_path, *jobs)
    assert json.loads(file.read_text())["version"] == VERSION
    assert read(tmp_path)[0] == jobs


def test_a_newer_queue_is_refused_and_left_alone(tmp_path: Path) -> None:
    newer = json.dumps({"version": VERSION + 1, "jobs": [], "more": True})
    file = tmp_path / "queue.json"
    file.write_text(newer)
    (tmp_path / f"{KEYS[0]}.journal").write_text("of that version")
    with opened(tmp_path) as queue:
        jobs, trouble = queue.read()
        queue.save([JOB])
    assert jobs == ()
    assert "newer Earshot" in trouble
    assert file.name in trouble
    assert file.read_text() == newer
    assert (tmp_path / f"{KEYS[0]}.journal").exists()


ROW = json.loads(encode_queue([JOB]))["jobs"][0]
UNREADABLE = (
    *("not a row", 7, None, [], {}, {"key": JOB.key}),
    *(ROW | change for change in ({"key": ["a", "list"]}, {"key": 7}, {"path": None}, {"state": "asleep"})),
    *(ROW | change for change in ({"state": []}, {"seconds": "long"}, {"segments": 3}, {"segments": [3]})),
    *(ROW | change for change in ({"corrections": None}, {"problem": {}}, {"segments": [{"start_s": "x"}]})),
)


@pytest.mark.parametrize("damage", UNREADABLE)
def test_an_unreadable_entry_costs_none_of_the_others(tmp_path: Path, damage: object) -> None:
    others = [Job(new_key(), Path(name), JobState.FAILED) for name in ("a.wav", "b.wav")]
    first, second = json.loads(encode_queue(others))["jobs"]
    content = json.dumps({"version": VERSION, "jobs": [first, damage, second], "later": True})
    (tmp_path / "queue.json").write_text(content)
    jobs, trouble = read(tmp_path)
    assert list(jobs) == others
    copy = tmp_path / "queue.damaged.json"
    assert copy.name in trouble
    assert copy.read_text() == content
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["not a row", {}, {"path": "x.wav", "view": {"state": "done"}}, None])
def test_an_unreadable_row_of_the_first_version_costs_none_of_the_others(tmp_path: Path, damage: object) -> None:
    rows = [first_row(KEYS[0], tmp_path / "first.wav", "done"), damage, first_row(KEYS[1], tmp_path / "b.wav", "done")]
    (tmp_path / "queue.json").write_text(json.dumps(rows))
    assert [job.path.name for job in read(tmp_path)[0]] == ["first.wav", "b.wav"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{", b"7", b'"text"', b"{}", b'{"version": 2}', b'{"version": "2", "jobs": []}',
                b'{"version": 2, "jobs": {}}', b'{"version": 1, "jobs": []}', b"[" * 100_000, encode_queue([JOB])[:-20]]
)  # fmt: skip
def test_a_damaged_file_is_copied_and_said_and_the_copy_before_it_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "queue.damaged.json").write_text("an earlier one")
    (tmp_path / "queue.json").write_bytes(content)
    jobs, trouble = read(tmp_path)
    assert jobs == ()
    assert "queue.damaged 2.json" in trouble
    assert (tmp_path / "queue.damaged 2.json").read_bytes() == content
    assert (tmp_path / "queue.damaged.json").read_text() == "an earlier one"
    kept(tmp_path, JOB)
    assert read(tmp_path) == ((JOB,), "")


def test_a_file_that_may_not_be_read_is_said_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept(tmp_path, JOB)
    content = file.read_bytes()

    def refuse(_path: Path, _largest: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, opened(tmp_path) as queue:
        patch.setattr(queue_file, "read_regular", refuse)
        jobs, trouble = queue.read()
        queue.save([])
    assert jobs == ()
    assert "Permission denied" in trouble
    assert file.read_bytes() == content


def test_keys_that_would_name_other_files_or_come_twice_are_made_anew(tmp_path: Path) -> None:
    twice = Job(JOB.key, Path("b.wav"), JobState.FAILED)
    outside = Job("../../settings", Path("c.wav"), JobState.FAILED)
    jobs = decode_queue(encode_queue([JOB, twice, outside])).jobs
    assert [job.path for job in jobs] == [JOB.path, twice.path, outside.path]
    assert len({job.key for job in jobs}) == 3
    assert all("/" not in job.key for job in jobs)


def test_journals_of_what_is_done_or_unknown_go_at_the_start(tmp_path: Path) -> None:
    waiting = Job(new_key(), Path("b.wav"), JobState.WAITING)
    kept(tmp_path, JOB, waiting)
    names = [f"{JOB.key}.journal", f"{waiting.key}.journal", f"{KEYS[0]}.journal", f"{KEYS[1]}.journal.new"]
    for name in (*names, "voice-1.flac"):
        (tmp_path / name).write_text("x")
    read(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"queue.json", f"{waiting.key}.journal", "voice-1.flac"}


def test_a_journal_goes_once_its_text_is_written_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[EngineError | None] = []
    written = threading.Event()

    def note(error: EngineError | None) -> None:
        told.append(error)
        written.set()

    queue = QueueFile(tmp_path, note)
    gone = new_key()
    journals = [queue.journal(key) for key in (JOB.key, gone)]
    for journal in journals:
        journal.write_text("segments")
    with monkeypatch.context() as patch:
        patch.setattr(queue_file, "replacing", full_disk)
        queue.save([JOB], [gone])
        assert written.wait(60)
    assert isinstance(told[0], StorageError)
    assert all(journal.exists() for journal in journals)
    queue.save([JOB])
    queue.close()
    assert queue.join(60)
    assert told[1:] == [None]
    assert not any(journal.exists() for journal in journals), "what could not be purged is so with the next change"


def full_disk(path: Path, **_options: Any) -> Any:
    raise StorageError(f"{path} could not be written, the disk is full.")


def test_the_newest_state_is_written_however_many_changes_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate, count = threading.Event(), threading.Event(), 0
    replacing = queue_file.replacing

    def slowly(path: Path, **options: Any) -> Any:
        nonlocal count
        count += 1
        begun.set()
        assert gate.wait(60)
        return replacing(path, **options)

    monkeypatch.setattr(queue_file, "replacing", slowly)
    with opened(tmp_path) as queue:
        queue.save([])
        assert begun.wait(60)
        for _change in range(99):
            queue.save([])
        queue.save([JOB])
        gate.set()
    assert count == 2
    assert read(tmp_path)[0] == (JOB,)


def test_what_was_removed_is_gone_at_the_next_start(tmp_path: Path) -> None:
    removed = replace(JOB, key=new_key(), removed=True)
    kept(tmp_path, JOB, removed)
    (tmp_path / f"{removed.key}.journal").write_text("x")
    assert read(tmp_path)[0] == (JOB,)
    assert not (tmp_path / f"{removed.key}.journal").exists()
