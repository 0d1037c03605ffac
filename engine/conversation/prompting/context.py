"""How much of a conversation the model is shown, so that it fits the context together with an answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.conversation.prompting.prompts import Prompts
from engine.conversation.prompting.reading import HeardWindow, Readable
from engine.conversation.prompting.trimming import ShownTurn, Trimmer, Trimming, latest
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.errors import RequestError
from engine.events import ContextTrimmed, Turn


@dataclass(frozen=True)
class Instructions:
    """What a prompt begins with, and how many earlier turns it shows at most (None: all that fit).

    `tools` are the schemas of those offered, as JSON, or empty.
    """

    persona: str
    tools: str = ""
    remember_turns: int | None = None


class Context:
    """The prompts of one conversation. `length` is how many places the model takes, `name` what people call it."""

    def __init__(self, memory: Memory, prompts: Prompts, length: int, name: str) -> None:
        self.length = length
        self.trimming = Trimming()
        self._memory = memory
        self._prompts = prompts
        self._name = name
        self._checked_path: tuple[str, ...] = ()

    def prompt(self, instructions: Instructions, opening: str, answered: tuple[Passage, ...]) -> Readable:
        """The prompt for the last turn of the path, of whose answer the passages `answered` are there."""
        shown = self._shown(instructions)
        record = dataclasses.replace(shown[-1].record, passages=answered)
        shown[-1] = dataclasses.replace(shown[-1], record=record)
        return self._prompts.build(instructions.persona, instructions.tools, shown, opening)

    def ahead(self, instructions: Instructions, turns: int) -> Readable | None:
        """What the next prompt will begin with, its first so many turns; None where it has fewer before the question,
        or where something will have to be left out.
        """
        records = self._memory.on_path()
        coming = [*records, *records[-1:]]  # the next question is taken to be like the last one
        shown = self.trimming.shown(latest(coming, instructions.remember_turns)[:-1])
        if not 0 < turns <= len(shown):
            return None
        length = self._prompts.length(instructions.persona, instructions.tools, shown, "")
        if length > self.longest_prompt(records[-1].request):
            return None
        return self._prompts.build_beginning(instructions.persona, instructions.tools, shown[:turns])

    def make_room(
        self,
        instructions: Instructions,
        opening: str,
        transcribe: Callable[[TurnRecord], object],
        cancelled: Callable[[], bool],
    ) -> ContextTrimmed | None:
        """Leave out what does not fit together with the answer to the last turn; None if all of it does.

        `transcribe` makes sure that a turn's transcript is known before its sound goes. Cancelled, nothing is left out.
        Raises RequestError when the instructions leave no room for the turn.
        """
        path = self._memory.path

        def size_of(trimming: Trimming) -> int:
            shown = self._shown(instructions, trimming)
            return self._prompts.length(instructions.persona, instructions.tools, shown, opening)

        trimmer = Trimmer(self.longest_prompt(self._memory.record(path[-1]).request), size_of, transcribe)
        trimming = self.trimming
        if trimming and path[:-1] != self._checked_path and size_of(Trimming()) <= trimmer.limit:
            trimming = Trimming()  # another path, short enough to be shown whole
        trimming, trimmed = trimmer.trim(latest(self._memory.on_path(), instructions.remember_turns), trimming)
        if cancelled():
            return None
        if trimmed is not None and size_of(trimming) > trimmer.limit:
            raise RequestError(
                "{name} takes {length} tokens at once, and its instructions and tools leave no room for a "
                "question: offer fewer tools or shorten the instructions.",
                name=self._name,
                length=self.length,
            )
        self.trimming, self._checked_path = trimming, path
        self.keep_only_shown(instructions)
        return trimmed

    def longest_prompt(self, turn: Turn) -> int:
        """How many places a prompt may have that leaves room for an answer."""
        return self.length - min(turn.max_tokens, self.length // 4)

    def keep_only_shown(self, instructions: Instructions) -> None:
        """Drop what was kept for turns that are not shown any more."""
        self._prompts.keep_only(self._shown(instructions))

    def sound(self, record: TurnRecord) -> tuple[HeardWindow, ...]:
        """The windows of what was said in a turn; see `Prompts.sound`."""
        return self._prompts.sound(record)

    def _shown(self, instructions: Instructions, trimming: Trimming | None = None) -> list[ShownTurn]:
        records: Sequence[TurnRecord] = latest(self._memory.on_path(), instructions.remember_turns)
        return (self.trimming if trimming is None else trimming).shown(records)
