"""How something is said: the microphone while talk is held, or the keyboard, with or without a recording."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.audio import recording_files
from app.audio.permission import Access, open_privacy_settings
from app.audio.recording_files import Utterance
from app.shown import Notice, NoticeAction, State, TurnState, Welcome
from app.talk.parts import Parts
from app.talk.replaying import Replaying
from app.talk.states import Happening
from app.talk.stored_turn import StoredTurn
from engine.errors import StorageError
from engine.events import Samples, new_turn_id

TAP_S = 0.3  # a shorter press latches
_TAIL_MS = 120  # the microphone is a little behind the key
_LONGEST_S = 300.0
_WARM_UP_S = 10.0  # the slowest headset has long given sound by then
_CUT_SHORT_S = 1.0  # a tap that the window left so soon after was to be held


@dataclass(frozen=True, eq=False)
class Said:
    """What was said or typed, on its way to the disk: what it belongs to may not be in front any more when it is there.

    `samples_16k` is None for what was typed about a recording. `then` says why it is not to be asked at once.
    """

    conversation: str
    folder: Path
    attached: Path | None
    samples_16k: Samples | None = None
    text: str = ""
    then: str = ""

    def kept(self) -> Utterance | None:
        """As a file. On the disk's thread; raises StorageError, SoundError."""
        path = self.folder / f"said-{time.time_ns()}.flac"
        if self.samples_16k is not None:
            return recording_files.kept(self.samples_16k, path, checked=not self.then, about=self.attached)
        if self.attached is None:
            return None
        return recording_files.kept(recording_files.attachment(self.attached), path, checked=False)

    def turn(self, kept: Utterance, state: TurnState, problem: str = "") -> StoredTurn:
        """A new turn of it."""
        name = self.attached.name if self.attached else ""
        return StoredTurn(
            new_turn_id(), self.conversation, state, self.text, kept.peaks, kept.seconds, name,
            problem=problem, recording=kept.file,
        )  # fmt: skip


