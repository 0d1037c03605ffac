"""Downloading on a bad day: always the right bytes or a sentence. A real HTTP server on this machine plays the hub."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine.checkpoints import hub as hub_module
from engine.checkpoints.download import downloading
from engine.checkpoints.patience import Patience
from engine.errors import CheckpointError, EngineError
from tests import bad_days
from tests.downloads import content_of, stop_at
from tests.hub import FILES, NAME, WEIGHTS, Fault, Handler, LocalHub

pytestmark = pytest.mark.slow

ONCE = [
    bad_days.drop_at_once,
    bad_days.drop_in_the_middle,
    bad_days.drop_without_length,
    bad_days.reset_in_the_middle,
    bad_days.too_short,
    bad_days.status(408),
    bad_days.status(429, Retry_After="3"),
    bad_days.status(500),
    bad_days.status(502),
    bad_days.status(503),
    bad_days.status(504),
    bad_days.web_page,
    bad_days.to_itself,
    bad_days.to_nowhere,
    bad_days.to_itself_endlessly,
    bad_days.compressed,
    bad_days.flipped_bit,
    bad_days.not_http,
    bad_days.broken_chunks,
    bad_days.trickle,
]
RESUMED = [
    bad_days.wrong_range,
    bad_days.earlier_range,
    bad_days.unnamed_range,
    bad_days.no_ranges,
    bad_days.other_bytes_in_range,
    bad_days.refuse_range,
]
FINAL = [
    bad_days.range_of_another_size,
    bad_days.too_long,
    bad_days.endless,
    bad_days.status(401),
    bad_days.status(404),
    bad_days.status(418),
    bad_days.status(429, Retry_After="86400"),
]
_named = partial(pytest.mark.parametrize, "fault", ids=lambda fault: fault.__name__)


@_named(ONCE + RESUMED)
def test_a_fault_that_passes_ends_in_the_right_bytes(hub: LocalHub, bring: Callable[[], Path], fault: Fault) -> None:
    hub.faults = deque([Handler.serve, fault])  # config.json arrives, the weights have a bad moment
    assert content_of(bring()) == FILES


@_named(RESUMED)
def test_a_range_that_goes_wrong_ends_in_the_right_bytes(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path], fault: Fault
) -> None:
    stop_at(tmp_path, hub, 2_000_000)
    hub.faults = deque([fault])
    assert content_of(bring()) == FILES


@_named([*RESUMED[1:3], bad_days.no_ranges, bad_days.refuse_range, bad_days.trickle])
def test_a_server_of_other_ranges_for_ever_ends_in_the_right_bytes(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path], fault: Fault
) -> None:
    stop_at(tmp_path, hub, 2_000_000)
    hub.always = fault
    hub.faults = deque([fault])
    assert content_of(bring()) == FILES


@_named(FINAL)
def test_a_fault_that_will_not_pass_is_said_at_once(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path], waits: list[float], fault: Fault
) -> None:
    hub.faults = deque([Handler.serve, fault])
    with pytest.raises(CheckpointError, match=r"\.$"):
        bring()
    assert not waits
    assert not (tmp_path / NAME).exists()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 1.2 * len(WEIGHTS)
    hub.faults.clear()
    assert content_of(bring()) == FILES, "and the next day it goes on"


SURMOUNTED = [  # however often it happens
    bad_days.drop_in_the_middle,
    bad_days.drop_without_length,
    bad_days.reset_in_the_middle,
    bad_days.trickle,
]


@_named(SURMOUNTED)
def test_a_line_that_breaks_again_and_again_brings_the_right_bytes(
    hub: LocalHub, bring: Callable[[], Path], fault: Fault
) -> None:
    hub.faults = deque([Handler.serve, *[fault] * 3])
    assert content_of(bring()) == FILES


@_named([each for each in ONCE if each not in SURMOUNTED] + FINAL)
def test_a_fault_without_end_is_a_sentence(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path], fault: Fault
) -> None:
    hub.faults, hub.always = deque([Handler.serve]), fault
    with pytest.raises(CheckpointError, match=r"\.$"):
        bring()
    assert not (tmp_path / NAME).exists()


NO_LISTS = (bad_days.trickle, bad_days.too_long, bad_days.range_of_another_size)


@_named([each for each in ONCE + FINAL if each not in NO_LISTS])
def test_a_list_that_does_not_come_is_a_sentence(hub: LocalHub, bring: Callable[[], Path], fault: Fault) -> None:
    hub.always_listing = fault
    with pytest.raises(CheckpointError, match=r"\.$"):
        bring()


def _listing(value: object) -> Fault:
    def fault(handler: Handler, content: bytes, start: int) -> None:
        handler.answer(200, value if isinstance(value, bytes) else json.dumps(value).encode())

    return fault


_GOOD = {"type": "file", "path": "config.json", "size": 2, "oid": "0" * 40}


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [1],
        [{"type": "file"}],
        [_GOOD | {"path": "../config.json"}],
        [_GOOD | {"path": "/etc/config.json"}],
        [_GOOD | {"path": "a\0.json"}],
        [_GOOD | {"path": ["config.json"]}],
        [_GOOD | {"size": -1}],
        [_GOOD | {"size": 1 << 80}],
        [_GOOD | {"size": "2"}],
        [_GOOD | {"oid": ""}],
        [_GOOD | {"oid": "x" * 40}],
        [_GOOD | {"lfs": {"oid": "0" * 40, "size": 2}}],
        [_GOOD | {"lfs": 1}],
        [_GOOD, _GOOD | {"path": "Config.json"}],
        [_GOOD | {"path": "a" * 5000 + ".json"}],
        [_GOOD | {"path": "readme.md"}],
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_list_that_makes_no_sense_is_a_sentence(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path], value: object
) -> None:
    hub.list_faults = deque([Handler.serve, _listing(value)])
    with pytest.raises(EngineError, match=r"\.$"):
        bring()
    assert not (tmp_path / NAME).exists()


def test_a_list_of_several_pages_is_read_to_its_end(hub: LocalHub, bring: Callable[[], Path]) -> None:
    def halves(handler: Handler, content: bytes, start: int) -> None:
        entries, second = json.loads(content), "cursor=2" in handler.path
        link = {} if second else {"Link": f'<{handler.path}&cursor=2>; rel="next"'}
        handler.answer(200, json.dumps(entries[2:] if second else entries[:2]).encode(), link)

    hub.list_faults = deque([Handler.serve, halves, halves])
    assert content_of(bring()) == FILES


def test_what_is_asked_again_waits_longer_each_time_and_as_long_as_the_server_says(
    hub: LocalHub, bring: Callable[[], Path], waits: list[float]
) -> None:
    busy = bad_days.status(503)
    hub.faults = deque([busy, busy, busy])
    bring()
    chance = random.Random(1)
    expected = sum(chance.uniform(0.5, 1.0) * seconds for seconds in (1, 2, 4))
    assert sum(waits) == pytest.approx(expected, abs=0.75)


@pytest.mark.parametrize("value", ["30", "Thu, 01 Jan 1970 00:00:30 GMT"])
def test_a_server_that_names_a_time_is_not_asked_before_it(
    hub: LocalHub, bring: Callable[[], Path], waits: list[float], value: str
) -> None:
    hub.faults = deque([bad_days.status(429, Retry_After=value)])
    bring()
    assert sum(waits) == pytest.approx(30)


def test_a_wait_can_be_left_at_any_moment(tmp_path: Path, hub: LocalHub) -> None:
    hub.always = bad_days.status(503, Retry_After="500")
    waited: list[float] = []
    steps = downloading(NAME, tmp_path, hub=hub.address, patience=Patience(sleep=waited.append))
    while len(waited) < 3:
        next(steps)
    steps.close()
    assert max(waited) < 1


def test_a_server_that_falls_silent_is_asked_again(
    hub: LocalHub, bring: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_TIMEOUT_S", 0.2)
    hub.faults = deque([Handler.serve, bad_days.stall])
    assert content_of(bring()) == FILES
    assert hub.ranges(), "the second try must not begin at zero"


@_named(SURMOUNTED[:2])
def test_a_broken_connection_goes_on_from_there(hub: LocalHub, bring: Callable[[], Path], fault: Fault) -> None:
    hub.faults = deque([Handler.serve, fault, fault, fault, fault])
    assert content_of(bring()) == FILES
    assert len(hub.ranges()) == 4
    assert hub.served < 1.01 * sum(map(len, FILES.values())), "nothing is sent twice"
