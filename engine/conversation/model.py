"""The engine, as a conversation sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engine.conversation.prompting.reading import SharedPrefixes
from engine.hearing import Hearing
from engine.language import LanguageModel, Vocabulary

if TYPE_CHECKING:
    from engine.speaking import Speaking


class Abilities(Protocol):
    """What the model can do."""

    @property
    def thinks(self) -> bool: ...
    @property
    def speaks(self) -> bool: ...


class Model(Protocol):
    """The loaded model."""

    name: str
    variant: str
    context_length: int
    vocabulary: Vocabulary
    llm: LanguageModel
    hearing: Hearing
    shared_prefixes: SharedPrefixes

    @property
    def capabilities(self) -> Abilities: ...
    @property
    def speaking(self) -> Speaking: ...
    @property
    def about(self) -> dict[str, Any]: ...
