"""A conversation as a tree: which turns follow which, which of them is shown, what a removed one hides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Node:
    """A turn's place in the tree. `parent` is the turn it was asked after.

    A removed turn either hides all that follow it (`hides_followers`), or they are shown as if they followed its
    parent. `shown_child` is the follower that was shown last.
    """

    id: str
    parent: str | None = None
    removed: bool = False
    hides_followers: bool = False
    shown_child: str | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing below it is shown."""
        return self.removed and self.hides_followers


class TurnTree:
    """Answers questions about the turns of one conversation, given in the order they were made.

    A turn without its parent (damaged, or lost) follows the one made before it, so nothing drops out.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes: dict[str, Node] = {}
        self._children: dict[str | None, list[Node]] = {}
        self._order: dict[str, int] = {}
        previous: str | None = None
        for node in nodes:
            if node.parent is not None and node.parent not in self._nodes:
                node = replace(node, parent=previous)
            self._order[node.id] = len(self._order)
            self._nodes[node.id] = node
            self._children.setdefault(node.parent, []).append(node)
            previous = node.id

    def __contains__(self, id: str) -> bool:
        return id in self._nodes

    def parent(self, id: str) -> str | None:
        """The turn that this one is shown below."""
        above = self._nodes[id].parent
        while above is not None and self._nodes[above].removed:
            above = self._nodes[above].parent
        return above

    def real_parent(self, id: str) -> str | None:
        """The turn it was asked after, shown or not."""
        return self._nodes[id].parent

    def is_open(self, id: str | None) -> bool:
        """Whether turns below it are shown; not below one that is not known."""
        while id is not None:
            if id not in self._nodes:
                return False
            if self._nodes[id].closed:
                return False
            id = self._nodes[id].parent
        return True

    def shown(self) -> set[str]:
        """All turns that can be shown, in whatever branch."""
        found: set[str] = set()
        open_ids: set[str | None] = {None}
        for node in self._nodes.values():  # parents come first
            if node.parent in open_ids and not node.closed:
                open_ids.add(node.id)
                if not node.removed:
                    found.add(node.id)
        return found

    def children(self, id: str | None) -> list[str]:
        """The turns shown as following this one (None: as beginning the conversation), oldest first."""
        found: list[str] = []
        waiting = list(self._children.get(id, ()))
        while waiting:
            node = waiting.pop()
            if not node.removed:
                found.append(node.id)
            elif not node.hides_followers:
                waiting += self._children.get(node.id, ())
        return sorted(found, key=self._order.__getitem__)

    def versions(self, id: str) -> tuple[str, ...]:
        """A turn with those that stand beside it, oldest first."""
        return tuple(self.children(self.parent(id)))

    def path(self, tip: str | None) -> list[str]:
        """The turns shown when the branch ends in `tip`, oldest first."""
        if tip is None or not self.is_open(tip):
            tip = self.newest_tip(None)
        found: list[str] = []
        while tip is not None:
            node = self._nodes[tip]
            if not node.removed:
                found.append(node.id)
            tip = node.parent
        return found[::-1]

    def newest_tip(self, id: str | None) -> str | None:
        """Where the branch through `id` ends: along the followers that were shown last, else the newest ones."""
        while True:
            followers = [node for node in self._children.get(id, ()) if not node.closed and self._leads_on(node)]
            if not followers:
                return id
            remembered = self._nodes[id].shown_child if id is not None else None
            id = next((node.id for node in followers if node.id == remembered), followers[-1].id)

    def _leads_on(self, node: Node) -> bool:
        return not node.removed or bool(self.children(node.id))

    def below(self, id: str) -> list[str]:
        """A turn and all that were asked after it, in whatever branch, removed or not; parents first."""
        found, waiting = [], [id]
        while waiting:
            found.append(waiting.pop())
            waiting += [node.id for node in self._children.get(found[-1], ())]
        return found
