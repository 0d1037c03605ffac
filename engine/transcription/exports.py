"""A transcript as TXT, SRT, VTT, JSON or Markdown: pure functions from values to text."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from engine.samples import clock
from engine.transcription.results import Segment, Span, Transcript

LINE_WIDTH = 42  # columns; a Chinese or Japanese character takes two
LINES = 2
_CUE_WIDTHS = range(LINE_WIDTH * LINES, LINE_WIDTH - 1, -6)  # that are tried: words may fill two lines badly
_SHORTEST_CUE_S = 0.2
_NEAR_PAUSE_S = 0.5

_SENTENCE_END = re.compile(
    r"(?<=[。！？…])(?![。！？….,!?;:”’）》」』】)\]\"'])\s*"  # no space need follow, but what closes may
    r"|(?<=[.!?])\s+|(?<=[.!?…][\"'”’)])\s+"
)
_CLOSING = "，。！？、；：”’）》」』】…,.!?;:)]}%\"'"
_PAUSES = "，。！？、；：…,.!?;:"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
_MARKDOWN_LINE_START = re.compile(r"^(\d+)([.)])(?=\s)|^([-+=])", re.MULTILINE)


@dataclass(frozen=True)
class Cue:
    """What one subtitle shows: at most two lines, and whose they are if that is known."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None = None


def to_txt(transcript: Transcript, *, times: bool = False) -> str:
    """The words, a line for each segment, with the speaker in front, and its time if that is wanted."""
    marks = (f"{clock(segment.start_s)} " if times else "" for segment in transcript.segments)
    lines = (_one_line(_labelled(segment).text) for segment in transcript.segments)
    return "".join(f"{mark}{line}\n" for mark, line in zip(marks, lines, strict=True))


def to_srt(transcript: Transcript) -> str:
    """SubRip subtitles, as players read them: numbered, times with a comma, the speaker in the text."""
    blocks = []
    labelled = replace(transcript, segments=tuple(map(_labelled, transcript.segments)))
    for number, cue in enumerate(cues(labelled), start=1):
        text = "\n".join(cue.lines).replace("-->", "→")
        blocks.append(f"{number}\n{_stamp(cue.start_s, ',')} --> {_stamp(cue.end_s, ',')}\n{text}\n\n")
    return "".join(blocks)


def to_vtt(transcript: Transcript) -> str:
    """WebVTT subtitles (W3C Candidate Recommendation, 2019): times with a point, text escaped, speakers as voices."""
    blocks = ["WEBVTT\n\n"]
    for cue in cues(transcript):
        voice = "" if cue.speaker is None else f"<v {_vtt_escaped(_one_line(cue.speaker))}>"
        text = voice + _vtt_escaped("\n".join(cue.lines))
        blocks.append(f"{_stamp(cue.start_s, '.')} --> {_stamp(cue.end_s, '.')}\n{text}\n\n")
    return "".join(blocks)


def to_json(transcript: Transcript) -> str:
    """Everything known, times in seconds."""
    return json.dumps(to_value(transcript), ensure_ascii=False, indent=2) + "\n"


def to_markdown(transcript: Transcript, *, times: bool = True) -> str:
    """A document: the file's name as title, its length, and each segment after its time and speaker."""
    facts = [clock(transcript.duration_s)]
    if transcript.options.translate_to:
        facts.append(f"translated to {transcript.options.translate_to}")
    if transcript.model:
        facts.append(transcript.model)
    head = f"# {_escaped(transcript.source)}\n\n{_escaped(' · '.join(facts))}\n\n"
    marks = (_markdown_mark(segment, times) for segment in transcript.segments)
    texts = (_escaped(_one_line(segment.text)) for segment in transcript.segments)
    return head + "".join(f"{mark}{text}\n\n" for mark, text in zip(marks, texts, strict=True))


EXPORTS: dict[str, Callable[[Transcript], str]] = {
    "txt": to_txt,
    "srt": to_srt,
    "vtt": to_vtt,
    "json": to_json,
    "md": to_markdown,
}


def to_value(transcript: Transcript) -> dict[str, object]:
    """The transcript as plain values for JSON."""
    options = transcript.options
    value: dict[str, object] = {
        "source": transcript.source,
        "duration": round(transcript.duration_s, 3),
        "model": transcript.model,
        "language": transcript.language or None,
        "translated_to": options.translate_to or None,
        "segments": [_segment_value(segment) for segment in transcript.segments],
    }
    if transcript.problem:
        value["problem"] = transcript.problem
    return value


def _segment_value(segment: Segment) -> dict[str, object]:
    value: dict[str, object] = {
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text,
    }
    return value if segment.speaker is None else value | {"speaker": segment.speaker}


def _labelled(segment: Segment) -> Segment:
    """The segment with its speaker in front of the text, as plain text says it."""
    return segment if segment.speaker is None else replace(segment, text=f"{segment.speaker}: {segment.text}")


def _markdown_mark(segment: Segment, times: bool) -> str:
    speaker = "" if segment.speaker is None else f"{_escaped(_one_line(segment.speaker))}:"
    mark = " ".join(filter(None, (clock(segment.start_s) if times else "", speaker)))
    return f"**{mark}** " if mark else ""


