"""What vLLM-Omni sends of an answer: text, or ids where it tells them, and sound in pieces.

Source: vllm_omni 0.30.0, entrypoints/openai/serving_chat.py (chat_completion_stream_generator) and protocol/audio.py.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile

from engine.errors import RemoteError
from engine.events import Samples
from engine.language import Vocabulary
from engine.samples import from_pcm
from engine.speaking.synthesizer import SAMPLE_RATE_HZ

_MOST_IDS = 1 << 20  # more than any vocabulary holds
_MARK = re.compile(r"<[|/]?\w{1,32}\|?>")
_BEGUN_MARK = re.compile(r"<([|/]?\w{0,32}\|?)?$")


@dataclass(frozen=True)
class Piece:
    """Of an answer: its text, its ids where the server tells them, and its sound."""

    text: str = ""
    ids: tuple[int, ...] | None = None
    prompt_ids: tuple[int, ...] | None = None
    samples_24k: Samples | None = None


class AnswerError(ValueError):
    """An answer that is not as it should be; for whoever looks into it."""


def piece_of(line: str, place: str) -> Piece | None:
    """What a line of the stream says; None for one that says nothing. Raises RemoteError for a refusal, AnswerError."""
    if not line.startswith("data:"):
        return None
    try:
        chunk = json.loads(line.removeprefix("data:"))
    except (ValueError, RecursionError) as error:
        raise AnswerError("a line is not JSON") from error
    if not isinstance(chunk, dict):
        raise AnswerError("a line is no JSON object")
    if "error" in chunk:
        raise refusal(chunk, place)
    try:
        return _piece(chunk)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise AnswerError(f"a line is not as it should be ({error})") from error


def refusal(body: Any, place: str) -> RemoteError:
    """What to raise for an error that the server told."""
    error = body.get("error") if isinstance(body, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    return RemoteError("{place} refuses: {reason}", place=place, reason=str(words or "?")[:500])


def _piece(chunk: dict[str, Any]) -> Piece:
    if not chunk.get("choices"):
        return Piece()
    choice = chunk["choices"][0]
    content = choice.get("delta", {}).get("content") or ""
    if not isinstance(content, str):
        raise TypeError("content is no text")
    if chunk.get("modality") == "audio":
        return Piece(samples_24k=sound_of(content, choice.get("audio_metadata") or {})) if content else Piece()
    return Piece(content, _ids(choice.get("token_ids")), _ids(chunk.get("prompt_token_ids")))


def _ids(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    ids = tuple(int(id) for id in value)
    if any(not 0 <= id < _MOST_IDS for id in ids):
        raise ValueError("an id is none")
    return ids


def sound_of(content: str, metadata: dict[str, Any]) -> Samples:
    """The samples of a piece of sound: bare, or with the header of a file, which each piece has for itself then."""
    try:
        data = base64.b64decode(content, validate=True)
        if data.startswith(b"RIFF"):
            samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32")
        else:
            samples, rate_hz = from_pcm(data), SAMPLE_RATE_HZ
    except (binascii.Error, soundfile.LibsndfileError, ValueError) as error:
        raise AnswerError("a piece of sound is damaged") from error
    rate_hz = metadata.get("sample_rate_hz", rate_hz)
    if samples.ndim != 1 or rate_hz != SAMPLE_RATE_HZ:
        raise AnswerError(f"sound has one channel and {SAMPLE_RATE_HZ} Hz, not {rate_hz} Hz")
    return np.asarray(samples, np.float32)


class IdsOfText:
    """Makes ids of a text that comes in pieces: `<audio_12>` and other names of marks are theirs, also when a piece
    ends within a name.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._rest = ""

    def feed(self, text: str) -> Iterator[int]:
        """The ids of what is certain by now."""
        text = self._rest + text
        begun = _BEGUN_MARK.search(text)
        end = begun.start() if begun else len(text)
        self._rest = text[end:]
        yield from self._ids(text[:end])

    def finish(self) -> Iterator[int]:
        """The ids of the rest."""
        rest, self._rest = self._rest, ""
        yield from self._ids(rest)

    def _ids(self, text: str) -> Iterator[int]:
        place = 0
        for mark in _MARK.finditer(text):
            if (id := self._vocabulary.find(mark.group())) is not None:
                yield from self._vocabulary.encode(text[place : mark.start()])
                yield id
                place = mark.end()
        yield from self._vocabulary.encode(text[place:])
