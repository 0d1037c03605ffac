"""Where the user's files lie."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engine.errors import StorageError
from engine.storage import make_private_folder, tighten, tighten_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paths:
    """All places Earshot writes to, under one folder for data and one for logs."""

    data: Path
    logs: Path

    @classmethod
    def of_user(cls) -> Paths:
        """The usual folders of this system, or $EARSHOT_HOME with everything inside it."""
        if home := os.environ.get("EARSHOT_HOME"):
            return cls(Path(home), Path(home) / "logs")
        name: dict[str, str | bool] = {"appname": "Earshot", "appauthor": False}
        return cls(Path(platformdirs.user_data_dir(**name)), Path(platformdirs.user_log_dir(**name)))  # type: ignore[arg-type]

    @property
    def settings(self) -> Path:
        """The file of preferences."""
        return self.data / "settings.json"

    @property
    def store(self) -> Path:
        """The database of conversations."""
        return self.data / "conversations.sqlite"

    @property
    def recordings(self) -> Path:
        """What was said and what was answered, one folder for each conversation."""
        return self.data / "recordings"

    @property
    def voices(self) -> Path:
        """The voice library."""
        return self.data / "voices"

    @property
    def presets(self) -> Path:
        """The presets that a person made."""
        return self.data / "presets"

    @property
    def ear_checks(self) -> Path:
        """What checks by ear found."""
        return self.data / "checks-by-ear.json"

    @property
    def transcriptions(self) -> Path:
        """The queue of files to transcribe, with its journals and results."""
        return self.data / "transcriptions"

    @property
    def secrets(self) -> Path:
        """Secrets, where there is no keychain and the user agreed to a file."""
        return self.data / "secrets.json"

    @property
    def log_file(self) -> Path:
        """The newest log."""
        return self.logs / "earshot.log"

    def make(self) -> None:
        """Make the folders, open to the user alone, whoever made them before.

        Where that is not possible the app goes on without: whatever is to be written there says so.
        """
        for folder in (self.data, self.recordings, self.transcriptions, self.voices, self.logs):
            try:
                make_private_folder(folder)
            except StorageError as error:
                log.warning("%s", error)
            tighten_folder(folder)

    def tighten(self) -> None:
        """Take from others what older versions let them read. It takes a while where there is much."""
        for folder in (self.data, self.logs):
            tighten(folder)
