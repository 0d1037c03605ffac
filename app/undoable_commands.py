"""Removing and renaming: each is done at once, and has a way back until Earshot quits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from app.models.models import Models
from app.models.tool_servers import ToolServers
from app.models.voices import Voices
from app.shown.transcribe import JobState
from app.talk.talk import Talk
from app.transcribe.transcriber import Transcriber
from app.translations import sentence
from app.undo_history import UndoHistory

_LONGEST_NAME = 40  # in a sentence: it stays one line


class UndoableCommands:
    """What is removed is hidden; what is not brought back is erased at quit, or after a crash at the next start."""

    def __init__(
        self,
        history: UndoHistory,
        talk: Talk,
        transcriber: Transcriber,
        models: Models,
        voices: Voices,
        servers: ToolServers,
    ) -> None:
        self.history = history
        self._talk, self._transcriber, self._models = talk, transcriber, models
        self._voices, self._servers = voices, servers

    def remove_turn(self, id: str) -> None:
        """Take a turn out of the conversation in front and the model's memory."""
        turn = self._talk.conversation.find(id)
        if turn is None:
            return
        commands, conversations = self._talk.commands, self._talk.conversations
        leads_away = self._talk.conversation.has_versions(id)

        def remove() -> None:
            conversations.open(turn.conversation)
            commands.remove(id)

        def restore() -> None:
            commands.restore(turn, leads_away=leads_away)
            conversations.open(turn.conversation)

        self.history.do(sentence("Remove Turn"), remove, restore, sentence("Removed the turn"))

    def remove_conversation(self, key: str) -> None:
        """Take a conversation out of the list. A new one follows the one in front, which comes back to the front."""
        conversations = self._talk.conversations
        if (title := conversations.title(key)) is None:
            return
        in_front = key == self._talk.conversation.key

        def restore() -> None:
            conversations.restore(key)
            if in_front:
                conversations.open(key)

        words = _told(title) if title else sentence("Removed the conversation")
        self.history.do(sentence("Remove Conversation"), lambda: conversations.remove(key), restore, words)

    def import_conversation(self, place: Path) -> None:
        """Take in an exported conversation and show it; undone, it is removed again."""
        self._talk.exchange.import_from(place, self._on_imported)

    def _on_imported(self, key: str, title: str) -> None:
        conversation, conversations = self._talk.conversation, self._talk.conversations

        def show() -> None:
            if conversation.is_removed(key):
                conversations.restore(key)
            conversations.open(key)

        words = sentence("Imported “{title}”").format(title=_short(title or sentence("Conversation")))
        self.history.do(sentence("Import Conversation"), show, lambda: conversations.remove(key), words)

    def rename_conversation(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        rename, old = self._talk.conversation.rename, self._talk.conversations.title(key)
        if old is not None and title.strip() not in ("", old):
            self.history.do(
                sentence("Rename Conversation"), lambda: rename(key, title.strip()), lambda: rename(key, old)
            )

    def remove_recording(self, key: str) -> None:
        """Take a recording with its text out of the list; its file stays where it is."""
        job = next((job for job in self._transcriber.jobs if job.key == key), None)
        if job is not None:
            remove, restore = self._transcriber.remove, self._transcriber.restore
            name = sentence("Remove Recording")
            self.history.do(name, lambda: remove(key), lambda: restore(key), _told(job.full_name))

    def rename_recording(self, key: str, title: str) -> None:
        """Give a recording a name of its own; its file keeps the one it has."""
        rename, shown, job = self._transcriber.rename, self._transcriber.view(key), self._transcriber.job(key)
        if shown is not None and job is not None and title.strip() not in ("", shown.title):
            before = job.title
            self.history.do(
                sentence("Rename Recording"), lambda: rename(key, title.strip()), lambda: rename(key, before)
            )

    def cancel_timer(self, number: int) -> None:
        """Do not let a timer ring."""
        timers = self._talk.timers
        if (timer := timers.find(number)) is not None:
            words = sentence("Cancelled “{name}”").format(name=timer.label or sentence("Timer"))
            self.history.do(
                sentence("Cancel Timer"), lambda: timers.cancel(timer), lambda: timers.restore(timer), words
            )

    def clear_finished(self) -> None:
        """Take recordings out of the queue that are done; their texts stay."""
        done = [job.key for job in self._transcriber.jobs if job.state is JobState.DONE and not job.cleared]
        clear = self._transcriber.clear
        if done:
            words = sentence("Cleared the queue. The texts are still in the list.")
            self.history.do(sentence("Clear Finished"), lambda: clear(done), lambda: clear(done, False), words)

    def edit_segments(self, key: str, texts: Mapping[int, str]) -> None:
        """Correct what was transcribed."""
        job, edit = self._transcriber.job(key), self._transcriber.edit_segments
        if job is not None and all(0 <= row < len(job.segments) for row in texts):
            before = {row: job.segments[row].text for row in texts}
            self.history.do(sentence("Edit Text"), lambda: edit(key, texts), lambda: edit(key, before))

    def name_speaker(self, key: str, speaker: str, name: str) -> None:
        """Call a speaker so, everywhere in a recording."""
        job, rename = self._transcriber.job(key), self._transcriber.name_speaker
        if job is not None:
            before = dict(job.names).get(speaker, "")
            wanted = "" if name == speaker else name
            if wanted != before:
                redo, undo = lambda: rename(key, speaker, wanted), lambda: rename(key, speaker, before)
                self.history.do(sentence("Rename Speaker"), redo, undo)

    def remove_model(self, folder: str) -> None:
        """Move a model to the Trash."""
        remove, restore = self._models.remove, self._models.restore
        name = sentence("Remove Model")
        self.history.do(name, lambda: remove(folder), lambda: restore(folder), _told(Path(folder).name))

    def remove_voice(self, name: str) -> None:
        """Take a voice out of the library."""
        remove, restore, id = self._voices.remove, self._voices.restore, uuid.uuid4().hex
        self.history.do(sentence("Remove Voice"), lambda: remove(name, id), lambda: restore(name, id), _told(name))

    def remove_server(self, line: str) -> None:
        """End a tool server and forget it."""
        server = next((server for server in self._servers.listed if server.line == line), None)
        if server is not None:
            place, permissions = self._servers.listed.index(server), self._servers.permissions_of(line)
            remove, restore = self._servers.remove, self._servers.restore
            # never the line: it may hold secrets
            words = _told(server.title) if server.title else sentence("Removed the tool server")
            self.history.do(
                sentence("Remove Tool Server"), lambda: remove(line), lambda: restore(line, place, permissions), words
            )


def _told(name: str) -> str:
    return sentence("Removed “{name}”").format(name=_short(name))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
