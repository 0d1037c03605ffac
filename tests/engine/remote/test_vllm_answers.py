"""Lines of an answer: what is in them, and those that are damaged."""

from __future__ import annotations

import pytest

from engine.language import Vocabulary
from engine.remote.vllm.answers import AnswerError, IdsOfText, piece_of, sound_of
from tests.checkpoints import tiny_checkpoint


def test_names_of_marks_are_put_together_from_pieces() -> None:
    vocabulary = Vocabulary.load(tiny_checkpoint())
    text = IdsOfText(vocabulary)
    pieces = ["He", "llo <", "b> <aud", "io_1", "2", "><audio_", "13>", "<|EO", "T|>", " 1 < 2 <"]
    ids = [id for piece in pieces for id in text.feed(piece)] + list(text.finish())
    marks = [id for id in ids if vocabulary.is_special(id)]
    assert marks == [vocabulary.speech[12], vocabulary.speech[13], vocabulary.eot]
    assert vocabulary.decode(ids) == "".join(pieces)


@pytest.mark.parametrize(
    "line",
    [
        "data: {",
        "data: []",
        'data: {"choices": {}, "modality": "text"}x',
        'data: {"choices": [{"delta": 3}]}',
        'data: {"choices": [{"delta": {"content": ["a"]}}]}',
        'data: {"choices": [{"token_ids": ["x"]}]}',
        'data: {"choices": [{"token_ids": [-1]}]}',
        'data: {"choices": [{"token_ids": [Infinity]}]}',
        'data: {"choices": [{"delta": {"content": "AAAA"}, "audio_metadata": 5}], "modality": "audio"}',
    ],
)
def test_a_line_that_is_none_is_told_apart(line: str) -> None:
    with pytest.raises(AnswerError):
        piece_of(line, "there")


@pytest.mark.parametrize(("content", "rate_hz"), [("!", 24_000), ("AA==", 24_000), ("AAAA", 44_100), ("UklGRg==", 0)])
def test_damaged_sound_is_told_apart(content: str, rate_hz: int) -> None:
    with pytest.raises(AnswerError):
        sound_of(content, {"sample_rate_hz": rate_hz} if rate_hz else {})
