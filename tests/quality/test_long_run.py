"""Two hundred turns of the app in one process."""

from __future__ import annotations

from tests.app.talk.test_long_run import converse


def test_two_hundred_turns_are_answered_whole_in_flat_memory() -> None:
    converse(200)
