"""What can be done with whole conversations: begin, open, remove, bring back."""

from __future__ import annotations

from app.settings import Settings
from app.talk.conversation import Conversation
from app.talk.notices import Notices
from app.talk.questions import Questions
from app.talk.state_machine import StateMachine
from app.talk.turn_transcriber import TurnTranscriber


class ConversationCommands:
    """Each names its conversation by its key; one that is not known is left alone."""

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        conversation: Conversation,
        questions: Questions,
        turn_transcriber: TurnTranscriber,
        settings: Settings,
    ) -> None:
        self._machine, self._notices, self._conversation = machine, notices, conversation
        self._questions, self._turn_transcriber, self._settings = questions, turn_transcriber, settings

    def begin(self) -> None:
        """Show a new one."""
        self._leave()
        self._questions.clear_attachment()
        self._conversation.new()

    def open(self, key: str) -> None:
        """Show a saved one."""
        if key != self._conversation.key:
            self._leave()
            self._conversation.open(key)
            if preset := self._conversation.view.preset:
                self._settings.change(preset=preset)

    def _leave(self) -> None:
        self._machine.stop()
        self._turn_transcriber.pause()
        self._notices.say()

    def title(self, key: str) -> str | None:
        """What a conversation is called; None when it is not listed."""
        return self._conversation.title(key)

    def remove(self, key: str) -> None:
        """Hide a conversation until it is restored or erased; a new one follows the one in front."""
        if key == self._conversation.key:
            self._leave()
        self._conversation.remove_conversation(key)

    def restore(self, key: str) -> None:
        """List a removed conversation again."""
        self._conversation.restore_conversation(key)
