"""Downloads a published model folder, resuming what was interrupted and checking every file.

A download runs only when a person asks for it. Files arrive in `<name>.partial/`, each as `<file>.part` until what is
on the disk has the length and the hash of the list; the folder takes its name when all are there. All files are of one
revision: the one that was the newest when the list was first read. So a crash leaves the old or the new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.checkpoints.catalogue import UNFINISHED
from engine.checkpoints.folder_lock import locked
from engine.checkpoints.hub import COMMIT, Hub, NotThereError, PassingError, RemoteFile
from engine.checkpoints.patience import Patience
from engine.checkpoints.receive import Receiver
from engine.errors import CheckpointError, StorageError
from engine.events import Progress
from engine.storage import make_private_folder, replacing, storage_error

log = logging.getLogger(__name__)
T = TypeVar("T")

PUBLISHED = {
    "Step-Audio-2-mini": "stepfun-ai/Step-Audio-2-mini",
    "Step-Audio-2-mini-Think": "stepfun-ai/Step-Audio-2-mini-Think",
    "Step-Audio-2-mini-Base": "stepfun-ai/Step-Audio-2-mini-Base",
}
PUBLISHED_BYTES = 18_000_000_000  # of one of them, about; the exact figure comes with the list of its files
_WANTED = (".json", ".txt", ".safetensors", ".pt", ".onnx", ".yaml", ".wav")
_PART = ".part"
_RECORD = ".download.json"
_BLOCK_BYTES = 1 << 20


def downloading(
    name: str, folder: Path, *, hub: str | None = None, patience: Patience | None = None
) -> Generator[Progress, None, Path]:
    """Download the published model `name` into `folder/name`; the generator's value is that path.

    What an earlier attempt left is kept and continued. Closing the generator stops; the next call goes on from there.
    `hub` is the hub's address in place of the environment's. Raises CheckpointError for an unknown name, a download
    that runs already, a network that keeps failing or a file that is not what was announced; StorageError for a disk
    that is full or not writable.
    """
    if name not in PUBLISHED:
        raise CheckpointError(
            "No published model is called '{name}'. Known are {known}.", name=name, known=", ".join(PUBLISHED)
        )
    target, arriving = folder / name, folder / f"{name}{UNFINISHED}"
    patience = patience or Patience()
    try:
        with locked(target):
            if os.path.lexists(target):  # Path's own raises for a folder that is locked
                raise CheckpointError("{target} exists already. Remove it first to download it again.", target=target)
            make_private_folder(arriving)
            source = Hub(hub, now=patience.now) if hub else Hub.of_environment(patience.now)
            try:
                download = _Download(source, name, arriving, patience)
                for _ in download.steps():
                    yield Progress("downloading", download.done, download.total, "bytes")
            finally:
                source.close()
            os.replace(arriving, target)
    except OSError as error:
        raise storage_error(arriving, error) from error
    return target


def discard_download(name: str, folder: Path) -> None:
    """Discard what arrived of a download. Raises CheckpointError while it runs, StorageError."""
    arriving = folder / f"{name}{UNFINISHED}"
    with locked(folder / name):
        try:
            if arriving.exists():
                shutil.rmtree(arriving)
        except OSError as error:
            raise storage_error(arriving, error) from error


class _Download:
    """One model on its way into the folder `arriving`; `total` is a guess until the list of files is here."""

    def __init__(self, hub: Hub, name: str, arriving: Path, patience: Patience) -> None:
        self._hub, self._name, self._arriving, self._patience = hub, name, arriving, patience
        self._repository = PUBLISHED[name]
        self._commit = _recorded_commit(arriving / _RECORD)
        self._have = {"": sum(file.stat().st_size for file in arriving.rglob("*") if file.is_file())}
        self.total = max(PUBLISHED_BYTES, self.done)

    @property
    def done(self) -> int:
        """Bytes that are there."""
        return sum(self._have.values())

    def steps(self) -> Iterator[None]:
        """Download all files, a little with each step; afterwards `arriving` is the published folder."""
        files = yield from self._list_files()
        self._have = {file.path: self._size_of(file) for file in files}
        self.total = sum(file.bytes for file in files)
        self._check_room()
        yield
        for file in files:
            yield from self._bring(file)
            yield
        self._remove_all_but({file.path for file in files})

    def _list_files(self) -> Generator[None, None, list[RemoteFile]]:
        """The wanted files of the revision that this download began with, or of the newest."""
        try:
            files = yield from self._retry(self._read_list)
        except NotThereError:
            if not self._commit:
                raise
            log.warning("revision %s of %s is gone; what fits the newest is kept", self._commit, self._name)
            self._commit = ""
            files = yield from self._retry(self._read_list)
        with replacing(self._arriving / _RECORD) as record:
            record.write(json.dumps({"commit": self._commit}).encode())
        wanted = [file for file in files if file.path.endswith(_WANTED)]
        if not wanted:
            raise CheckpointError("The hub lists no files of {name}. Try again later.", name=self._name)
        return wanted

    def _read_list(self) -> Generator[None, None, list[RemoteFile]]:
        yield
        if not self._commit:
            self._commit = self._hub.find_commit(self._repository)
        return self._hub.list_files(self._repository, self._commit)

    def _retry(self, attempt: Callable[[], Generator[None, None, T]]) -> Generator[None, None, T]:
        """What `attempt` returns, though it fails for a moment now and then; bytes that arrive restart the count."""
        failures = 0
        while True:
            done = self.done
            try:
                return (yield from attempt())
            except PassingError as error:
                failures = 1 if self.done - done >= _BLOCK_BYTES else failures + 1
                log.info("download of %s: %s (failure %d)", self._name, error, failures)
                if failures >= self._patience.tries or (error.wait_s or 0) > self._patience.asked_longest_s:
                    raise CheckpointError(
                        "The download of {name} stopped ({reason}). Check the connection and start it again; it "
                        "goes on where it stopped.",
                        name=self._name,
                        reason=error.sentence,
                    ) from error
                yield from self._patience.wait(self._patience.wait_s(failures, error.wait_s))

    def _check_room(self) -> None:
        missing, free = self.total - self.done, shutil.disk_usage(self._arriving).free
        if missing > free:
            raise StorageError(
                "The download needs {missing_gb:.1f} GB more and {folder} has {free_gb:.1f} GB free. Free some "
                "space and start again.",
                missing_gb=missing / 1e9,
                folder=self._arriving.parent,
                free_gb=free / 1e9,
            )

    def _size_of(self, file: RemoteFile) -> int:
        """Bytes of a file that earlier attempts left."""
        for path in (self._arriving / file.path, self._part_of(file)):
            if path.is_file():
                return min(path.stat().st_size, file.bytes)
        return 0

    def _part_of(self, file: RemoteFile) -> Path:
        return self._arriving / f"{file.path}{_PART}"

    def _bring(self, file: RemoteFile) -> Iterator[None]:
        """Download one file from where an earlier attempt stopped; what arrived damaged is fetched once more."""
        target, part = self._arriving / file.path, self._part_of(file)
        make_private_folder(target.parent)
        if target.is_file():
            os.replace(target, part)  # checked like what arrives now
        for _ in range(2):
            receiver = Receiver(file, part, partial(self._hub.open_file, self._repository, self._commit, file.path))
            yield from self._retry(partial(self._receive, receiver, file.path))
            if (yield from _is_right(part, file)):
                os.replace(part, target)
                return
            log.warning("%s of %s is damaged", file.path, self._name)
            part.unlink()
            self._have[file.path] = 0
        raise CheckpointError("{file} arrived damaged and was discarded. Start the download again.", file=file.path)

    def _receive(self, receiver: Receiver, path: str) -> Generator[None, None, None]:
        for have in receiver.receive():
            self._have[path] = have
            yield

    def _remove_all_but(self, wanted: set[str]) -> None:
        """Leave nothing of another revision, or of the download itself."""
        for path in sorted(self._arriving.rglob("*"), reverse=True):  # what is inside a folder comes before it
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # wanted files are in it
                    path.rmdir()
            elif path.relative_to(self._arriving).as_posix() not in wanted:
                path.unlink()


def _recorded_commit(record: Path) -> str:
    """The revision that an earlier attempt began with; nothing when it did not come so far."""
    try:
        commit = json.loads(record.read_bytes())["commit"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return commit if isinstance(commit, str) and COMMIT.fullmatch(commit) else ""


def _is_right(path: Path, file: RemoteFile) -> Generator[None, None, bool]:
    """Whether what is on the disk has the hash of the list."""
    digest = hashlib.sha256()
    if file.hashed_by_git:
        digest = hashlib.sha1(f"blob {file.bytes}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stored:
        while block := stored.read(_BLOCK_BYTES):
            digest.update(block)
            yield
    return digest.hexdigest() == file.hash
