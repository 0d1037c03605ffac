"""What a model's folder says of how its ids are chosen."""

from __future__ import annotations

from typing import Any

import pytest

from engine.conversation.replying.settings import TALK, sampling_for, text_before_speech
from engine.conversation.speaking_along.pace import BURST
from engine.language import Kinds, Sampling, Vocabulary
from engine.resources import resource


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(resource("starter"))


def about(**speech: object) -> dict[str, Any]:
    return {"sampling": {"speech": {"temperature": 0.0, **speech}}}


def test_what_a_folder_does_not_say_is_as_by_default(vocabulary: Vocabulary) -> None:
    assert sampling_for("speech", {}, TALK, vocabulary) == TALK
    assert sampling_for("chat", about(), TALK, vocabulary) == TALK
    assert sampling_for("speech", about(top_p=0.5), TALK, vocabulary) == Sampling(0.0, top_p=0.5)


def test_speech_tokens_are_a_kind_where_the_folder_says_so(vocabulary: Vocabulary) -> None:
    speech = vocabulary.speech
    kinds = Kinds(vocabulary.text_end, speech.start, speech.stop, 9.0)
    assert sampling_for("speech", about(text_certainty=9), TALK, vocabulary).kinds == kinds
    assert kinds.text_end <= min(vocabulary.eot, vocabulary.tts_end, speech.start)
    for said in ({}, {"text_certainty": 0}, {"text_certainty": "yes"}, {"kinds": [1, 2]}):
        assert sampling_for("speech", about(**said), TALK, vocabulary).kinds is None


def test_how_much_text_may_come_before_speech_is_what_the_folder_says() -> None:
    assert text_before_speech({"text_before_speech": 1}) == 1
    for said in ({}, *({"text_before_speech": value} for value in (None, True, -1, 1.5, "1"))):
        assert text_before_speech(said) == BURST
