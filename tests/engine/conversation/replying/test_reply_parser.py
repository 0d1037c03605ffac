"""From ids to pieces: text, speech, thinking and calls, however they are split and mixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conversation.replying.reply_parser import (
    AnswerPiece,
    BrokenCallPiece,
    CallPiece,
    Piece,
    ReplyParser,
    SpeechPiece,
    ThinkingDone,
    ThinkingPiece,
)
from tests.engine.conversation.replying.alphabet import ByteAlphabet

LETTERS = ByteAlphabet()
PLAIN = ByteAlphabet(call_marks=False)
CALL = 'function\ncalculator\n{"expression": "12*7"}'


def parse(ids: list[int], alphabet: ByteAlphabet = LETTERS, **options: bool) -> list[Piece]:
    parser = ReplyParser(alphabet, **options)
    return feed_all(parser, ids) + parser.finish()


def feed_all(parser: ReplyParser, ids: list[int]) -> list[Piece]:
    return [piece for id in ids for piece in parser.feed(id)]


def answer(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, AnswerPiece))


def thoughts(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, ThinkingPiece))


def spoken(pieces: list[Piece]) -> list[int]:
    return [piece.token for piece in pieces if isinstance(piece, SpeechPiece)]


def calls(pieces: list[Piece]) -> list[tuple[str, dict]]:
    return [(piece.name, piece.arguments) for piece in pieces if isinstance(piece, CallPiece)]


def marked_call(text: str = CALL) -> list[int]:
    return [LETTERS.names["<tool_call>"], *LETTERS.ids(text), LETTERS.names["</tool_call>"]]


def test_speech_knows_how_much_text_stands_before_it() -> None:
    ids = LETTERS.ids("Yes") + LETTERS.spoken(5, 6) + LETTERS.ids(", I") + LETTERS.spoken(7)
    speech = [piece for piece in parse(ids) if isinstance(piece, SpeechPiece)]
    assert [(piece.token, piece.text_position, piece.index) for piece in speech] == [(5, 3, 3), (6, 3, 4), (7, 6, 8)]


def test_a_character_split_over_ids_comes_out_whole() -> None:
    parser = ReplyParser(LETTERS)
    first, second, third = "好".encode()
    assert parser.feed(first) == []
    assert feed_all(parser, LETTERS.spoken(1)) == [SpeechPiece(1, 0, 1)]
    assert parser.feed(second) == []
    assert parser.feed(third) == [AnswerPiece("好", 0, 3)]


def test_bytes_that_are_no_character_become_one_sign_and_lose_nothing_after_them() -> None:
    assert answer(parse([0xE5, 0xA5, *LETTERS.ids("ok")])) == "\N{REPLACEMENT CHARACTER}ok"


def test_padding_and_marks_of_speech_say_nothing() -> None:
    pad, end = LETTERS.names["<tts_pad>"], LETTERS.names["<tts_end>"]
    ids = [*LETTERS.ids("A"), pad, *LETTERS.spoken(1), LETTERS.padding[0], pad, *LETTERS.spoken(2), end]
    assert parse([*ids, LETTERS.names["<|EOT|>"]]) == [
        AnswerPiece("A", 0, 0),
        SpeechPiece(1, 1, 2),
        SpeechPiece(2, 1, 5),
    ]


def test_thinking_that_the_prompt_opened_ends_at_its_mark() -> None:
    pieces = parse(LETTERS.ids("12 * 7 = 84\n</think>\n\n84."), thinking=True)
    assert thoughts(pieces) == "12 * 7 = 84\n"
    assert pieces.count(ThinkingDone()) == 1
    assert answer(pieces) == "84."


def test_thinking_that_the_model_opens_itself_is_not_part_of_the_answer() -> None:
    pieces = parse(LETTERS.ids("\n<think>\nhm</think>\n\nGood morning"))
    assert (thoughts(pieces), answer(pieces)) == ("\nhm", "Good morning")


def test_a_think_mark_in_the_middle_of_an_answer_is_text() -> None:
    pieces = parse(LETTERS.ids("The mark <think> opens it."))
    assert answer(pieces) == "The mark <think> opens it."
    assert thoughts(pieces) == ""


def test_marks_of_thinking_may_be_ids_of_their_own() -> None:
    alphabet = ByteAlphabet()
    alphabet.names |= {"<think>": 900, "</think>": 901}
    pieces = parse([900, *LETTERS.ids("hm"), 901, *LETTERS.ids("\n\nYes"), 901], alphabet)
    assert (thoughts(pieces), answer(pieces)) == ("hm", "Yes")
    assert answer(parse([*LETTERS.ids("so"), 901, *LETTERS.ids("No")], alphabet, thinking=True)) == "No"


def test_thinking_without_an_end_mark_stays_thinking() -> None:
    pieces = parse(LETTERS.ids("so </thin"), thinking=True)
    assert thoughts(pieces) == "so </thin"
    assert answer(pieces) == ""


def test_speech_before_a_call_and_several_calls_in_a_row() -> None:
    other = '{"name": "date_and_time", "arguments": {}}'
    ids = LETTERS.ids("Let me see.") + LETTERS.spoken(1, 2) + marked_call() + LETTERS.ids("\n") + marked_call(other)
    pieces = parse(ids)
    assert answer(pieces) == "Let me see."
    assert spoken(pieces) == [1, 2]
    assert calls(pieces) == [("calculator", {"expression": "12*7"}), ("date_and_time", {})]


def test_a_call_written_as_plain_text_is_only_text_where_the_marks_are_ids() -> None:
    pieces = parse(LETTERS.ids(f"<tool_call>{CALL}</tool_call>"))
    assert calls(pieces) == []
    assert answer(pieces) == f"<tool_call>{CALL}</tool_call>"


def test_a_vocabulary_without_call_ids_has_the_marks_read_from_text() -> None:
    pieces = parse(PLAIN.ids(f"One moment.<tool_call>{CALL}</tool_call>"), PLAIN)
    assert answer(pieces) == "One moment."
    assert calls(pieces) == [("calculator", {"expression": "12*7"})]


@pytest.mark.parametrize("alphabet", [LETTERS, PLAIN])
def test_a_call_without_an_end_mark_is_read_at_the_end(alphabet: ByteAlphabet) -> None:
    begin = [LETTERS.names["<tool_call>"]] if alphabet is LETTERS else PLAIN.ids("<tool_call>")
    assert calls(parse(begin + alphabet.ids(CALL), alphabet)) == [("calculator", {"expression": "12*7"})]


def test_a_second_call_closes_a_first_one_left_open() -> None:
    ids = [LETTERS.names["<tool_call>"], *LETTERS.ids(CALL), *marked_call()]
    assert len(calls(parse(ids))) == 2


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ("function\ncalculator\n{broken", "not valid JSON"),
        ("function\ncalculator\n[1]", "not a JSON object"),
        ("function\n\n{}", "no function name"),
        ("calculator(12)", "no function name"),
        ('{"arguments": {}}', "no function name"),
        ("", "no function name"),
        ("function\nf\n" + "[" * 15000, "not valid JSON"),
        ("function\nf\n" + '{"n": ' + "9" * 6000 + "}", "not valid JSON"),
        ("function\nf\n" + "x" * 30000, "too long"),
    ],
)
def test_a_malformed_call_becomes_a_sentence_for_the_model(raw: str, hint: str) -> None:
    (piece,) = parse(marked_call(raw))
    assert isinstance(piece, BrokenCallPiece)
    assert hint in piece.reason
    assert piece.raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        CALL,
        '\nfunction\ncalculator\n{"expression":\n"12*7"}\n',
        '{"name": "calculator", "arguments": {"expression": "12*7"}}',
        '{"name": "calculator", "parameters": {"expression": "12*7"}}',
        '{"name": "calculator", "arguments": "{\\"expression\\": \\"12*7\\"}"}',
        '{"type": "function", "function": {"name": "calculator", "arguments": {"expression": "12*7"}}}',
    ],
)
def test_every_form_of_a_call_is_understood(raw: str) -> None:
    assert calls(parse(marked_call(raw))) == [("calculator", {"expression": "12*7"})]


def test_speech_inside_a_call_is_not_lost() -> None:
    ids = marked_call()
    ids[10:10] = LETTERS.spoken(9)
    pieces = parse(ids)
    assert spoken(pieces) == [9]
    assert calls(pieces) == [("calculator", {"expression": "12*7"})]


texts = st.text(st.sampled_from("ab <>/think_tool_call\n好é🙂"), max_size=30)
fragments = st.lists(
    st.one_of(
        st.tuples(st.just("text"), texts),
        st.tuples(st.just("text"), st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", CALL])),
        st.tuples(st.just("speech"), st.lists(st.integers(0, 99), min_size=1, max_size=4)),
        st.tuples(st.just("mark"), st.sampled_from(["<tts_pad>", "<tts_end>", "<tool_call>", "</tool_call>"])),
    ),
    max_size=12,
)


def to_ids(alphabet: ByteAlphabet, parts: list[tuple]) -> list[int]:
    ids: list[int] = []
    for kind, value in parts:
        if kind == "speech":
            ids += alphabet.spoken(*value)
        elif kind == "mark" and value in alphabet.names:
            ids.append(alphabet.names[value])
        elif kind == "text":
            ids += alphabet.ids(value)
    return ids


@given(fragments, st.booleans(), st.sampled_from([LETTERS, PLAIN]))
def test_no_speech_is_lost_or_doubled_and_positions_agree(parts: list, thinking: bool, alphabet: ByteAlphabet) -> None:
    ids = to_ids(alphabet, parts)
    pieces = parse(ids, alphabet, thinking=thinking)
    assert spoken(pieces) == [id - alphabet.speech.start for id in ids if id in alphabet.speech]
    position = 0
    for piece in pieces:
        if isinstance(piece, AnswerPiece):
            assert piece.start == position
            position += len(piece.text)
        elif isinstance(piece, SpeechPiece):
            assert piece.text_position == position


@given(fragments, st.data())
def test_mixing_speech_into_text_changes_nothing_of_the_text(parts: list, data: st.DataObject) -> None:
    ids = to_ids(PLAIN, [part for part in parts if part[0] == "text"])
    mixed = list(ids)
    for token in range(data.draw(st.integers(0, 10))):
        mixed.insert(data.draw(st.integers(0, len(mixed))), PLAIN.speech[token])
    plain, spoken_too = parse(ids, PLAIN), parse(mixed, PLAIN)
    assert answer(plain) == answer(spoken_too)
    assert thoughts(plain) == thoughts(spoken_too)
    assert calls(plain) == calls(spoken_too)


@given(st.lists(texts, max_size=8))
def test_an_answer_without_marks_comes_out_as_it_went_in(parts: list[str]) -> None:
    text = "".join(parts)
    if "<think>" not in text.lstrip()[:7]:
        assert answer(parse(LETTERS.ids(text))) == text.lstrip()
