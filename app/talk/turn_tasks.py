"""Builds the requests about a turn that go to the engine, from the present settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.engine_side.sessions import Manner
from app.engine_side.sinks import Sink
from app.engine_side.turns import TurnTask
from app.settings import Settings
from app.talk.conversation import Conversation
from app.talk.own_presets import FALLBACK, PresetLibrary, is_own
from app.talk.stored_turn import StoredTurn
from engine.events import Samples, Turn

if TYPE_CHECKING:
    from engine.conversation.replying.tools import Tool


class TurnTasks:
    """Knows the settings, and by functions what the model and the tool servers offer now."""

    def __init__(
        self,
        settings: Settings,
        conversation: Conversation,
        *,
        may_speak: Callable[[], bool],
        voices: Callable[[], tuple[str, ...]],
        served: Callable[[], tuple[Tool, ...]],
        presets: PresetLibrary,
    ) -> None:
        self._settings, self._conversation = settings, conversation
        self._may_speak, self._voices, self._served, self._presets = may_speak, voices, served, presets

    def turn(self, stored: StoredTurn, samples_16k: Samples | None = None) -> Turn:
        """The question of a turn with the wishes for its answer; its recording is read where it is needed."""
        now = self._settings.now
        return Turn(
            samples_16k,
            "" if stored.recording and not stored.attachment else stored.text,
            spoken_answer=now.spoken_answers and self._may_speak(),
            thinking=now.thinking,
            thinking_budget=now.thinking_budget,
            allow_tools=(*now.tools, *(tool.name for tool in self._served())),
            id=stored.id,
        )

    def task(
        self, stored: StoredTurn, sink: Sink, turn: Turn | None = None, *, voice: str | None = None, same_as: str = ""
    ) -> TurnTask:
        """Something to be done with a turn of the conversation in front."""
        branch = self._conversation.branch()
        return TurnTask(
            branch,
            self.manner(voice),
            turn or Turn(id=stored.id),
            branch.folder / f"answer-{stored.id}-{time.time_ns()}.wav",
            sink,
            branch.folder / stored.recording if stored.recording else None,
            same_as,
        )

    def manner(self, voice: str | None = None) -> Manner:
        """How to answer; in another voice if given."""
        now = self._settings.now
        if voice is None:
            voices = self._voices()
            voice = now.voice if now.voice in voices or not voices else ""
        language = "zh" if now.language.startswith("zh") else "en"
        preset = self._conversation.view.preset or now.preset
        own = self._presets.find(preset)
        if own is None and is_own(preset):  # it was removed, or made on another machine
            preset = FALLBACK
        return Manner(preset, language, voice, now.tools, now.ask_first, self._served(), own)
