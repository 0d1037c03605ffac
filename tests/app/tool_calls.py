"""Tools that a scripted model calls, and what it is given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.events import ToolCall
from tests.app.fakes import reply
from tests.app.user import User


def using(tool: str, arguments: dict[str, Any]) -> Callable[[User], None]:
    """A script whose model calls a tool; the session carries it out."""

    def prepare(user: User) -> None:
        user.app.engine.scripts[:] = [[ToolCall("1.1", tool, arguments), *reply("Well.", 0)], reply("Next.", 0)]

    return prepare


def results(user: User) -> list[str]:
    """What the tools of the conversation gave back, as the model remembers it."""
    turns = [turn for session in user.app.engine.sessions[-1:] for turn in session.turns]
    passages = [passage for turn in turns for passage in turn.passages]
    return [result.text for passage in passages for result in passage.results]
