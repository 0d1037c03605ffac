"""What has to be there after a kill: worked out from the journal of what was shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaigns.journal import Entry, read_journal

Shown = dict[str, Any]


@dataclass
class Expected:
    """`paths` are the turns of each conversation as they were shown last, `turns` every turn that was ever shown."""

    paths: dict[str, list[str]] = field(default_factory=dict)
    turns: dict[str, Shown] = field(default_factory=dict)
    conversation_of: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    removed_conversations: set[str] = field(default_factory=set)
    unfinished: Entry = field(default_factory=dict)  # the step that the kill fell into
    _before: dict[str, str | None] = field(default_factory=dict)
    _undoable: list[tuple[set[str], set[str]]] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """Follow one line of the journal."""
        if "shown" in entry:
            self._take_shown(entry["shown"])
        elif "step" in entry:
            self.unfinished = entry
        elif "done" in entry:
            self._take_done(self.unfinished)
            self.unfinished = {}

    def _take_shown(self, shown: Shown) -> None:
        key, turns = shown["conversation"], shown["turns"]
        self.paths[key] = [turn["id"] for turn in turns]
        before = None
        for turn in turns:
            self.turns[turn["id"]] = turn
            self.conversation_of[turn["id"]] = key
            self._before.setdefault(turn["id"], before)
            before = turn["id"]

    def _take_done(self, step: Entry) -> None:
        match step.get("step"):
            case "delete_turn":
                gone = self.below(step["turn"])
                self._undoable.append((gone - self.removed, set()))
                self.removed |= gone
            case "delete_conversation":
                self._undoable.append((set(), {step["conversation"]} - self.removed_conversations))
                self.removed_conversations.add(step["conversation"])
            case "undo":
                turns, conversations = self._undoable.pop()
                self.removed -= turns
                self.removed_conversations -= conversations

    def below(self, id: str) -> set[str]:
        """What goes with a turn: itself, and where it has other versions all that followed it."""
        gone = {id}
        if self.turns[id]["versions"] > 1:
            for other in self._before:
                if gone & set(self._ancestors(other)):
                    gone.add(other)
        return gone

    def _ancestors(self, id: str) -> Iterable[str]:
        before = self._before.get(id)
        while before is not None:
            yield before
            before = self._before.get(before)

    @property
    def uncertain(self) -> set[str]:
        """Turns of which nobody was told yet whether they are removed or brought back."""
        match self.unfinished.get("step"):
            case "delete_turn":
                return self.below(self.unfinished["turn"])
            case "undo" if self._undoable:
                return self._undoable[-1][0]
        return set()

    @property
    def uncertain_conversations(self) -> set[str]:
        """The same of conversations."""
        match self.unfinished.get("step"):
            case "delete_conversation":
                return {self.unfinished["conversation"]}
            case "undo" if self._undoable:
                return self._undoable[-1][1]
        return set()

    def stays(self, id: str) -> bool:
        """Whether a turn has to be there."""
        key = self.conversation_of[id]
        gone = self.removed | self.uncertain
        return id not in gone and key not in self.removed_conversations | self.uncertain_conversations


def expected_of(journal: Path) -> Expected:
    """Follow a whole journal."""
    expected = Expected()
    for entry in read_journal(journal):
        expected.take(entry)
    return expected
