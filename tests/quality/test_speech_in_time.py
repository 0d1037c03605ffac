"""Thousands of simulated replies: playing begins hardly later than it must, and hardly a reply is torn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulated_speech import MACHINES, SLOW, conversations, least_hold_s

CONVERSATIONS = 100  # of twenty replies
STALL_S = 0.5


@pytest.mark.parametrize("disk_s", [0.0, 0.02])
@pytest.mark.parametrize("name", MACHINES)
def test_one_reply_in_a_thousand_is_torn_at_most_and_playing_waits_a_fifth_longer_than_it_must_at_most(
    name: str, disk_s: float
) -> None:
    machine = replace(MACHINES[name], disk_s=disk_s)
    replies = conversations(machine, CONVERSATIONS, stall_s=STALL_S)
    torn = sum(reply.torn for reply in replies)
    held_s = sum(reply.held_s for reply in replies) / len(replies)
    least_s = least_hold_s(machine, CONVERSATIONS, stall_s=STALL_S)
    spare_s = min(reply.spare_s for reply in replies)
    print(f"\n{name}, disk {disk_s}: held {held_s:.4f} s, least {least_s:.4f} s, torn {torn}, spare {spare_s:.3f} s")
    assert torn <= len(replies) / 1000
    assert held_s <= 1.2 * least_s + 0.001


@pytest.mark.parametrize("name", SLOW)
def test_where_a_machine_cannot_keep_up_hardly_a_reply_is_torn(name: str) -> None:
    replies = conversations(SLOW[name], CONVERSATIONS // 2)
    torn = sum(reply.torn for reply in replies)
    held_s, least_s = (sum(values) / len(replies) for values in ((reply.held_s for reply in replies), _least(replies)))
    print(f"\n{name}: held {held_s:.3f} s, least {least_s:.3f} s, torn {torn} of {len(replies)}")
    assert torn <= len(replies) / 100
    assert held_s <= 2.5 * least_s


def _least(replies: list) -> list[float]:
    """For each reply the shortest hold with which it would have been whole."""
    return [max(reply.held_s - reply.spare_s, 0.0) for reply in replies]
