"""The session of the conversation in front, and how it should answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine_side.loading import LoadedModel
from app.engine_side.voices import VoiceWork
from engine.errors import EngineError, NewerFormatError

if TYPE_CHECKING:
    from engine.conversation.prompting.presets import Preset
    from engine.conversation.replying.tools import Tool
    from engine.session import Session

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manner:
    """How to answer: preset, its language, voice, tools, and those of them to ask about before each call. `served` are
    the tools of other programs, which are not among the names in `tools`. `own` is the preset if a person made it.
    """

    preset: str = "assistant"
    language: str = "en"
    voice: str = ""
    tools: tuple[str, ...] = ()
    ask_first: tuple[str, ...] = ()
    served: tuple[Tool, ...] = ()
    own: Preset | None = None

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of all tools that a question offers."""
        return (*self.tools, *(tool.name for tool in self.served))


class Sessions:
    """Keeps one session: that of the conversation that was asked last."""

    def __init__(self, model: LoadedModel, voices: VoiceWork, timers: Callable[[], Any]) -> None:
        """`timers` gives the service that the tools set timers with."""
        self._model, self._voices, self._timers = model, voices, timers
        self._session: Session | None = None
        self._conversation = ""
        self.left_behind = False  # others write what is saved

    def close(self) -> None:
        """Let go of the session; it is saved."""
        self._session, self._conversation = None, ""

    def open(self, conversation: str, folder: Path, manner: Manner) -> Session:
        """The conversation's session: the one in use, the saved one, or a new one; told how to answer. Raises
        NewerFormatError for a saved one that only a newer Earshot can read.
        """
        settings = self.settings(manner)
        if self._session is None or self._conversation != conversation:
            self._session = self._restore(folder / "session", settings)
            self._conversation = conversation
        self._session.settings = settings
        return self._session

    def save(self, session: Session, folder: Path) -> None:
        """Write a conversation's session into its folder. Raises StorageError."""
        if not self.left_behind:
            session.save(folder / "session")

    def _restore(self, saved: Path, settings: Any) -> Session:
        if saved.is_dir():
            try:
                return self._model.engine.session(settings=settings, saved=saved)
            except NewerFormatError:
                raise  # what it holds must not be written over
            except EngineError:
                log.exception("a saved session cannot be used: the conversation goes on without its memory")
        return self._model.engine.session(settings=settings)

    def settings(self, manner: Manner) -> Any:
        """How a session answers in this manner."""
        from engine.conversation.prompting.presets import preset
        from engine.conversation.replying.settings import SessionSettings
        from engine.conversation.replying.tools import ToolRegistry
        from engine.conversation.replying.tools.builtin import builtin_tools
        from engine.conversation.replying.tools.web_search import WebSearchSettings

        chosen = manner.own or preset(manner.preset)
        search = WebSearchSettings() if "web_search" in manner.tools else None
        tools = [
            replace(tool, confirm=tool.confirm or tool.name in manner.ask_first)
            for tool in builtin_tools(self._timers(), web_search=search)
            if tool.name in manner.tools
        ]
        speaks = bool(manner.voice) and self._model.engine.capabilities.speaks
        return SessionSettings(
            persona=chosen.persona(manner.language),
            voice=self._voices.find(manner.voice) if speaks else None,
            tools=ToolRegistry([*tools, *manner.served]),
            remember_turns=chosen.remember_turns,
            own_voice=chosen.own_voice,
        )
