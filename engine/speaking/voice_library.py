"""The user's voices: one small file each in a folder, and what was already analysed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import SoundError, StorageError, VoiceError
from engine.speaking.speaking import Speaking
from engine.speaking.voice import Voice
from engine.storage import storage_error

_SUFFIX = ".voice"
_ANALYSED = "analysed"  # a folder beside the voices
_MOVED_OUT = "voice"  # what a voice is called in the folder it was moved to
_FORBIDDEN = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_LONGEST_NAME = 60


class VoiceLibrary:
    """Voices by name in `folder`, which is made when the first one is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> list[str]:
        """Names of all voices, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}"))

    def get(self, name: str) -> Voice:
        """The voice of this name. Raises VoiceError."""
        path = self._path(name)
        if not path.exists():
            raise VoiceError("There is no voice {name!r}. `earshot voice list` shows all voices.", name=name)
        return replace(Voice.load(path), name=name)

    def add(self, voice: Voice, *, overwrite: bool = False) -> None:
        """Keep a voice under its name. Raises VoiceError when the name is taken or cannot be used, StorageError."""
        if not overwrite:
            self._check_free(voice.name)
        voice.save(self._path(voice.name), private=True)

    def _check_free(self, name: str) -> None:
        if self._path(name).exists():
            raise VoiceError("There is already a voice {name!r}: choose another name or remove it first.", name=name)

    def remove(self, name: str) -> None:
        """Delete a voice and what was analysed of its recording. Raises VoiceError when there is none, StorageError
        when it may not be deleted.
        """
        copies = self._copies(name)
        try:
            self._path(name).unlink()
            for copy in copies:
                copy.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(self._path(name), error) from error

    def move_out(self, name: str, folder: Path) -> None:
        """Move a voice with what was analysed of its recording into a folder, which is made. Raises VoiceError when
        there is none, StorageError when it cannot be moved.
        """
        copies = self._copies(name)
        try:
            folder.mkdir(parents=True, mode=0o700)
            for copy in copies:
                copy.rename(folder / copy.name)
            self._path(name).rename(folder / _MOVED_OUT)
        except OSError as error:
            raise storage_error(self._path(name), error) from error

    def move_in(self, name: str, folder: Path) -> None:
        """Take back under its name what was moved out into a folder. Raises VoiceError when the name is taken by now,
        StorageError when it cannot be moved.
        """
        self._check_free(name)
        try:
            (folder / _MOVED_OUT).rename(self._path(name))
            for copy in folder.glob(f"*{_SUFFIX}"):
                copy.rename(self.folder / _ANALYSED / copy.name)
            folder.rmdir()
        except OSError as error:
            raise storage_error(self._path(name), error) from error

    def _copies(self, name: str) -> tuple[Path, ...]:
        """What was analysed of a voice's recording. Raises VoiceError when there is no such voice."""
        try:
            return tuple(self._analysed(self.get(name)))
        except VoiceError:
            if not self._path(name).exists():
                raise
            return ()  # it is damaged: whose recording it held is not known

    def _analysed(self, voice: Voice) -> Iterator[Path]:
        """Files that hold the same recording as a voice."""
        for path in (self.folder / _ANALYSED).glob(f"*{_SUFFIX}"):
            try:
                other = Voice.load(path)
            except VoiceError:
                continue
            if np.array_equal(other.recording_24k, voice.recording_24k):
                yield path

    def rename(self, name: str, new_name: str) -> None:
        """Give a voice another name. Raises VoiceError when it does not exist or the new name is taken."""
        voice = self.get(name)
        self.add(replace(voice, name=new_name))
        self.remove(name)

    def export(self, name: str, path: Path) -> None:
        """Write a voice to a file that `import_` takes. Raises VoiceError, StorageError."""
        self.get(name).save(path)

    def import_(self, path: Path, name: str | None = None) -> Voice:
        """Take in an exported voice. Raises VoiceError when the file is no voice or the name is taken."""
        voice = Voice.load(path)
        voice = replace(voice, name=name or voice.name)
        self.add(voice)
        return voice

    def from_recording(self, speaking: Speaking, path: Path, name: str) -> Voice:
        """A voice from a sound file, analysed once: the result is found again by the file's content.

        Raises SoundError, VoiceError, CheckpointError.
        """
        cached = self.folder / _ANALYSED / f"{_content_hash(path)}-{speaking.networks.fingerprint}{_SUFFIX}"
        if cached.exists():
            try:
                return replace(Voice.load(cached), name=name)
            except VoiceError:
                cached.unlink(missing_ok=True)
        voice = speaking.analyse_file(path, name)
        try:
            voice.save(cached, private=True)
        except StorageError:
            return voice
        return voice

    def find(self, speaking: Speaking, name_or_file: str | None) -> Voice:
        """A voice as a person names it: of the library, built in, a voice file or a recording; None takes the default.

        Raises VoiceError, SoundError, CheckpointError.
        """
        if name_or_file is None:
            return speaking.default_voice()
        if _can_be_name(name_or_file) and self._path(name_or_file).exists():
            return speaking.adopted(self.get(name_or_file))
        if name_or_file in speaking.voice_names():
            return speaking.voice(name_or_file)
        path = Path(os.path.expanduser(name_or_file))  # as it stands when there is no such user
        if not os.path.isfile(path):  # not Path's own: text may be too long for a name
            known = ", ".join([*self.list(), *speaking.voice_names()]) or "none"
            raise VoiceError(
                "There is no voice and no file {name_or_file!r}. Voices: {known}.",
                name_or_file=name_or_file,
                known=known,
            )
        if path.suffix in (_SUFFIX, ".safetensors"):
            return speaking.adopted(Voice.load(path))
        return self.from_recording(speaking, path, path.stem)

    def _path(self, name: str) -> Path:
        if not _can_be_name(name):
            raise VoiceError(
                "{name!r} cannot be the name of a voice: use letters, digits and spaces, at most 60.", name=name
            )
        return self.folder / f"{name}{_SUFFIX}"


def _can_be_name(text: str) -> bool:
    return bool(text.strip()) and not (text.startswith(".") or len(text) > _LONGEST_NAME or _FORBIDDEN.search(text))


def _content_hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise SoundError("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error) from error
    return digest.hexdigest()[:32]
