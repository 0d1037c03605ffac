"""What the window can do with models and voices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.engine_side.loading import Elsewhere, Place
from app.models.models import Models
from app.models.voices import Voices
from app.shown.models import MachineView
from app.shown.talk import NoticeAction
from app.talk.notices import explain
from app.talk.talk import Talk
from app.undoable_commands import UndoableCommands


class ModelCommands(QObject):
    """Joins models and voices with the conversation. `failed` is for the settings, where such things are asked for."""

    failed = Signal(str)
    arrived = Signal(str)  # a sentence: what was downloaded

    def __init__(
        self, talk: Talk, models: Models, voices: Voices, undoable: UndoableCommands, stop: Callable[[], None]
    ) -> None:
        super().__init__()
        self._talk, self._models, self._voices, self._undoable, self._stop = talk, models, voices, undoable, stop
        models.lost.connect(self._on_engine_lost)
        models.arrived.connect(self._on_arrived)
        models.failed.connect(lambda error: self.failed.emit(explain(error)))
        voices.failed.connect(lambda error: self.failed.emit(explain(error)))
        talk.voice_recorder.recorded.connect(self._on_voice_recorded)

    # Models.

    @property
    def machine(self) -> MachineView:
        """This machine, and how much of it the model takes."""
        return self._models.machine

    @property
    def making_share(self) -> float | None:
        """How much of a smaller copy is made; None when none is being made."""
        return self._models.copies.share if self._models.copies.source else None

    def switch_model(self, folder: str, insist: bool = False) -> None:
        """Use another model; the conversation goes on."""
        self._switch_to(Path(folder), insist)

    def use_elsewhere(self, elsewhere: Elsewhere) -> None:
        """Use a model on another machine; the conversation goes on."""
        self._switch_to(elsewhere, False)

    def _switch_to(self, place: Place, insist: bool) -> None:
        self._stop()
        self._talk.notices.say()
        self._talk.turn_transcriber.pause()
        self._models.load(place, insist, chosen=True)

    def retry_model(self) -> None:
        """Load the model again, with a new engine if the old one hangs."""
        self._talk.notices.say()
        self._talk.turn_transcriber.pause()
        self._talk.answerer.give_up()
        self._models.retry()

    def make_copy(self, folder: str) -> None:
        """Make a smaller copy of a model, while the conversation goes on."""
        self._models.make_copy(folder)

    def stop_copy(self) -> None:
        """Make no copy after all."""
        self._models.copies.stop()

    def check_by_ear(self, folder: str) -> None:
        """Let the model in use read aloud and hear itself, while the conversation goes on."""
        self._models.check_by_ear(folder)

    def stop_check(self) -> None:
        """End the check by ear."""
        self._models.ear_checks.stop()

    def remove_model(self, folder: str) -> None:
        """Move a model to the Trash; it can be brought back."""
        self._undoable.remove_model(folder)

    def refresh_models(self) -> None:
        """Look again at what is installed, and at this machine."""
        self._models.refresh()

    def _on_engine_lost(self, sentence: str) -> None:
        self._talk.answerer.give_up()
        self._talk.notices.say(sentence, trouble=True, action=NoticeAction.RETRY, help=self.retry_model)

    def _on_arrived(self, folder: str) -> None:
        words = self.tr("{model} is here and ready to be used.").format(model=Path(folder).name)
        self._talk.notices.say(words, action=NoticeAction.USE, help=lambda: self.switch_model(folder))
        self.arrived.emit(words)

    # Voices.

    def record_voice(self, name: str) -> None:
        """Record five seconds for a new voice."""
        self._talk.voice_recorder.record(name)

    def cancel_voice_recording(self) -> None:
        """Cancel recording a voice."""
        self._talk.voice_recorder.cancel()

    def _on_voice_recorded(self, path: Path, name: str) -> None:
        self._voices.add(path, name, then=lambda: path.unlink(missing_ok=True))

    def import_voice(self, path: Path, name: str) -> None:
        """Make a voice of a recording."""
        self._voices.add(path, name)

    def hear_voice(self, name: str) -> None:
        """Let a voice say a few words."""
        self._voices.hear(name, self._talk.replayer.begin_sample())

    def remove_voice(self, name: str) -> None:
        """Remove a voice; it can be brought back."""
        self._undoable.remove_voice(name)

    def rename_voice(self, name: str, new_name: str) -> None:
        """Give a voice another name."""
        self._voices.rename(name, new_name)