class Talking(Replaying):
    """The layer above replaying: what the user says, and the devices it is said into."""

    attachment_changed = Signal(str)
    welcome_changed = Signal(Welcome)
    voice_recording_changed = Signal(float)

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parts, parent)
        self.attachment = ""
        self._attached: Path | None = None
        self._pressed_s = self._latched_s = 0.0
        self._held = self._latched = False
        self._wants_microphone = False
        self._in_front = True
        self._voice_name = ""
        self._silence_notice = Notice()
        self._sound.microphone_opened.connect(self._on_microphone_opened)
        self._sound.failed.connect(self._on_sound_failed)
        self._sound.input_lost.connect(self._on_input_lost)
        self._sound.output_lost.connect(self._on_output_lost)

    def stop(self) -> None:
        """Stop whatever goes on."""
        self._drop_recording()
        self.transcriber.show_playing(None)
        self._cancel_voice()
        super().stop()

    @property
    def welcome(self) -> Welcome:
        """What an empty conversation says."""
        return self._models.welcome

    def press_talk(self) -> None:
        """Talk is held: silence what sounds and listen. While latched: it was said, answer."""
        self._pressed_s = time.monotonic()
        if self._latched and self._recording:
            self._finish_talk()
        elif not self._recording and self._may_listen():
            self._cancel_voice()
            self._held = True
            self._begin_listening()

    def release_talk(self) -> None:
        """Talk is let go: answer, or go on listening if it was only tapped. Behind other windows nothing latches."""
        if not self._held:
            return
        self._held = False
        if time.monotonic() - self._pressed_s < TAP_S and self._recording and self._in_front:
            self._latch()
        elif self._recording:
            self._finish_talk()

    def toggle_latch(self) -> None:
        """Start listening, or end it and answer."""
        if self._recording:
            self._finish_talk()
        elif self._may_listen():
            self._cancel_voice()
            self._latch()
            self._begin_listening()

    def _latch(self) -> None:
        self._latched, self._latched_s = True, time.monotonic()

    def _leave_front(self) -> None:
        """What is said goes on being heard behind other windows, but not where nothing came yet, or where talk was held
        and only the change of windows made a tap of it.
        """
        if self._latched and self.state is State.GETTING_READY:
            self._give_up_listening()
        elif self._latched and time.monotonic() - self._pressed_s < _CUT_SHORT_S:
            self._finish_talk()

    def _give_up_listening(self) -> None:
        self._drop_recording()
        self._happen(Happening.REFUSED)
        if not self.notice.text:
            self._say(self.tr("The microphone gave no sound yet: try once more."))

    def _begin_listening(self) -> None:
        """Whatever sounds is silenced. What was just said is added to, or kept as a turn that was interrupted."""
        if self._pending is not None and self._sound.microphone.recording:
            self._pending = None  # talk was let go for less than the tail: the recording goes on
            return
        self._pending = None
        self._interrupt()
        self._listen()

    @property
    def _recording(self) -> bool:
        return self.state in (State.GETTING_READY, State.LISTENING) and self._pending is None

    def _may_listen(self) -> bool:
        access = self._parts.permission.access()
        if access is Access.UNASKED:
            self.allow_microphone()
        elif access is Access.DENIED:
            self._say_refused()
        return access is Access.GRANTED

    def _say_refused(self) -> None:
        self._say(
            self.tr("Earshot may not use the microphone: allow it in the privacy settings."),
            trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
        )  # fmt: skip

    def _listen(self) -> None:
        self._say()
        if not self._settings.now.microphone_explained:
            self._settings.change(microphone_explained=True)
        self._happen(Happening.TALK_PRESSED)
        self._wants_microphone = True
        if self._sound.microphone.open:
            self._on_microphone_opened()
        else:
            self._sound.open(microphone=True)

    def _on_microphone_opened(self) -> None:
        microphone = self._sound.microphone
        if self._wants_microphone and not microphone.recording:
            microphone.start()
        if self.state is State.GETTING_READY and microphone.delivering:
            self._happen(Happening.SOUND_ARRIVED)

    def _finish_talk(self) -> None:
        token = self._pending = object()
        self._latched = self._held = False
        QTimer.singleShot(_TAIL_MS, self, lambda: self._take_recording(token))

    def _take_recording(self, token: object, then: str = "") -> None:
        """The recording is complete: check it and write it down, off this thread."""
        if token is not self._pending:
            return
        if self.state is State.GETTING_READY:
            self._give_up_listening()
            return
        samples = self._sound.microphone.stop()
        self._release_microphone()
        self._write_utterance(samples, then)

    def _write_utterance(self, samples: Samples, then: str) -> None:
        try:
            self._talk.begin()
        except StorageError as error:
            self._pending = None
            self._happen(Happening.FAILED)
            self._say_unwritten(error, lambda: self._write_utterance(samples, then))
            return
        said = Said(self._talk.view.key, self._talk.folder, self._attached, samples, then=then)
        self._pending = said
        self._write(said)

    def _write(self, said: Said) -> None:
        self._parts.disk.run(said.kept, lambda kept, error: self._on_utterance(said, kept, error))

    def _on_utterance(self, said: Said, kept: Utterance | None, error: Exception | None) -> None:
        wanted = said is self._pending  # else something else was begun meanwhile
        if wanted:
            self._pending = None
        if error is not None:
            if wanted:
                self._happen(Happening.FAILED)
            if not self._talk.gone(said.conversation):  # else its folder may have gone while it was written
                self._say_unwritten(error, lambda: self._write_again(said))
            return
        if not wanted:
            self._keep_aside(said, kept)
        elif kept is None:
            self._happen(Happening.REFUSED)
            self._say(self.tr("Nothing was heard: hold the button while you speak."))
        elif said.then:
            self._talk.add(said.turn(kept, TurnState.FAILED, said.then))
            self._happen(Happening.REFUSED)
        else:
            if self._attached == said.attached:
                self.clear_attachment()
            stored = self._talk.add(said.turn(kept, TurnState.WAITING))
            self._submit(stored, self._turn(kept.samples_16k, said.text), None)

    def _keep_aside(self, said: Said, kept: Utterance | None) -> None:
        """A turn of its conversation that can be asked again, not one that is asked."""
        if kept is not None and not self._talk.gone(said.conversation):
            self._talk.add(said.turn(kept, TurnState.INTERRUPTED))
        elif kept is not None:
            (said.folder / kept.file).unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it
                said.folder.rmdir()

    def _say_unwritten(self, error: Exception, again: Callable[[], None]) -> None:
        self._say(self._sentence(error), trouble=True, action=NoticeAction.RETRY, help=again)

    def _write_again(self, said: Said) -> None:
        if not self._recording and said.conversation == self._talk.view.key:
            self.stop()
            self._pending = said
            self._happen(Happening.ASKED)
        self._write(said)

    def _drop_recording(self) -> None:
        self._pending = None
        self._held = self._latched = False
        if self._sound.microphone.recording:
            self._sound.microphone.stop()
        self._release_microphone()

    def _release_microphone(self) -> None:
        self._wants_microphone = False
        if not self._keeps_warm:
            self._sound.close_microphone()

    @property
    def _keeps_warm(self) -> bool:
        """Whether the microphone stays open while nobody talks: in front, and as the user wants it."""
        return self._in_front and self._settings.now.keep_warm

    def ask_text(self, text: str) -> None:
        """Answer something typed."""
        if not text.strip():
            return
        self._interrupt()
        self._drop_recording()
        self._say()
        try:
            self._talk.begin()
        except StorageError as error:
            self._say(str(error), trouble=True)
        if self._attached is not None:
            said = self._pending = Said(self._talk.view.key, self._talk.folder, self._attached, text=text.strip())
            self._happen(Happening.ASKED)
            self._write(said)
            return
        stored = StoredTurn(new_turn_id(), self._talk.view.key, TurnState.WAITING, text.strip())
        self._submit(self._talk.add(stored), self._turn(None, text), None)

    def attach(self, path: Path) -> None:
        """The next question is about this recording."""
        self._attached, self.attachment = path, path.name
        self.attachment_changed.emit(self.attachment)

    def clear_attachment(self) -> None:
        """The next question stands for itself."""
        if self._attached is not None:
            self._attached, self.attachment = None, ""
            self.attachment_changed.emit("")

    def _poll_microphone(self) -> None:
        microphone = self._sound.microphone
        if self.state is State.GETTING_READY and microphone.delivering:
            self._on_microphone_opened()
        if microphone.silent and not self.notice.text:
            self._say(
                self.tr("The microphone {name} gives only silence: allow it in the privacy settings, or unmute it.")
                .format(name=microphone.device),
                trouble=True, action=NoticeAction.PRIVACY, help=open_privacy_settings,
            )  # fmt: skip
            self._silence_notice = self.notice
        elif self._silence_notice.text and not microphone.silent:
            if self.notice == self._silence_notice:
                self._say()
            self._silence_notice = Notice()
        if self._recording and microphone.recorded_s > _LONGEST_S:
            self._finish_talk()
        waits = self._latched and self.state is State.GETTING_READY
        if waits and time.monotonic() - self._latched_s > _WARM_UP_S:
            self._give_up_listening()

    def _on_input_lost(self, name: str) -> None:
        sentence = self.tr("The microphone {name} went away.").format(name=name)
        if self._recording and self._sound.microphone.recorded_s > TAP_S:
            self._pending = token = object()
            self._take_recording(token, sentence + " " + self.tr("What you said until then is kept: try again."))
        elif self._recording:
            self._drop_recording()
            self._happen(Happening.REFUSED)
        self._cancel_voice()
        self._say(sentence + " " + self.tr("Earshot goes on with another one."), trouble=True)
        self._sound.open(microphone=self._keeps_warm)

    def _on_output_lost(self, name: str) -> None:
        sentence = self.tr("The loudspeaker {name} went away: Earshot goes on with another one.")
        self._say(sentence.format(name=name), trouble=True)

    def _on_sound_failed(self, sentence: str) -> None:
        if not self._sound.has_microphone:  # else it was the loudspeaker
            if self._recording:
                self._drop_recording()
                self._happen(Happening.REFUSED)
            self._cancel_voice()
        self._say(sentence, trouble=True)

    def allow_microphone(self) -> None:
        """Ask the system for the microphone."""
        self._settings.change(microphone_explained=True)
        self.welcome_changed.emit(self.welcome)
        permission = self._parts.permission

        def answered() -> None:
            if permission.access() is Access.GRANTED:
                self._sound.open(microphone=self._keeps_warm)
            else:
                self._say_refused()

        if permission.access() is Access.UNASKED:
            permission.ask(answered)
        else:
            answered()

    def record_voice(self, name: str) -> None:
        """Record five seconds for a new voice."""
        if self._may_listen():
            self.stop()
            self._voice_name = name
            self._wants_microphone = True
            if self._sound.microphone.open:
                self._on_microphone_opened()
            else:
                self._sound.open(microphone=True)
            self.voice_recording_changed.emit(0.0)

    def _poll_voice(self) -> None:
        seconds = self._sound.microphone.recorded_s
        self.voice_recording_changed.emit(min(seconds / recording_files.VOICE_S, 1.0))
        if seconds >= recording_files.VOICE_S:
            name, self._voice_name = self._voice_name, ""
            samples = self._sound.microphone.stop()
            self._release_microphone()
            self.voice_recording_changed.emit(-1.0)
            path = self.transcriber.folder / f"voice-{time.time_ns()}.flac"  # the one before may not be made yet

            def written(said: Utterance | None, error: Exception | None) -> None:
                if said is not None:
                    self._add_voice(path, name, then=lambda: path.unlink(missing_ok=True))
                else:
                    self._say(self._sentence(error) if error else self.tr("Nothing was heard: record once more."))

            self._parts.disk.run(lambda: recording_files.kept(samples, path), written)

    def _add_voice(self, path: Path, name: str, then: Callable[[], None] = lambda: None) -> None:
        self._change_voices("add voice", lambda desk, request: desk.add_voice(path, name), then)

    def cancel_voice_recording(self) -> None:
        """Record no voice after all."""
        self._cancel_voice()

    def _cancel_voice(self) -> None:
        if self._voice_name:
            self._voice_name = ""
            self._drop_recording()
            self.voice_recording_changed.emit(-1.0)
