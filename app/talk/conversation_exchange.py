"""Whole conversations as files of the user's: exported and imported, without the window waiting for the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.talk.archive import ArchivedConversation
from app.talk.archive_files import copy_sounds, read_archive_file, remove_sounds, write_archive
from app.talk.conversation import Conversation
from app.talk.notices import Notices, explain
from app.translations import sentence
from app.worker import Worker

_CLOSING_S = 0.1
Imported = Callable[[str, str], None]  # key and title of what is there now


class ConversationExchange:
    """What became of it is said over the message field."""

    def __init__(self, conversation: Conversation, notices: Notices, disk: Worker) -> None:
        self._conversation, self._notices, self._disk = conversation, notices, disk

    def export(self, key: str, place: Path, kind: str) -> None:
        """Write a conversation as "md", "json" or "folder"."""
        archive = self._conversation.archive(key)
        if archive is not None:
            files = self._conversation.folder_of(key)
            self._disk.run(lambda: write_archive(archive, files, place, kind), self._on_exported)

    def _on_exported(self, place: Path | None, error: Exception | None) -> None:
        if place is None:
            self._notices.say(explain(error), trouble=True)
        else:
            self._notices.say(sentence("Exported as {name}").format(name=place.name))

    def import_from(self, place: Path, imported: Imported) -> None:
        """Take in an exported JSON file or folder, and say so to `imported`. Nothing changes if it is damaged."""
        self._disk.run(lambda: read_archive_file(place), lambda found, error: self._on_read(found, error, imported))

    def _on_read(
        self, found: tuple[ArchivedConversation, Path] | None, error: Exception | None, imported: Imported
    ) -> None:
        if found is None:
            self._notices.say(explain(error), trouble=True)
            return
        exported, sounds = found
        archive = self._conversation.make_room(exported)
        if archive is not None:
            folder = self._conversation.folder_of(archive.key)
            self._disk.run(
                lambda: copy_sounds(archive, sounds, folder),
                lambda _none, error: self._on_copied(archive, folder, error, imported),
            )

    def _on_copied(
        self, archive: ArchivedConversation, folder: Path, error: Exception | None, imported: Imported
    ) -> None:
        if error is not None:
            self._notices.say(explain(error), trouble=True)
        elif self._conversation.take_in(archive):
            imported(archive.key, archive.title)
        else:  # why was said
            self._disk.run(lambda: remove_sounds(folder))

    def close(self) -> None:
        """Finish what can be finished at once."""
        self._disk.close(_CLOSING_S)
