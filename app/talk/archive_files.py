"""Exported conversations as files: Markdown, JSON, and a folder that holds both with all sound. For a disk's thread."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from app.talk.archive import ArchivedConversation, decode_archive, encode_archive
from app.talk.archive_markdown import markdown_of
from app.translations import sentence
from engine.errors import StorageError
from engine.regular_files import read_regular
from engine.storage import make_private_folder, replacing, storage_error

_JSON, _MARKDOWN, _SOUNDS = "conversation.json", "conversation.md", "sounds"
_LARGEST_JSON = 200_000_000
_NO_FILE_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')
_LONGEST_NAME = 80


def file_name_of(title: str) -> str:
    """A name for the file of a conversation, without a suffix."""
    name = " ".join(_NO_FILE_NAME.sub(" ", title).split())[:_LONGEST_NAME].strip(" .")
    return name or sentence("Conversation")


def write_archive(archive: ArchivedConversation, files: Path, place: Path, kind: str) -> Path:
    """Write a conversation, whose sounds lie in the folder `files`, as `kind` "md", "json" or "folder" to
    `place`; returns where it is.

    Files are replaced; a folder gets a number where there is one already. Raises StorageError.
    """
    if kind == "folder":
        return _write_folder(archive, files, place)
    content = markdown_of(archive) if kind == "md" else encode_archive(archive.with_sounds({}))
    with replacing(place) as file:
        file.write(content)
    return place


def _write_folder(archive: ArchivedConversation, files: Path, place: Path) -> Path:
    """All of it or nothing: it gets its name when it is whole."""
    names = set().union(*(each.turn.files for each in archive.turns))
    sounds = {name: _digest(files / name) for name in sorted(names) if (files / name).is_file()}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name[:40]}.", suffix=".part", dir=place.parent) as temporary:
            whole = Path(temporary) / "whole"
            (whole / _SOUNDS).mkdir(parents=True)
            for name in sounds:
                shutil.copyfile(files / name, whole / _SOUNDS / name)
            (whole / _JSON).write_bytes(encode_archive(archive.with_sounds(sounds)))
            (whole / _MARKDOWN).write_bytes(markdown_of(archive))
            return whole.rename(_free(place))
    except OSError as error:
        raise storage_error(place, error) from error


def _free(place: Path) -> Path:
    wanted, number = place, 1
    while place.exists() or place.is_symlink():
        number += 1
        place = wanted.with_name(f"{wanted.name} {number}")
    return place


def read_archive_file(place: Path) -> tuple[ArchivedConversation, Path]:
    """A conversation from a JSON file or an exported folder, and where its sounds lie; every sound is as it was
    exported. Raises StorageError.
    """
    file = place / _JSON if place.is_dir() else place
    try:
        data = read_regular(file, _LARGEST_JSON)
    except OSError as error:
        words = sentence("{name} cannot be read: choose a JSON file or a folder that Earshot exported.")
        raise StorageError(words.format(name=place.name)) from error
    archive = decode_archive(data, place.name)
    sounds = file.parent / _SOUNDS
    for name, digest in archive.sounds.items():
        if not (sounds / name).is_file() or _digest(sounds / name) != digest:
            words = sentence("The sound {sound} of {name} is missing or was changed: nothing was imported.")
            raise StorageError(words.format(name=place.name, sound=name))
    return archive, sounds


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error(path, error) from error


def copy_sounds(archive: ArchivedConversation, sounds: Path, folder: Path) -> None:
    """Copy all sounds into a new folder; after an error there is none. Raises StorageError."""
    try:
        make_private_folder(folder)
        for name in archive.sounds:
            with replacing(folder / name, private=True) as file, (sounds / name).open("rb") as source:
                shutil.copyfileobj(source, file)
    except StorageError:
        remove_sounds(folder)
        raise


def remove_sounds(folder: Path) -> None:
    """Remove the copies again."""
    shutil.rmtree(folder, ignore_errors=True)
