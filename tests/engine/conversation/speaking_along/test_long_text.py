"""Texts that are too long to be read aloud at once are read in passages, and to their end."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conversation.model import Model
from engine.conversation.prompting.reading import Readable
from engine.conversation.replying import single_tasks
from engine.conversation.speaking_along.long_text import SpeechLimits, most_speech_tokens, portions
from engine.errors import RequestError
from engine.language import Vocabulary
from tests.checkpoints import tiny_checkpoint

VOCABULARY = Vocabulary.load(tiny_checkpoint())
SENTENCE = "The kettle is on, and the tea will be ready in a moment. "


def test_a_text_that_fits_is_one_passage_as_it_is() -> None:
    assert list(portions(f" {SENTENCE}\n", 4096)) == [f" {SENTENCE}\n"]


def test_passages_end_with_sentences_or_words_or_anywhere() -> None:
    assert list(portions(SENTENCE * 5, 2 * 4 * len(SENTENCE))) == [(SENTENCE * count).strip() for count in (2, 2, 1)]
    assert list(portions("水开了。茶好了。我们喝茶。", 90)) == ["水开了。茶好了。", "我们喝茶。"]
    assert list(portions("one two three", 40)) == ["one two", "three"]
    assert list(portions("x" * 25, 40)) == ["x" * 10, "x" * 10, "x" * 5]


@given(st.text(st.sampled_from("ab1 \n.。！水…😀"), max_size=200), st.integers(1, 100))
def test_nothing_is_left_out_and_no_passage_takes_too_much(text: str, most_ids: int) -> None:
    found = list(portions(text, most_ids))
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(4 * len(passage) <= max(most_ids, 4) or passage == text for passage in found)


def test_a_text_longer_than_the_context_is_read_to_its_end() -> None:
    asked: list[tuple[str, int, int]] = []

    def one_token_for_a_word(readable: Readable, **options: Any) -> Iterator[int]:
        passage = VOCABULARY.decode(readable.prompt.ids).split("human\n")[1].split("<|EOT|>")[0]
        asked.append((passage, len(readable), options["max_tokens"]))
        yield from [VOCABULARY.speech.start + 7] * len(passage.split())

    model = SimpleNamespace(
        vocabulary=VOCABULARY,
        new_reader=lambda: SimpleNamespace(write=one_token_for_a_word),
        variant="chat",
        context_length=2048,
        about={},
        name="",
    )
    text = SENTENCE * 40
    tokens = single_tasks.read_aloud(cast(Model, model), text, None, lambda: False)
    assert list(tokens) == [7] * len(text.split())
    assert " ".join(passage for passage, _, _ in asked) == text.strip()
    for passage, length, most in asked:
        assert 2 * len(passage) <= most <= 2048 - length, "the speech has no room behind its text"


def test_a_model_that_reads_little_at_once_gets_its_text_in_words_and_portions() -> None:
    asked: list[tuple[str, int]] = []

    def nothing(readable: Readable, **options: Any) -> Iterator[int]:
        passage = VOCABULARY.decode(readable.prompt.ids).split("human\n")[1].split("<|EOT|>")[0]
        asked.append((passage, options["max_tokens"]))
        return iter(())

    about = {"reads": {"language": "en", "characters_at_once": 30, "tokens_per_character": 3}}
    model = SimpleNamespace(
        vocabulary=VOCABULARY,
        new_reader=lambda: SimpleNamespace(write=nothing),
        variant="chat",
        context_length=2048,
        about=about,
        name="Small",
    )
    list(single_tasks.read_aloud(cast(Model, model), "COME AT 5\nbring Anna, please", None, lambda: False))
    assert asked == [("Come at five.", 25 + 3 * 13), ("bring Anna, please.", 25 + 3 * 19)]
    for text, sentence in (("你好", "reads only English"), ("!!!", "no words in this text")):
        with pytest.raises(RequestError, match=sentence):
            list(single_tasks.read_aloud(cast(Model, model), text, None, lambda: False))


def test_limits_that_are_no_numbers_limit_nothing() -> None:
    for reads in ({}, None, "x", {"characters_at_once": "7", "tokens_per_character": True}, {"characters_at_once": -1}):
        limits = SpeechLimits.of({"reads": reads})
        assert limits == SpeechLimits(None, None)
        assert limits.most_speech_tokens(10) == most_speech_tokens(10)
