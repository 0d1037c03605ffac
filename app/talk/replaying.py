"""Playing what was said before: again, slower or faster, in another voice."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.audio import recording_files
from app.engine_side.engine_thread import Request
from app.shown import State, TurnState
from app.talk.answering import Answering
from app.talk.parts import Parts
from app.talk.replay import Replay
from app.talk.reply import PlaySink, Reply
from app.talk.states import Happening
from app.talk.stored_turn import StoredTurn
from engine.resources import resource


class Replaying(Answering):
    """The layer above answering: sound that exists already, and sound made anew of answers that exist."""

    rang = Signal(str)  # a timer; may be emitted on any thread

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parts, parent)
        self._replay: Replay | None = None
        self._replayed: str | None = None
        self.transcriber.play_wanted.connect(self._play_part)
        self._to_ring = False
        self.rang.connect(self._on_rang)

    def play_again(self, key: str, speed: float = 1.0) -> None:
        """Play an answer's sound, 0.8 to 1.5 times as fast."""
        stored = self._talk.find(key)
        if stored is None or not stored.sound:
            return
        self.stop()
        self._talk.show(key, state=TurnState.SPEAKING, speed=float(speed))
        self._start_replay(self._talk.folder / stored.sound, float(speed), key)

    def play_question(self, key: str) -> None:
        """Play what the user said."""
        stored = self._talk.find(key)
        if stored is not None and stored.recording:
            self.stop()
            self._start_replay(self._talk.folder / stored.recording)

    def _play_part(self, path: Path, first_s: float, last_s: float) -> None:
        if self.state in (State.IDLE, State.SPEAKING):
            self._interrupt()
            self._start_replay(path, part_s=(first_s, last_s))

    def _start_replay(
        self, path: Path, speed: float = 1.0, key: str | None = None, part_s: tuple[float, float] | None = None
    ) -> None:
        self._sound.open(microphone=False)
        self._replay, self._replayed = Replay(self._sound.playback, path, speed, part_s), key
        self._replay.failed.connect(self._on_replay_failed)
        self._happen(Happening.REPLAYED)

    def _on_replay_failed(self, replay: Replay, sentence: str) -> None:
        if replay is self._replay:
            self.stop()
            self._say(sentence, trouble=True)

    def _is_about(self, stored: StoredTurn) -> bool:
        files = [self._talk.folder / name for name in (stored.recording, stored.sound) if name]
        return super()._is_about(stored) or (self._replay is not None and self._replay.path in files)

    def save_sound(self, key: str, path: Path) -> None:
        """Write an answer's sound to a file of the user's."""
        stored = self._talk.find(key)
        if stored is None or not stored.sound:
            return
        source = self._talk.folder / stored.sound

        def saved(_result: Any, error: Exception | None) -> None:
            self._say(self._sentence(error) if error else self.tr("Saved {name}.").format(name=path.name),
                      trouble=error is not None)  # fmt: skip

        self._parts.disk.run(lambda: recording_files.copied(source, path), saved)

    def revoice(self, key: str, voice: str) -> None:
        """Speak an answer again in another voice."""
        stored = self._talk.find(key)
        if stored is None or stored.place is None:
            self._say(self.tr("This answer is not in the model's memory any more, so it cannot be spoken again."))
            return
        self.stop()
        self._pause_writing_down()
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        job = self._job(stored, None, sink)
        job.manner = replace(job.manner, voice=voice)
        sink.request = request = Request("speak again", lambda desk, request: desk.speak_again(job, request))
        self._reply = Reply(key, job, request, revoice=True, began_s=time.monotonic())
        self._happen(Happening.ASKED)
        self._thread.submit(request)

    def hear_voice(self, name: str) -> None:
        """Let a voice say a few words."""
        self.stop()
        sink = PlaySink(self._sound.playback, self._sound.playback.begin(), self._thread.beat)
        self._change_voices("hear voice", lambda desk, request: desk.hear_voice(name, sink))

    def _on_rang(self, label: str) -> None:
        name = self.tr("Timer “{label}”").format(label=label) if label else self.tr("The timer")
        self._say(self.tr("{name} rings.").format(name=name))
        self._to_ring = True

    def _ring_if_due(self) -> None:
        """Ring as soon as whatever goes on is over."""
        if self._to_ring and self.state is State.IDLE and not self._sound.microphone.recording:
            self._to_ring = False
            self._start_replay(resource("sounds", "timer.wav"))

    def _interrupt(self) -> None:
        replay, key = self._replay, self._replayed
        self._replay = self._replayed = None
        if replay is None:
            super()._interrupt()
            return
        self._sound.playback.stop()
        replay.cancel()
        if key is not None:
            self._talk.show(key, state=TurnState.DONE, spoken=None)
            self._talk.keep(key)
        self.transcriber.show_playing(None)

    def _poll_playback(self) -> None:
        self._ring_if_due()
        playback, replay = self._sound.playback, self._replay
        if replay is None:
            super()._poll_playback()
        elif playback.over:
            self._interrupt()
            self._happen(Happening.QUIET)
        elif self._replayed is not None:
            stored = self._talk.find(self._replayed)
            if stored is not None:
                played = round(playback.samples_played * replay.speed)
                made = stored.spans[-1][0] + 1 if stored.spans else 0
                self._show_spoken(self._replayed, list(stored.spans), made, played)
