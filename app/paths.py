"""Where the user's files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


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
    def transcriptions(self) -> Path:
        """The queue of files to transcribe, with its journals and results."""
        return self.data / "transcriptions"

    @property
    def log_file(self) -> Path:
        """The newest log."""
        return self.logs / "earshot.log"

    def make(self) -> None:
        """Make the folders, readable by the user alone. Raises OSError."""
        for folder in (self.data, self.recordings, self.transcriptions, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
