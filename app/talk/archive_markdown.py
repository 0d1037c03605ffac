"""A conversation as Markdown, for people to read: the branch that is shown, with tools, without thoughts."""

from __future__ import annotations

from collections.abc import Iterator

from app.shown.talk import ToolState
from app.talk.archive import ArchivedConversation
from app.talk.stored_turn import StoredTool, StoredTurn
from app.translations import sentence


def markdown_of(archive: ArchivedConversation) -> bytes:
    """As UTF-8."""
    title = archive.title or sentence("Conversation")
    blocks = [f"# {title}"]
    for turn in archive.branch():
        blocks += _blocks(turn)
    return ("\n\n".join(blocks) + "\n").encode(errors="replace")


def _blocks(turn: StoredTurn) -> Iterator[str]:
    said = turn.text.strip() or (sentence("(a recording without a transcript)") if turn.seconds else "")
    if turn.attachment:
        said = f"{said} [{turn.attachment}]".strip()
    yield f"**{sentence('You')}:** {said}"
    for tool in turn.tools:
        yield _quoted(tool)
    answer = (turn.answer + turn.unspoken).strip()
    if answer:
        yield f"**{sentence('Earshot')}:** {answer}"
    if turn.unspoken:
        yield f"*{sentence('Interrupted: the rest was not spoken')}*"


def _quoted(tool: StoredTool) -> str:
    """A tool, its arguments and what came of it."""
    result = tool.result if tool.state is not ToolState.FAILED else tool.result or sentence("failed")
    line = f"{tool.name}({tool.arguments}) → {result}"
    return "\n".join(f"> {part}" for part in line.splitlines())
