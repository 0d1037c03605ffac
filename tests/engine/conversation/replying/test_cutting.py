"""What is left of a passage when only a part of it was heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.conversation.remembering.records import speech_tokens_of
from engine.conversation.replying.cutting import cut_to_heard
from tests.engine.conversation.replying.alphabet import ByteAlphabet

ALPHABET = ByteAlphabet()


def interleaved(text: str, speech: int) -> list[int]:
    ids, tokens = [], iter(range(speech))
    for id in ALPHABET.ids(text):
        ids += [id, *ALPHABET.spoken(*[token for _, token in zip(range(2), tokens, strict=False)])]
    return [*ids, *ALPHABET.spoken(*tokens), ALPHABET.names["<tts_end>"]]


def test_text_and_speech_are_cut_each_at_what_was_heard() -> None:
    ids, text = cut_to_heard(interleaved("Hello there", 40), ALPHABET, 5, 10)
    assert text == "Hello"
    assert speech_tokens_of(ids, ALPHABET.speech) == tuple(range(10))
    assert list(ids) == interleaved("Hello", 10)[:-1]


def test_all_heard_keeps_every_id() -> None:
    whole = interleaved("Hello", 40)
    assert cut_to_heard(whole, ALPHABET, 5, 40)[0] == tuple(whole)


def test_nothing_heard_keeps_nothing() -> None:
    assert cut_to_heard(interleaved("Hello", 40), ALPHABET, 0, 0) == ((), "")


def test_a_call_that_was_carried_out_stays_even_if_the_words_before_it_were_not_heard() -> None:
    call = [ALPHABET.names["<tool_call>"], *ALPHABET.ids("function\nf\n{}"), ALPHABET.names["</tool_call>"]]
    ids, text = cut_to_heard(interleaved("One moment", 40) + call, ALPHABET, 3, 8)
    assert text == "One"
    assert list(ids[-len(call) :]) == call


@given(st.text(max_size=20), st.integers(0, 60), st.integers(0, 25), st.integers(0, 70))
def test_what_is_kept_is_a_part_of_the_whole_in_its_order(text: str, speech: int, characters: int, heard: int) -> None:
    whole = interleaved(text, speech)
    ids, kept = cut_to_heard(whole, ALPHABET, characters, heard)
    rest = iter(whole)
    assert all(id in rest for id in ids)
    assert text.lstrip().startswith(kept)
    assert len(kept) <= characters
    assert len(speech_tokens_of(ids, ALPHABET.speech)) == min(heard, speech)
