"""Decides when the microphone is open and who may use it: permission, opening, recording, release."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.audio.microphone import Microphone
from app.audio.permission import Access, MicrophonePermission, open_privacy_settings
from app.audio.sound_devices import SoundDevices
from app.settings import Settings
from app.shown.talk import Notice, NoticeAction
from app.talk.notices import Notices
from engine.events import Samples


class MicrophoneUse(QObject):
    """Shared by whoever records; `wanted` while somebody does."""

    recording = Signal()  # it is open and records
    explained = Signal()  # the user was asked for it, or wants not to be
    left_front = Signal()  # the window went behind others
    lost = Signal(str)  # a sentence; whoever records ends, then it is said

    def __init__(
        self, notices: Notices, sound: SoundDevices, settings: Settings, permission: MicrophonePermission
    ) -> None:
        super().__init__()
        self._notices, self._sound, self._settings, self._permission = notices, sound, settings, permission
        self._silence_notice = Notice()
        self.in_front = True
        self.tested = False  # the welcome page shows how loud it is
        self.wanted = False
        self.reserved = ""  # a sentence: why nobody else may record now
        self._seconds_ago = 0.0
        sound.microphone_opened.connect(self._on_opened)
        sound.failed.connect(self._on_sound_failed)
        sound.input_lost.connect(self._on_input_lost)
        settings.changed.connect(self._on_setting)

    @property
    def microphone(self) -> Microphone:
        """The microphone itself."""
        return self._sound.microphone

    @property
    def granted(self) -> bool:
        """Whether it may be opened without the system asking."""
        return self._settings.now.microphone_explained and self._permission.access() is Access.GRANTED

    @property
    def keeps_warm(self) -> bool:
        """Whether it stays open while nobody talks: in front, and as the user wants it."""
        return self.in_front and (self._settings.now.keep_warm or self.tested)

    def may_record(self, *, of_settings: bool = False) -> bool:
        """Whether the system allows it, and nobody records for long; else the user is asked or told."""
        if self.reserved:
            self._notices.say(self.reserved, of_settings=of_settings)
            return False
        access = self._permission.access()
        if access is Access.UNASKED:
            self.allow()
        elif access is Access.DENIED:
            self._say_refused()
        return access is Access.GRANTED

    def allow(self) -> None:
        """Ask the system for it."""
        self._settings.change(microphone_explained=True)
        self.explained.emit()

        def answered() -> None:
            self.explained.emit()
            if self._permission.access() is Access.GRANTED:
                self.warm_up()
            else:
                self._say_refused()

        if self._permission.access() is Access.UNASKED:
            self._permission.ask(answered)
        else:
            answered()

    def postpone(self) -> None:
        """Do not explain it again: the user types."""
        self._settings.change(microphone_postponed=True)
        self.explained.emit()

    def _say_refused(self) -> None:
        self._notices.say(
            self.tr("Earshot may not use the microphone: allow it in the privacy settings."),
            trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
        )  # fmt: skip

    def warm_up(self) -> None:
        """Open the loudspeaker, and the microphone if it stays open."""
        self._sound.open(microphone=self.keeps_warm)

    def take(self, seconds_ago: float = 0.0) -> None:
        """Record as soon as it is open, from so many seconds ago if it was open then."""
        self._seconds_ago = seconds_ago
        if not self._settings.now.microphone_explained:
            self._settings.change(microphone_explained=True)
            self.explained.emit()
        self.wanted = True
        if self.microphone.open:
            self._on_opened()
        else:
            self._sound.open(microphone=True)

    def _on_opened(self) -> None:
        if self.wanted:
            if not self.microphone.recording:
                self.microphone.start(self._seconds_ago)
            self.recording.emit()

    def finish(self) -> Samples:
        """End the recording; all of it, mono at 16 kHz."""
        samples = self.microphone.stop()
        self._let_go()
        return samples

    def drop(self) -> None:
        """Record nothing."""
        if self.microphone.recording:
            self.microphone.stop()
        self._let_go()

    def _let_go(self) -> None:
        self.wanted = False
        if not self.keeps_warm:
            self._sound.close_microphone()

    def _on_input_lost(self, name: str) -> None:
        self.lost.emit(self.tr("The microphone {name} was disconnected.").format(name=name))
        self.warm_up()

    def _on_sound_failed(self, words: str) -> None:
        if not self._sound.has_microphone:  # else it was the loudspeaker
            self.lost.emit(words)
        self._notices.say(words, trouble=True)

    def show_in_front(self, in_front: bool, running: bool) -> None:
        """The window came to the front, or went behind others: then it is closed unless it records."""
        if in_front == self.in_front:
            return
        self.in_front = in_front
        if not in_front:
            self.left_front.emit()
        if in_front and running:
            self._sound.open(microphone=self.keeps_warm and self.granted)
        elif not self.wanted:
            self._sound.close_microphone()

    def _on_setting(self, name: str) -> None:
        if name == "keep_warm":
            self._follow_wishes()

    def follow_test(self, tested: bool) -> None:
        """Whether the welcome page shows how loud it is: then it is open although nobody talks."""
        if tested != self.tested:
            self.tested = tested
            self._follow_wishes()

    def _follow_wishes(self) -> None:
        if self.keeps_warm:
            self._sound.open(microphone=self.granted)
        elif not self.wanted:  # else once it is not needed any more
            self._sound.close_microphone()

    def poll(self) -> None:
        """Notice a microphone that gives only silence; called about 30 times a second."""
        if not self.wanted:
            return
        if self.microphone.silent and not self._notices.shown.text:
            words = self.tr("{name} gives no sound. Is it muted?")
            self._notices.say(
                words.format(name=self.microphone.device),
                trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
            )  # fmt: skip
            self._silence_notice = self._notices.shown
        elif self._silence_notice.text and not self.microphone.silent:
            if self._notices.shown == self._silence_notice:
                self._notices.say()
            self._silence_notice = Notice()
