"""The microphone test of the welcome page: it runs until something is heard or the user prefers to type."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.audio.permission import Access, MicrophonePermission
from app.audio.turn_detector import SHORTEST_SPEECH_S, speech_seconds
from app.settings import Settings
from app.shown.talk import Hearing
from app.talk.conversation import Conversation
from app.talk.microphone_use import MicrophoneUse

_LOOK_S = 0.3  # of sound are searched for speech at a time
_POLLS = 9  # that this takes


class MicrophoneTest(QObject):
    """Follows the microphone while the page of an empty conversation asks for a few words. Nothing of them is kept."""

    changed = Signal()
    level_changed = Signal(float)

    def __init__(
        self,
        use: MicrophoneUse,
        settings: Settings,
        permission: MicrophonePermission,
        conversation: Conversation,
    ) -> None:
        super().__init__()
        self._use, self._settings, self._permission, self._conversation = use, settings, permission, conversation
        self._heard_here = False  # the page still says so
        self._level = 0.0
        self._polls, self._speech_s = 0, 0.0
        self.state = self._found()
        use.tested = self.under_way
        use.explained.connect(self.refresh)
        settings.changed.connect(self.refresh)
        conversation.turns_reset.connect(self.refresh)
        conversation.turn_changed.connect(self.refresh)

    @property
    def under_way(self) -> bool:
        """Whether the microphone is followed."""
        return self.state in (Hearing.TESTED, Hearing.SILENT, Hearing.HEARD)

    def _found(self) -> Hearing:
        now = self._settings.now
        if now.microphone_postponed or self._conversation.turns or (now.microphone_heard and not self._heard_here):
            return Hearing.SETTLED
        if self._heard_here:
            return Hearing.HEARD
        access = self._permission.access()
        if access is Access.DENIED:
            return Hearing.DENIED
        if access is Access.UNASKED or not now.microphone_explained:
            return Hearing.UNASKED
        return Hearing.SILENT if self._use.microphone.silent else Hearing.TESTED

    def refresh(self) -> None:
        """See how it stands now: the system may have been asked, or a turn been begun."""
        if self._conversation.turns:
            self._heard_here = False
        state = self._found()
        if state is not self.state:
            self.state = state
            self._use.follow_test(self.under_way)
            self.changed.emit()

    def note_heard(self) -> None:
        """Something was said and heard: it need not be tried again."""
        self._heard_here = not self._conversation.turns
        self._settings.change(microphone_heard=True)
        self.refresh()

    def poll(self) -> None:
        """Follow the microphone; called about 30 times a second."""
        if not self.under_way:
            return
        microphone = self._use.microphone
        if microphone.silent is (self.state is Hearing.TESTED):
            self.refresh()
        if microphone.level != self._level:
            self._level = microphone.level
            self.level_changed.emit(self._level)
        self._polls += 1
        if self.state is Hearing.TESTED and self._polls % _POLLS == 0:
            speech_s = speech_seconds(microphone.newest(_LOOK_S))
            self._speech_s = self._speech_s + speech_s if speech_s else 0.0
            if self._speech_s >= SHORTEST_SPEECH_S:
                self.note_heard()
