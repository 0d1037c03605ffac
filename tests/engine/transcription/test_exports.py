from __future__ import annotations

import itertools
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transcription.exports import (
    EXPORTS,
    LINE_WIDTH,
    _width,
    cues,
    to_json,
    to_markdown,
    to_srt,
    to_txt,
    to_vtt,
)
from engine.transcription.results import Options, Segment, Transcript

LONG = (
    "We started with one idea, that a voice should never have to leave the room it was spoken in, and everything else "
    "followed from that. It took us two years."
)


def _transcript(*segments: Segment, **values: object) -> Transcript:
    return Transcript("interview.wav", 3700.0, segments, "tiny", **values)  # type: ignore[arg-type]


def test_srt_numbers_cues_and_writes_hours_and_commas() -> None:
    transcript = _transcript(Segment(0.0, 1.5, "Hello."), Segment(3661.25, 3662.0, "Bye."))
    assert to_srt(transcript) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n01:01:01,250 --> 01:01:02,000\nBye.\n\n"
    )


def test_vtt_has_its_header_points_and_escapes() -> None:
    transcript = _transcript(Segment(0.0, 1.5, "a < b & c --> <i>d</i>"))
    assert to_vtt(transcript) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c --&gt; &lt;i&gt;d&lt;/i&gt;\n\n"
    )


def test_an_arrow_in_the_text_does_not_break_srt() -> None:
    assert to_srt(_transcript(Segment(0.0, 1.0, "x --> y"))).count("-->") == 1


@pytest.mark.parametrize(
    ("seconds", "stamp"),
    [(59.9996, "00:01:00,000"), (3599.9999, "01:00:00,000"), (0.0004, "00:00:00,000"), (360_000.5, "100:00:00,500")],
)
def test_times_are_rounded_before_they_are_split(seconds: float, stamp: str) -> None:
    assert f"\n{stamp} --> " in to_srt(_transcript(Segment(seconds, seconds + 1, "x")))


def test_a_long_segment_becomes_cues_of_two_short_lines_that_follow_each_other() -> None:
    found = list(cues(_transcript(Segment(10.0, 20.0, LONG))))
    assert " ".join(line for cue in found for line in cue.lines) == LONG
    assert all(len(line) <= LINE_WIDTH for cue in found for line in cue.lines)
    assert all(len(cue.lines) <= 2 for cue in found)
    assert (found[0].start_s, found[-1].end_s) == (10.0, 20.0)
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(found))
    assert found[-1].lines == ("It took us two years.",)


def test_cues_leave_out_the_pauses_between_spans() -> None:
    text = "The first sentence is here, as long as the other. The second sentence is here, as long as that."
    segment = Segment(0.0, 12.0, text, ((0.0, 4.0), (8.0, 12.0)))
    first, second = cues(_transcript(segment))
    assert (first.start_s, second.end_s) == (0.0, 12.0)
    assert first.end_s == pytest.approx(4.0, abs=0.3)
    assert second.start_s == pytest.approx(8.0, abs=0.3)


def test_chinese_lines_are_half_as_many_characters_and_keep_their_punctuation() -> None:
    text = "听说荡口古镇从下个月开始取消门票了，你知道这事吗。新闻说九月十九号就免费开放了。好像整个古镇都升级改造了。"
    found = list(cues(_transcript(Segment(0.0, 9.0, text))))
    assert "".join(line for cue in found for line in cue.lines) == text
    assert all(_width(line) <= LINE_WIDTH for cue in found for line in cue.lines)
    assert all(line[0] not in "，。" for cue in found for line in cue.lines)


def test_a_point_inside_a_number_ends_no_sentence() -> None:
    (cue,) = cues(_transcript(Segment(0.0, 3.0, "Pi is 3.14159 and e is 2.71828.")))
    assert cue.lines == ("Pi is 3.14159 and e is 2.71828.",)


@pytest.mark.parametrize(
    "text",
    [
        "Really?! Yes.",
        "Wait!!! Stop!",
        'He said "Why?" and left. (Wow!)',
        "See http://a.com/?q=1 now.",
        "我想……算了。你好!再见",
        "等等…好",
        "你好。 再见。",
    ],
)
def test_cues_say_what_was_said_without_more_spaces(text: str) -> None:
    (cue,) = cues(_transcript(Segment(0.0, 3.0, text)))
    assert "".join(cue.lines) == text


WORDS = ["a", "is", "understand", "interesting", "meeting,", "nevertheless", "Donaudampfschifffahrt"]


@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_words_of_any_length_fill_two_lines_at_most(words: list[str]) -> None:
    found = list(cues(_transcript(Segment(0.0, 20.0, " ".join(words)))))
    assert [word for cue in found for line in cue.lines for word in line.split()] == words
    assert all(len(cue.lines) <= 2 and max(map(_width, cue.lines)) <= LINE_WIDTH for cue in found)