def _vtt_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cues(transcript: Transcript) -> Iterator[Cue]:
    """The segments cut into subtitles of at most two lines, each shown while its words are (about) spoken."""
    last_end = 0.0
    for segment in transcript.segments:
        for cue in _cues_of(segment):
            start = max(cue.start_s, last_end)
            last_end = max(cue.end_s, start + _SHORTEST_CUE_S)
            yield Cue(start, last_end, cue.lines, segment.speaker)


@functools.lru_cache(maxsize=4096)  # what is shown while it grows is rebuilt again and again
def _cues_of(segment: Segment) -> tuple[Cue, ...]:
    texts = _cue_texts(_one_line(segment.text))
    weights = [max(1, _width(text)) for text in texts]
    spans = segment.spans or ((segment.start_s, segment.end_s),)
    said, total = 0, sum(weights)
    found: list[Cue] = []
    for text, weight in zip(texts, weights, strict=True):
        start = _time_at(spans, said / total, starting=True)
        said += weight
        found.append(Cue(start, _time_at(spans, said / total, starting=False), _lines(text)))
    return tuple(found)


def _time_at(spans: tuple[Span, ...], share: float, starting: bool) -> float:
    """When `share` of the speech is over. Near a pause: its end for a cue that starts, its start for one that ends."""
    said = share * sum(end - start for start, end in spans)
    before = 0.0
    for index, (start, end) in enumerate(spans):
        length = end - start
        following = spans[index + 1] if index + 1 < len(spans) else None
        if following and abs(said - before - length) <= min(_NEAR_PAUSE_S, length / 4):
            return following[0] if starting else end
        if said - before <= length:
            return start + max(0.0, said - before)
        before += length
    return spans[-1][1]


def _cue_texts(text: str) -> list[str]:
    """Sentences, the short ones joined and the long ones divided evenly, none longer than a cue's two lines."""
    texts: list[str] = []
    for sentence in filter(None, _sentences(text)):
        if texts and _width(texts[-1]) <= LINE_WIDTH and _fits_a_cue(texts[-1] + sentence):
            texts[-1] += sentence
        else:
            texts += _divided_into_cues(sentence.strip())
    return texts


def _sentences(text: str) -> Iterator[str]:
    """The sentences, each with the space in front of it: joined they are the text."""
    start = 0
    for between in _SENTENCE_END.finditer(text):
        yield text[start : between.start()]
        start = between.start()
    yield text[start:]


def _fits_a_cue(text: str) -> bool:
    return _width(text) <= _CUE_WIDTHS.start and len(_lines(text)) <= LINES


def _divided_into_cues(text: str) -> list[str]:
    """The text in parts of at most two lines; the widest parts that can be."""
    parts = [text]
    for widest in _CUE_WIDTHS:
        parts = _divided(text, widest)
        if all(map(_fits_a_cue, parts)):
            break
    return parts


def _divided(text: str, widest: int) -> list[str]:
    """The text in as few parts as fit into `widest` columns, of about equal width, cut between words."""
    words = _words(text)
    widths = [_width(word) for word in words]
    fewest = _filled(words, widths, lambda part, width, word: width + word <= widest)
    goal = sum(widths) / len(fewest)
    ways: list[_Takes] = [
        lambda part, width, word: width + word <= widest and not (part[-1] in _PAUSES and width >= 0.6 * goal),
        lambda part, width, word: width + word / 2 <= goal,
    ]
    for takes in ways:  # best after a comma, else of even width
        parts = _filled(words, widths, takes)
        if len(parts) == len(fewest) and all(_width(part) <= widest for part in parts):
            return parts
    return fewest


# Whether a part, so many columns wide, takes a word of so many columns too.
_Takes = Callable[[str, int, int], bool]


def _filled(words: list[str], widths: list[int], takes: _Takes) -> list[str]:
    parts: list[str] = []
    part, filled = "", 0
    for word, width in zip(words, widths, strict=True):
        if part.strip() and not takes(part, filled, width):
            parts.append(part.strip())
            part, filled = word.lstrip(), width - (len(word) - len(word.lstrip()))
        else:
            part, filled = part + word, filled + width
    return [*parts, part.strip()] if part.strip() else parts


@functools.lru_cache(maxsize=256)  # asked whether a cue is short enough, and again when it is made
def _lines(text: str) -> tuple[str, ...]:
    return tuple(_divided(text, LINE_WIDTH)) if _width(text) > LINE_WIDTH else (text,)


def _words(text: str) -> list[str]:
    """Pieces between which a line may break, spaces kept in front: words, or single wide characters.

    What is wider than a line and has no spaces, as Thai, is cut where the line ends.
    """
    words: list[str] = []
    filled = 0  # columns of the last word, without the space in front of it
    for character in text:
        columns = _columns(character)
        glued = words and (
            character in _CLOSING
            or columns == 0
            or (columns == 1 and character != " " and not _is_wide(words[-1][-1]))
            or words[-1] == " "
        )
        if glued and filled + columns <= LINE_WIDTH:
            words[-1] += character
            filled += columns
        else:
            words.append(character)
            filled = columns if character != " " else 0
    return words


def _is_wide(character: str) -> bool:
    return _columns(character) == 2


@functools.lru_cache(maxsize=8192)
def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return _MARKDOWN_LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", _MARKDOWN.sub(r"\\\1", text))


def _stamp(seconds: float, point: str) -> str:
    """00:00:00,000: hours are never left out, milliseconds are rounded before anything else is."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
