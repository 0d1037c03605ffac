"""What a person can do on the Talk page: each command goes to the object that carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject

from app.audio.permission import open_privacy_settings
from app.models.tool_servers import ToolServers
from app.settings import Settings
from app.shown.transcribe import JobState
from app.talk.talk import Talk
from app.transcribe.transcriber import Transcriber
from app.transcribe.transcripts import Transcripts
from app.undoable_commands import UndoableCommands
from engine.events import Thinking


class TalkCommands(QObject):
    """The part of the controller that is about talking. Lives on the GUI thread; no command waits."""

    def __init__(
        self,
        settings: Settings,
        talk: Talk,
        transcriber: Transcriber,
        transcripts: Transcripts,
        servers: ToolServers,
        undoable: UndoableCommands,
    ) -> None:
        super().__init__()
        self._settings, self._talk, self._undoable = settings, talk, undoable
        self._conversation = talk.conversation
        self.transcriber, self.transcripts, self.tool_servers = transcriber, transcripts, servers

    # Talking.

    @property
    def locked(self) -> bool:
        """Whether listening goes on until talk is pressed again."""
        return self._talk.recorder.locked

    @property
    def plays_recording(self) -> bool:
        """Whether what sounds was recorded, and is no answer."""
        return self._talk.replayer.plays_recording or self._talk.player.playing

    @property
    def paused(self) -> bool:
        """Whether the answer that sounds is held."""
        return self._talk.pause.on

    def toggle_pause(self) -> None:
        """Hold the answer that sounds, or go on with it."""
        self._talk.pause.toggle()

    def press_talk(self, seconds_ago: float = 0.0) -> None:
        """Talk is held: silence what sounds and listen. While locked: it was said, answer."""
        self._talk.recorder.press_talk(seconds_ago)

    def release_talk(self) -> None:
        """Talk is let go: answer, or go on listening if it was only tapped."""
        self._talk.recorder.release_talk()

    def toggle_latch(self) -> None:
        """Start listening, or end it and answer."""
        self._talk.recorder.toggle_latch()

    def stop(self) -> None:
        """Stop whatever goes on."""
        self._talk.machine.stop()

    def read_aloud(self, text: str) -> None:
        """Read a text aloud that belongs to no conversation."""
        self._talk.text_reader.read(text)

    def say_trouble(self, sentence: str) -> None:
        """Show what went wrong over the message field."""
        self._talk.notices.say(sentence, trouble=True)

    def ask_text(self, text: str) -> None:
        """Answer something typed."""
        if text.strip():
            self._talk.machine.silence()
            self._talk.voice_recorder.cancel()
            self._talk.recorder.drop()
            self._talk.questions.ask_text(text)

    def attach(self, path: Path, name: str = "") -> None:
        """The next question is about this recording, which may have another name than its file."""
        self._talk.questions.attach(path, name)

    def clear_attachment(self) -> None:
        """The next question stands for itself."""
        self._talk.questions.clear_attachment()

    def ask_recording(self, key: str) -> None:
        """Talk about a file of the transcribe page, in a new conversation."""
        job = self.transcriber.job(key)
        if job is not None:
            self.new_conversation()
            self.attach(job.path, job.name)

    def skip_thinking(self) -> None:
        """Speak now."""
        self._talk.answerer.skip_thinking()

    @property
    def works_without_window(self) -> bool:
        """Whether a timer runs or a recording is being transcribed."""
        waiting = (JobState.WAITING, JobState.RUNNING)
        return bool(self._talk.timers.running) or any(job.state in waiting for job in self.transcriber.jobs)

    def cancel_timer(self, number: int) -> None:
        """Do not let a timer ring; it can be brought back."""
        self._undoable.cancel_timer(number)

    def act_on_notice(self, otherwise: bool = False) -> None:
        """Do what the notice offers, or the other thing."""
        self._talk.notices.act(otherwise)

    def dismiss_notice(self) -> None:
        """It was read."""
        self._talk.notices.say()

    def answer_tool(self, allowed: bool, always: bool = False) -> None:
        """Allow the tool that asks, this time or always, or not: then the model is told so and goes on."""
        if allowed and always:
            name = self._talk.confirmations.asking
            self.tool_servers.trust_tool(name)
            self._settings.change(ask_first=tuple(each for each in self._settings.now.ask_first if each != name))
        self._talk.confirmations.answer(allowed)

    def allow_microphone(self) -> None:
        """Ask the system for the microphone."""
        self._talk.microphone_use.allow()

    def postpone_microphone(self) -> None:
        """Do without the microphone for now."""
        self._talk.microphone_use.postpone()

    def open_privacy_settings(self) -> None:
        """Open the system's page on which the microphone is allowed."""
        open_privacy_settings()

    # Turns.

    def ask_again(self, id: str) -> None:
        """Answer a turn again, as another version of it."""
        self._talk.commands.ask_again(id)

    def edit_turn(self, id: str, text: str) -> None:
        """Ask something else instead, as another version of the turn."""
        self._talk.commands.edit(id, text)

    def try_again(self, id: str) -> None:
        """Ask a failed turn again; it becomes the newest turn."""
        self._talk.commands.try_again(id)

    def delete_turn(self, id: str) -> None:
        """Take a turn out of the conversation and the model's memory; it can be brought back."""
        self._undoable.remove_turn(id)

    def show_version(self, id: str, step: int) -> None:
        """Show the next version of a turn, or with -1 the one before, with what followed it."""
        self._talk.commands.show_version(id, step)

    def play_again(self, id: str, speed: float = 1.0) -> None:
        """Play an answer's sound, 0.8 to 1.5 times as fast."""
        self._talk.replayer.play_answer(id, speed)

    def play_question(self, id: str, share: float = 0.0) -> None:
        """Play what the user said, from a share of it on."""
        self._talk.replayer.play_question(id, share)

    def speak_again(self, id: str, voice: str) -> None:
        """Speak an answer again in another voice."""
        self._talk.commands.speak_again(id, voice)

    def save_sound(self, id: str, path: Path) -> None:
        """Write an answer's sound to a file of the user's."""
        self._talk.commands.save_sound(id, path)

    def export_sound(self, id: str, path: Path, *, question: bool) -> bool:
        """Write the sound of a turn for another app; whether there was any."""
        return self._talk.commands.export_sound(id, path, question=question)

    # Conversations.

    def new_conversation(self) -> None:
        """Start again."""
        self._talk.conversations.begin()

    def open_conversation(self, key: str) -> None:
        """Show a saved one."""
        self._talk.conversations.open(key)

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        self._undoable.rename_conversation(key, title)

    def delete_conversation(self, key: str) -> None:
        """Remove a conversation; it can be brought back. One that is not saved yet has no key."""
        self._undoable.remove_conversation(key)

    def export_conversation(self, key: str, place: Path, kind: str) -> None:
        """Write a conversation for other programs: "md", "json", or with its sound as a "folder"."""
        self._talk.exchange.export(key, place, kind)

    def import_conversation(self, place: Path) -> None:
        """Take in an exported conversation, and show it."""
        self._undoable.import_conversation(place)

    def search(self, query: str) -> None:
        """Look for the conversations and recordings in which this was said."""
        self._conversation.search(query)
        self.transcripts.searcher.search(query)

    @property
    def answered_query(self) -> str | None:
        """What was looked for last, in conversations and recordings, once both have answered."""
        query = self._conversation.answered_query
        return query if query == self.transcripts.searcher.answered_query else None

    @property
    def found_recordings(self) -> Mapping[str, str]:
        """For each recording that was found, a piece of it; hits between \\x02 and \\x03."""
        return self.transcripts.searcher.newest

    def set_thinking(self, thinking: Thinking) -> None:
        """Whether to reason before answering."""
        self._settings.change(thinking=thinking)

    def set_spoken_answers(self, spoken: bool) -> None:
        """Whether answers are spoken."""
        self._settings.change(spoken_answers=spoken)

    def set_voice(self, name: str) -> None:
        """Who speaks."""
        self._settings.change(voice=name)