def test_what_has_no_spaces_is_cut_where_a_line_ends() -> None:
    text = "วันนี้เราจะมาพูดถึงเรื่องการเดินทางไปต่างประเทศและการเตรียมตัวให้พร้อมก่อนออกเดินทางไปยังสนามบิน" * 3
    found = list(cues(_transcript(Segment(0.0, 20.0, text))))
    assert "".join(line for cue in found for line in cue.lines) == text
    assert all(len(cue.lines) <= 2 and max(map(_width, cue.lines)) <= LINE_WIDTH for cue in found)
    assert not any(unicodedata.combining(line[0]) for cue in found for line in cue.lines)


@given(st.text(st.characters(categories=("L", "N", "P", "Zs", "S"), max_codepoint=0xFFFF), min_size=1, max_size=400))
def test_no_text_is_lost_in_cues_and_times_never_run_backwards(text: str) -> None:
    transcript = _transcript(Segment(1.0, 21.0, text), Segment(21.0, 22.0, "end"))
    found = list(cues(transcript))
    assert "".join("".join(line for cue in found for line in cue.lines).split()) == "".join((text + "end").split())
    assert all(cue.start_s < cue.end_s for cue in found)
    assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(found))
    for cue in found:
        assert len(cue.lines) <= 2
        assert all(_width(line) <= LINE_WIDTH for line in cue.lines)


def test_subtitles_of_long_segments_are_many_cues() -> None:
    segments = [Segment(10.0 * n, 10.0 * n + 9, f"{n} {LONG} {'x' * 150}") for n in range(500)]
    assert to_srt(_transcript(*segments)).count("-->") > 1000


def test_txt_has_a_line_for_each_segment() -> None:
    assert to_txt(_transcript(Segment(0, 1, "One\ntwo "), Segment(2, 3, "three"))) == "One two\nthree\n"


def test_json_keeps_everything() -> None:
    transcript = _transcript(Segment(0.12345, 1.0, "你好"), options=Options(language="zh", translate_to="en"))
    assert json.loads(to_json(transcript)) == {
        "source": "interview.wav",
        "duration": 3700.0,
        "model": "tiny",
        "language": "zh",
        "translated_to": "en",
        "segments": [{"start": 0.123, "end": 1.0, "text": "你好"}],
    }
    assert "你好" in to_json(transcript)


def test_a_broken_off_recording_says_so_in_json() -> None:
    assert json.loads(to_json(_transcript(problem="x breaks off")))["problem"] == "x breaks off"


def test_markdown_shows_times_and_escapes_what_would_be_formatting() -> None:
    text = to_markdown(_transcript(Segment(61.0, 62.0, "5 * 3 is *not* #1 [really]")))
    assert text.startswith("# interview.wav\n\n1:01:40 · tiny\n\n")
    assert text.endswith("**1:01** 5 \\* 3 is \\*not\\* \\#1 \\[really\\]\n\n")


@pytest.mark.parametrize("name", EXPORTS)
def test_an_empty_transcript_can_be_exported(name: str) -> None:
    assert isinstance(EXPORTS[name](_transcript()), str)


TWO = (
    Segment(0.0, 1.5, "Is it *late*?", speaker="Ann & Bo"),
    Segment(2.0, 3.0, f"It is. {LONG}", speaker="Speaker 2"),
)


def test_plain_text_and_srt_say_the_speaker_in_front() -> None:
    assert to_txt(_transcript(*TWO)).splitlines()[0] == "Ann & Bo: Is it *late*?"
    blocks = to_srt(_transcript(*TWO)).split("\n\n")
    assert blocks[0].endswith("\nAnn & Bo: Is it *late*?")
    assert [block.count("Speaker 2: ") for block in blocks[1:-1]] == [1, *[0] * (len(blocks) - 3)]


def test_vtt_marks_the_voice_of_every_cue() -> None:
    first, *more = to_vtt(_transcript(*TWO)).strip().split("\n\n")[1:]
    assert first.endswith("\n<v Ann &amp; Bo>Is it *late*?")
    assert len(more) > 1
    assert all("\n<v Speaker 2>" in cue for cue in more)


def test_json_and_markdown_say_who_speaks() -> None:
    assert [each["speaker"] for each in json.loads(to_json(_transcript(*TWO)))["segments"]] == ["Ann & Bo", "Speaker 2"]
    assert "**0:00 Ann & Bo:** Is it \\*late\\*?" in to_markdown(_transcript(*TWO))


@pytest.mark.parametrize("name", ["txt", "srt", "vtt"])
def test_what_is_shown_while_it_grows_only_grows_with_speakers_too(name: str) -> None:
    assert EXPORTS[name](_transcript(*TWO)).startswith(EXPORTS[name](_transcript(TWO[0])))
