"""Plays what was recorded or answered before, slower or faster if wanted, and samples of voices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.audio.playback import RATE_HZ
from app.audio.sound_devices import SoundDevices
from app.engine_side.sinks import PlaybackSink
from app.shown.talk import TurnState
from app.talk.conversation import Conversation
from app.talk.notices import Notices
from app.talk.sound_file_player import SoundFilePlayer
from app.talk.state_machine import StateMachine
from app.talk.states import Happening
from app.talk.stored_turn import StoredTurn


class Replayer(QObject):
    """One sound at a time."""

    question_played = Signal(str, object)  # the turn, how much of what was said in it; None when it is over

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        conversation: Conversation,
        sound: SoundDevices,
        beat: Callable[[], None],
    ) -> None:
        """`beat` tells the engine's watch that a full buffer is no hanging."""
        super().__init__()
        self._beat = beat
        self._machine, self._notices, self._conversation, self._sound = machine, notices, conversation, sound
        self._player: SoundFilePlayer | None = None
        self._id: str | None = None  # of the turn whose answer it is
        self._question: tuple[str, float, float] | None = None  # the turn, where playing began, its length in seconds
        self._sampling = False
        machine.silencing.connect(self.interrupt)

    def play_answer(self, id: str, speed: float = 1.0) -> None:
        """Play an answer's sound, 0.8 to 1.5 times as fast."""
        stored = self._conversation.find(id)
        if stored is not None and stored.sound:
            self._machine.stop()
            self._conversation.show(id, state=TurnState.SPEAKING, speed=float(speed))
            self.play(self._conversation.folder / stored.sound, float(speed), id)

    def play_question(self, id: str, share: float = 0.0) -> None:
        """Play what the user said, from a share of it on."""
        stored = self._conversation.find(id)
        if stored is not None and stored.recording:
            self._machine.stop()
            seconds = stored.seconds or 0.0
            part = (share * seconds, seconds + 1.0) if share else None
            self.play(self._conversation.folder / stored.recording, part_s=part)
            self._question = id, share * seconds, seconds

    def play(
        self, path: Path, speed: float = 1.0, id: str | None = None, part_s: tuple[float, float] | None = None
    ) -> None:
        """Play a sound file, which may be the answer of a turn."""
        self._sound.open(microphone=False)
        self._player, self._id = SoundFilePlayer(self._sound.playback, path, speed, part_s), id
        self._player.failed.connect(self._on_failed)
        self._machine.happen(Happening.REPLAYED)

    def begin_sample(self) -> PlaybackSink:
        """Where a few words of a voice sound."""
        self._machine.stop()
        self._sampling = True
        return PlaybackSink(self._sound.playback, self._sound.playback.begin(), self._beat)

    def begin_reading(self) -> PlaybackSink:
        """Where a text sounds that is read aloud; until it is over the app speaks."""
        sink = self.begin_sample()
        self._sound.open(microphone=False)
        self._machine.happen(Happening.REPLAYED)
        return sink

    @property
    def plays_recording(self) -> bool:
        """Whether what sounds was recorded before, and is no answer."""
        return self._player is not None and self._id is None

    @property
    def answer_id(self) -> str:
        """The turn whose answer is played; "" if none is."""
        return self._id or ""

    def is_about(self, stored: StoredTurn) -> bool:
        """Whether something of this turn is being played."""
        files = [self._conversation.folder / name for name in (stored.recording, stored.sound) if name]
        return self._player is not None and self._player.path in files

    def _on_failed(self, player: SoundFilePlayer, words: str) -> None:
        if player is self._player:
            self._machine.stop()
            self._notices.say(words, trouble=True)

    def interrupt(self) -> None:
        """Silence."""
        player, id, sampling = self._player, self._id, self._sampling
        self._player, self._id, self._sampling = None, None, False
        if self._question is not None:
            self.question_played.emit(self._question[0], None)
            self._question = None
        if player is not None or sampling:
            self._sound.playback.stop()
        if player is None:
            return
        player.cancel()
        if id is not None:
            self._conversation.show(id, state=TurnState.DONE, spoken=None)
            self._conversation.keep(id)

    def poll(self) -> None:
        """Follow the loudspeaker; called about 30 times a second."""
        playback, player = self._sound.playback, self._player
        if player is None:
            if self._sampling and playback.over:
                self._sampling = False
                self._machine.happen(Happening.QUIET)
            return
        if playback.over:
            self.interrupt()
            self._machine.happen(Happening.QUIET)
        elif self._question is not None:
            id, from_s, seconds = self._question
            at_s = from_s + playback.samples_played / RATE_HZ
            self.question_played.emit(id, min(at_s / max(seconds, 0.01), 1.0))
        elif self._id is not None and (stored := self._conversation.find(self._id)) is not None:
            played = round(playback.samples_played * player.speed)
            made = stored.spans[-1][0] + 1 if stored.spans else 0
            self._conversation.show_spoken(self._id, stored.spans, made, played)
