"""What the user says: the microphone while talk is held, or from one tap to the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.audio.growing_recording import SUFFIX, GrowingRecording
from app.shown.talk import State
from app.talk.microphone_use import MicrophoneUse
from app.talk.notices import Notices
from app.talk.state_machine import StateMachine
from app.talk.states import Happening
from app.worker import Worker
from engine.events import Samples, new_turn_id

TAP_S = 0.3  # a shorter press latches
_TAIL_MS = 120  # the microphone is a little behind the key
_LONGEST_S = 300.0
_WARM_UP_S = 10.0  # the slowest headset has long given sound by then
_CUT_SHORT_S = 1.0  # a tap that the window left so soon after was to be held


@dataclass(frozen=True, eq=False)
class Recording:
    """What was said, for the turn of this id. `growing` holds it until it is written whole. `why` says why it is not to
    be asked at once.
    """

    id: str
    samples_16k: Samples
    growing: GrowingRecording
    why: str = ""


class Recorder(QObject):
    """One recording at a time, written while it is made."""

    beginning = Signal()
    recorded = Signal(Recording)
    locked_changed = Signal(bool)  # it goes on until talk is pressed again

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        microphone_use: MicrophoneUse,
        disk: Worker,
        folder: Callable[[], Path],
    ) -> None:
        """`folder` is where the files of the conversation in front lie."""
        super().__init__()
        self._machine, self._notices, self._use = machine, notices, microphone_use
        self._disk, self._folder = disk, folder
        self._id = ""
        self._growing: GrowingRecording | None = None
        self._pressed_s = self._latched_s = 0.0
        self._held = self._latched = False
        self._may_lock = True
        self._under_way = False
        self._tail: object | None = None  # identity of an end that is due in a moment
        machine.stopping.connect(self.drop)
        microphone_use.recording.connect(self._on_recording)
        microphone_use.lost.connect(self._on_lost)
        microphone_use.left_front.connect(self._on_left_front)

    @property
    def recording(self) -> bool:
        """Whether it is being recorded, and not over in a moment."""
        return self._under_way and self._tail is None

    @property
    def locked(self) -> bool:
        """Whether it goes on until talk is pressed again."""
        return self._latched

    def press_talk(self, seconds_ago: float = 0.0) -> None:
        """Talk is held: silence what sounds and listen. While locked: it was said, answer. What was held for some
        `seconds_ago` already is no tap.
        """
        self._pressed_s, self._may_lock = time.monotonic(), seconds_ago == 0.0
        if self._latched and self.recording:
            self._finish()
        elif not self.recording and self._use.may_record():
            self._held = True
            self._begin(seconds_ago)

    def release_talk(self) -> None:
        """Talk is let go: answer, or go on listening if it was only tapped. Behind other windows nothing locks."""
        if not self._held:
            return
        self._held = False
        tapped = self._may_lock and time.monotonic() - self._pressed_s < TAP_S
        if tapped and self.recording and self._use.in_front:
            self._latch(True)
        elif self.recording:
            self._finish()

    def toggle_latch(self) -> None:
        """Start listening, or end it and answer."""
        if self.recording:
            self._finish()
        elif self._use.may_record():
            self._latch(True)
            self._begin()

    def _latch(self, latched: bool) -> None:
        if latched:
            self._latched_s = time.monotonic()
        if latched != self._latched:
            self._latched = latched
            self.locked_changed.emit(latched)

    def _on_left_front(self) -> None:
        """What is said goes on being heard behind other windows, but not where nothing came yet, or where talk was held
        and only the change of windows made a tap of it.
        """
        if self._latched and self._machine.state is State.GETTING_READY:
            self._give_up()
        elif self._latched and time.monotonic() - self._pressed_s < _CUT_SHORT_S:
            self._finish()

    def _give_up(self) -> None:
        self._refuse()
        if not self._notices.shown.text:
            self._notices.say(self.tr("The microphone gave no sound yet: try once more."))

    def _begin(self, seconds_ago: float = 0.0) -> None:
        """Whatever sounds is silenced."""
        if self._tail is not None and self._use.microphone.recording:
            self._tail = None  # talk was let go for less than the tail: the recording goes on
            return
        self._tail = None
        self.beginning.emit()
        self._machine.silence()
        self._notices.say()
        self._machine.happen(Happening.TALK_PRESSED)
        self._under_way, self._id = True, new_turn_id()
        self._growing = GrowingRecording(self._folder() / f"said-{self._id}{SUFFIX}", self._disk)
        self._use.take(seconds_ago)

    def _on_recording(self) -> None:
        if self._machine.state is State.GETTING_READY and self._use.microphone.delivering:
            self._machine.happen(Happening.SOUND_ARRIVED)

    def _finish(self) -> None:
        token = self._tail = object()
        self._held = False
        self._latch(False)
        QTimer.singleShot(_TAIL_MS, self, lambda: self._end(token))

    def _end(self, token: object, why: str = "") -> None:
        """The recording is complete."""
        if token is not self._tail:
            return
        if self._machine.state is State.GETTING_READY:
            self._give_up()
            return
        growing, self._growing = self._growing, None
        self._under_way, self._tail = False, None
        assert growing is not None
        self.recorded.emit(Recording(self._id, self._use.finish(), growing, why))

    def drop(self) -> None:
        """Record nothing after all."""
        growing, self._growing = self._growing, None
        if self._under_way:  # else somebody else may be recording
            self._use.drop()
        self._under_way, self._tail = False, None
        self._held = False
        self._latch(False)
        if growing is not None:
            growing.remove()

    def leave(self) -> None:
        """Earshot ends: what was said until now is found at the next start."""
        self._growing = None

    def _refuse(self) -> None:
        self.drop()
        self._machine.happen(Happening.REFUSED)

    def poll(self) -> None:
        """Follow the microphone; called about 30 times a second."""
        if self._under_way:
            self._on_recording()
        if self._growing is not None and self._use.microphone.recording:
            self._growing.follow(self._use.microphone)
        if self.recording and self._use.microphone.recorded_s > _LONGEST_S:
            self._finish()
        waits = self._latched and self._machine.state is State.GETTING_READY
        if waits and time.monotonic() - self._latched_s > _WARM_UP_S:
            self._give_up()

    def _on_lost(self, words: str) -> None:
        if not self.recording:
            return
        if self._use.microphone.recorded_s > TAP_S:
            self._tail = token = object()
            self._end(token, words + " " + self.tr("What you said until then is kept: try again."))
        else:
            self._refuse()
