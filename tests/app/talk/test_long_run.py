"""Many turns one after the other, in a process of their own; as `python -m tests.benchmarks.app memory` does.

`make quality` asks for more of them.
"""

from __future__ import annotations

import pytest

from tests.benchmarks.app import run_app
from tests.checkpoints import tiny_checkpoint

TURNS = 80


def converse(turns: int) -> None:
    """Check so many turns of the app in a process of its own."""
    measured = run_app("memory", tiny_checkpoint(), turns)
    assert measured["whole"] == [turns]
    sizes = dict(zip(measured["turn"], measured["resident_mb"], strict=True))
    print(f"resident memory after each turn, MB: {sizes}")
    assert sizes[turns] - sizes[turns // 2] < 15  # caches fill in the first turns; lost replies would be more


@pytest.mark.slow
def test_every_turn_of_a_long_conversation_is_answered_whole_in_flat_memory() -> None:
    converse(TURNS)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["thinking", "speaking"])
def test_quitting_in_the_middle_of_a_reply_ends_the_process(state: str) -> None:
    assert run_app(f"quit-{state}", tiny_checkpoint())["exit"]
