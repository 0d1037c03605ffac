"""The model, as a conversation sees it: in this process (`engine.engine.Engine`) or on another machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine.conversation.prompting.prompts import Listener
from engine.conversation.prompting.reading import PromptReader
from engine.language import Vocabulary

if TYPE_CHECKING:
    from engine.speaking import Speaking


@dataclass(frozen=True)
class Capabilities:
    """What a model can do, so that nothing is offered that would fail."""

    chats: bool
    thinks: bool
    speaks: bool


class Model(Protocol):
    """A model to talk with. Sounds become windows, prompts of ids and windows become ids, speech tokens become sound;
    everything else of a conversation (memory, prompts, thinking, tools) is done by whoever has the model.
    """

    name: str
    variant: str
    context_length: int
    vocabulary: Vocabulary

    @property
    def hearing(self) -> Listener: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def speaking(self) -> Speaking: ...
    @property
    def about(self) -> dict[str, Any]: ...

    def new_reader(self) -> PromptReader:
        """Something that reads and writes for one conversation, or one task."""

    def warming_networks(self) -> Iterator[None]:
        """Steps that do beforehand what the first sound and the first id would wait for."""
