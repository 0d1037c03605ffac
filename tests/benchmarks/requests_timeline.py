"""When everything that a reply waits for begins and ends: what the benchmark of whole requests writes with --timeline.

On a GPU a function returns before its work is done: what follows it waits for it. The vocoder's `sounded` ends when the
samples of its piece are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from engine.conversation.prompting.reading import Reader
from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.speaking_along.pace import Pace
from engine.hearing import Hearing
from engine.speaking.flow_stream import FlowStream
from engine.speaking.synthesizer import Synthesizer
from engine.speaking.vocoder_stream import VocoderStream

Moment = tuple[str, float, float]  # what, when it began and ended, in seconds after the question

# What is watched, and what it is called.
_WATCHED: tuple[tuple[Any, str, str], ...] = (
    (Hearing, "encode", "encode"),
    (Reader, "_begin", "embed"),
    (FlowStream, "_conditions", "conditions"),
    (FlowStream, "step", "flow"),
    (VocoderStream, "source", "source"),
    (VocoderStream, "step", "sounded"),
    (Synthesizer, "step", "piece"),
)
# What is told how many seconds something took, as its last argument.
_TOLD: tuple[tuple[Any, str, str], ...] = ((Pace, "wrote", "id"), (ReplyInProgress, "read", "read"))


@contextmanager
def watched(began: float) -> Iterator[list[Moment]]:
    """Collects moments of what happens meanwhile, as seconds after `began`, in the order of their ends."""
    moments: list[Moment] = []
    with ExitStack() as patches:
        for watch, whom in ((_timed, _WATCHED), (_told, _TOLD)):
            for owner, name, called in whom:
                patches.enter_context(patch.object(owner, name, watch(getattr(owner, name), called, moments, began)))
        yield moments


def _timed(function: Callable[..., Any], called: str, moments: list[Moment], began: float) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        start = time.perf_counter()
        made = function(*given, **named)
        if made is not None:  # no piece was due
            moments.append((called, start - began, time.perf_counter() - began))
        return made

    return timed


def _told(function: Callable[..., None], called: str, moments: list[Moment], began: float) -> Callable[..., None]:
    def noted(*given: Any) -> None:
        now = time.perf_counter() - began
        moments.append((called, now - given[-1], now))
        function(*given)

    return noted


def in_words(moments: list[Moment]) -> list[str]:
    """A line for every moment in the order of their beginnings, ids that follow each other in one."""
    lines: list[str] = []
    ids: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: moment[1]):
        if moment[0] == "id":
            ids.append(moment)
            continue
        lines += _ids_in_words(ids)
        ids = []
        name, start, end = moment
        lines.append(f"{start:7.3f} – {end:7.3f}  {name} ({1000 * (end - start):.1f} ms)")
    return lines + _ids_in_words(ids)


def _ids_in_words(ids: list[Moment]) -> list[str]:
    if not ids:
        return []
    slowest = max(end - start for _, start, end in ids)
    usual = sorted(end - start for _, start, end in ids)[len(ids) // 2]
    times = f"usually {1000 * usual:.2f} ms, {1000 * slowest:.1f} at most"
    return [f"{ids[0][1]:7.3f} – {ids[-1][2]:7.3f}  {len(ids)} ids ({times})"]
