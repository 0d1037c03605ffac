"""Downloads a published model folder, resuming what was interrupted and checking every file.

A download runs only when a person asks for it. Files arrive in `<name>.partial/`, each as `<file>.part` until its
length and SHA-256 are right; the folder takes its name when all are there. So a crash leaves the old or the new.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from engine.checkpoints.catalogue import UNFINISHED
from engine.errors import CheckpointError, StorageError
from engine.events import Progress

if TYPE_CHECKING:
    import httpx  # slow to import, and most starts of the app download nothing

HUB = "https://huggingface.co"
PUBLISHED = {
    "Step-Audio-2-mini": "stepfun-ai/Step-Audio-2-mini",
    "Step-Audio-2-mini-Think": "stepfun-ai/Step-Audio-2-mini-Think",
    "Step-Audio-2-mini-Base": "stepfun-ai/Step-Audio-2-mini-Base",
}
PUBLISHED_BYTES = 18_000_000_000  # of one of them, about; the exact figure comes with the list of its files
_WANTED = (".json", ".txt", ".safetensors", ".pt", ".onnx", ".yaml", ".wav")
_BLOCK_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class RemoteFile:
    """One file of a published folder. `sha256` is empty for small files that the hub lists without it."""

    path: str
    bytes: int
    sha256: str


def downloading(
    name: str, folder: Path, *, hub: str = HUB, client: httpx.Client | None = None
) -> Generator[Progress, None, Path]:
    """Download the published model `name` into `folder/name`; the generator's value is that path.

    What an earlier attempt left is kept and continued. Closing the generator stops; the next call goes on from there.
    Raises CheckpointError for an unknown name, a network that fails or a file that is not what was announced,
    StorageError for a disk that is full or not writable.
    """
    import httpx

    if name not in PUBLISHED:
        raise CheckpointError(f"No published model is called '{name}'. Known are {', '.join(PUBLISHED)}.")
    target = folder / name
    if os.path.lexists(target):  # Path's own raises for a folder that is locked
        raise CheckpointError(f"{target} exists already. Remove it first to download it again.")
    partial = folder / f"{name}{UNFINISHED}"
    own = client or httpx.Client(timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S), follow_redirects=True)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        files = list_files(own, hub, PUBLISHED[name])
        _check_room(partial, files)
        yield from _fetch_all(own, f"{hub}/{PUBLISHED[name]}/resolve/main", files, partial)
        os.replace(partial, target)
    except httpx.HTTPError as error:
        raise CheckpointError(
            f"The download of {name} stopped ({error or type(error).__name__}). "
            "Check the connection and start it again; it goes on where it stopped."
        ) from error
    except OSError as error:
        raise StorageError(
            f"{partial} cannot be written ({error.strerror}). Free some space and start again."
        ) from error
    finally:
        if client is None:
            own.close()
    return target


def list_files(client: httpx.Client, hub: str, repository: str) -> list[RemoteFile]:
    """The files of a published folder that Earshot needs. Raises httpx.HTTPError or CheckpointError."""
    answer = client.get(f"{hub}/api/models/{repository}/tree/main", params={"recursive": "true"})
    answer.raise_for_status()
    try:
        listed = [_remote_file(entry) for entry in answer.json() if entry["type"] == "file"]
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"The list of files of {repository} could not be understood. Try again later.") from None
    return [file for file in listed if file.path.endswith(_WANTED)]


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    path = PurePosixPath(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(entry["path"])
    lfs = entry.get("lfs") or {}
    return RemoteFile(str(path), int(lfs.get("size", entry["size"])), str(lfs.get("oid", "")).removeprefix("sha256:"))


def _check_room(partial: Path, files: list[RemoteFile]) -> None:
    have = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
    missing = sum(file.bytes for file in files) - have
    room = os.statvfs(partial)
    free = room.f_bavail * room.f_frsize
    if missing > free:
        raise StorageError(
            f"The download needs {missing / 1e9:.1f} GB more and {partial.parent} has {free / 1e9:.1f} GB free. "
            "Free some space and start again."
        )


def _fetch_all(
    client: httpx.Client, base: str, files: list[RemoteFile], partial: Path
) -> Generator[Progress, None, None]:
    total = sum(file.bytes for file in files)
    done = 0
    for file in files:
        for fetched in _fetch(client, f"{base}/{file.path}", file, partial / file.path):
            yield Progress("downloading", done + fetched, total, "bytes")
        done += file.bytes
        yield Progress("downloading", done, total, "bytes")


def _fetch(client: httpx.Client, url: str, file: RemoteFile, target: Path) -> Generator[int, None, None]:
    """Bring one file, from where an earlier attempt stopped; yields the bytes that are there."""
    if target.exists() and target.stat().st_size == file.bytes:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    digest, have = _digest_of(part, file.bytes)
    with part.open("ab") as sink:
        sink.truncate(have)
        if have < file.bytes:
            # Not compressed: a range would count the compressed bytes, and go on in the middle of nothing.
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
            with client.stream("GET", url, headers=headers) as answer:
                answer.raise_for_status()
                if have and answer.status_code != HTTPStatus.PARTIAL_CONTENT:  # the server starts over
                    sink.truncate(0)
                    digest, have = hashlib.sha256(), 0
                for block in answer.iter_bytes(_BLOCK_BYTES):
                    sink.write(block)
                    digest.update(block)
                    have += len(block)
                    yield have
        sink.flush()
        os.fsync(sink.fileno())
    if have < file.bytes:  # a server or proxy that did not say how much it sends
        raise CheckpointError(
            f"{file.path} broke off after {have:,} of {file.bytes:,} bytes. "
            "Check the connection and start it again; it goes on where it stopped."
        )
    if have > file.bytes or (file.sha256 and digest.hexdigest() != file.sha256):
        part.unlink()
        raise CheckpointError(f"{file.path} arrived damaged and was discarded. Start the download again.")
    os.replace(part, target)


def _digest_of(part: Path, limit: int) -> tuple[Any, int]:
    """SHA-256 so far and length of what an earlier attempt left; nothing when it is longer than the file."""
    digest, have = hashlib.sha256(), 0
    if part.exists() and part.stat().st_size <= limit:
        with part.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                have += len(block)
    return digest, have
