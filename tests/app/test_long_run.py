"""Many turns one after the other, in a process of their own; as `python -m tests.benchmarks.app memory` does."""

from __future__ import annotations

import pytest

from tests.benchmarks.app import run_app
from tests.checkpoints import tiny_checkpoint

TURNS = 200


@pytest.mark.slow
def test_every_turn_of_a_long_conversation_is_answered_whole_in_flat_memory() -> None:
    measured = run_app("memory", tiny_checkpoint(), TURNS)
    assert measured["whole"] == [TURNS]
    sizes = dict(zip(measured["turn"], measured["resident_mb"], strict=True))
    print(f"resident memory after each turn, MB: {sizes}")
    assert sizes[TURNS] - sizes[TURNS // 2] < 15  # caches fill in the first turns; a lost reply would be more
    assert measured["exit"][0] < 5  # far above what it takes, for a busy machine


@pytest.mark.slow
@pytest.mark.parametrize("state", ["thinking", "speaking"])
def test_quitting_in_the_middle_of_a_reply_ends_the_process(state: str) -> None:
    assert run_app(f"quit-{state}", tiny_checkpoint())["exit"][0] < 5
