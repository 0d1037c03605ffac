"""Words in transcripts are found as in conversations."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.shown.transcribe import TextSegment
from app.transcribe.job import Job
from app.transcribe.search import find_in

JOB = Job(
    "a",
    Path("Board meeting.m4a"),
    segments=(
        TextSegment(0, 1, "The budget for the café is small, and small it stays whatever anybody says about it now."),
        TextSegment(1, 2, "去荡口古镇的火车几点开"),
    ),
)


@pytest.mark.parametrize(
    ("query", "piece"),
    [
        ("budget", "The \x02budget\x03 for"),
        ("BUDG", "The \x02budg\x03et for"),
        ("cafe small", "the \x02café\x03 is \x02small\x03"),
        ("荡口", "去\x02荡口\x03古镇"),
    ],
)
def test_words_are_found_by_their_beginning_and_characters_anywhere(query: str, piece: str) -> None:
    found = find_in(JOB, query.split())
    assert found is not None
    assert piece in found


@pytest.mark.parametrize("query", ["udget", "budget 荡口", "zzzz"])
def test_words_that_do_not_stand_together_are_not_found(query: str) -> None:
    assert find_in(JOB, query.split()) is None


def test_a_recording_is_found_by_its_name() -> None:
    assert find_in(JOB, ["board"]) == ""


def test_a_long_segment_is_shown_around_what_was_found() -> None:
    words = " ".join(f"word{number}" for number in range(200))
    found = find_in(Job("b", Path("x.wav"), segments=(TextSegment(0, 9, words),)), ["word120"])
    assert found is not None
    assert found.startswith("…")
    assert found.endswith("…")
    assert "\x02word120\x03" in found
    assert len(found) < 200
