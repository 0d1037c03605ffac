"""The messages of a chat as turns. Source: OpenAI's API reference, "Chat"."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine import samples
from engine.events import Samples, ToolCall, ToolResult, new_turn_id
from engine.hearing import RATE_HZ
from engine.serving.bodies import text_of
from engine.serving.forms import MOST_SOUND_S
from engine.serving.problems import ProblemError
from engine.speaking import SAMPLE_RATE_HZ

_PAUSE_S = 0.3  # between two sounds of one message
_MOST_MESSAGES = 2000
_MOST_SPOKEN = 512  # answers whose words are known when a client names only their sound


@dataclass
class SaidTurn:
    """What the user said, the calls of tools with their results, and the answer; empty where there is none yet."""

    text: str = ""
    samples_16k: Samples | None = None
    calls: list[tuple[str, list[ToolCall], list[ToolResult]]] = field(default_factory=list)
    answer: str = ""
    id: str = field(default_factory=new_turn_id)


@dataclass(frozen=True)
class Chat:
    """A conversation: `persona` is what the system's messages say; the last turn waits for an answer."""

    persona: str
    turns: tuple[SaidTurn, ...]


class SpokenAnswers:
    """What was said in the sounds that were sent, by their ids: clients name their earlier answers so."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()

    def keep(self, id: str, text: str) -> None:
        """Remember an answer; the oldest ones are forgotten."""
        self._texts[id] = text
        while len(self._texts) > _MOST_SPOKEN:
            self._texts.popitem(last=False)

    def text(self, id: str) -> str | None:
        """The words of an answer; None once it is forgotten."""
        return self._texts.get(id)


def chat_of(body: dict[str, Any], spoken: Callable[[str], str | None]) -> Chat:
    """The conversation of a request; `spoken` knows the words of earlier answers. Decodes sounds, so it takes time.

    Raises ProblemError, and SoundError for a sound that is none.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= _MOST_MESSAGES:
        raise ProblemError(400, f"messages must be a list of 1 to {_MOST_MESSAGES} messages.", param="messages")
    reading = _Reading(spoken)
    for number, message in enumerate(messages):
        reading.add(f"messages[{number}]", message)
    return reading.chat()


class _Reading:
    """Puts one message after the other where it belongs."""

    def __init__(self, spoken: Callable[[str], str | None]) -> None:
        self._spoken = spoken
        self._persona: list[str] = []
        self._turns: list[SaidTurn] = []
        self._role = ""
        self._place = ""

    def add(self, place: str, message: Any) -> None:
        """Take in one message."""
        self._place = place
        if not isinstance(message, dict):
            raise self._wrong("must be an object")
        self._role = text_of(message, "role", "")
        if self._role in ("system", "developer"):
            self._persona.append(_joined_texts(self._parts(message)))
        elif self._role == "user":
            self._add_user(self._parts(message))
        elif self._role == "assistant":
            self._add_answer(message)
        elif self._role == "tool":
            self._add_result(message)
        else:
            raise self._wrong("has a role that is none of system, developer, user, assistant, tool")

    def chat(self) -> Chat:
        """The whole."""
        if self._role not in ("user", "tool"):
            raise ProblemError(400, "The last message must be the user's or a tool's.", param="messages")
        return Chat("\n\n".join(self._persona), tuple(self._turns))

    def _add_user(self, parts: list[dict[str, Any]]) -> None:
        sounds = [self._sound(part) for part in parts if part.get("type") == "input_audio"]
        self._turns.append(SaidTurn(_joined_texts(parts), joined_sounds(sounds)))

    def _add_answer(self, message: dict[str, Any]) -> None:
        if not self._turns or self._turns[-1].answer:
            self._turns.append(SaidTurn())
        text = _joined_texts(self._parts(message))
        if isinstance(audio := message.get("audio"), dict):
            text = text or self._spoken(text_of(audio, "id")) or ""
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            raise self._wrong("has tool_calls that are no list")
        if calls:
            self._turns[-1].calls.append((text, [self._call(call) for call in calls], []))
        else:
            self._turns[-1].answer = text

    def _call(self, call: Any) -> ToolCall:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise self._wrong("has a tool call without a function")
        try:
            arguments = json.loads(text_of(function, "arguments", "{}") or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            raise self._wrong("has a tool call whose arguments are no JSON object")
        return ToolCall(text_of(call, "id"), text_of(function, "name"), arguments)

    def _add_result(self, message: dict[str, Any]) -> None:
        id = text_of(message, "tool_call_id")
        for _, calls, results in reversed(self._turns[-1].calls if self._turns else []):
            for call in calls:
                if call.id == id:
                    results.append(ToolResult(id, call.name, _joined_texts(self._parts(message))))
                    return
        raise self._wrong("answers a call that is in no message before it")

    def _parts(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """The content as a list of parts that can be read here."""
        content = message.get("content")
        if content is None:
            return []
        if isinstance(content, str):
            return [{"type": "text", "text": text_of(message, "content")}]
        if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
            raise self._wrong("has a content that is neither text nor a list of parts")
        known = ("text", "refusal", "input_audio") if message.get("role") == "user" else ("text", "refusal")
        for part in content:
            if part.get("type") not in known:
                raise self._wrong(f"has a part that is not read here: the kinds are {', '.join(known)}")
        return [part for part in content if part["type"] != "refusal"]

    def _sound(self, part: dict[str, Any]) -> Samples:
        audio = part.get("input_audio")
        if not isinstance(audio, dict):
            raise self._wrong("has a sound without data")
        try:
            data = base64.b64decode(text_of(audio, "data"), validate=True)
        except (binascii.Error, ValueError):
            raise self._wrong("has a sound that is not base64") from None
        if text_of(audio, "format", "wav") == "pcm16":
            return samples.resample(samples.from_pcm(data[: len(data) // 2 * 2]), SAMPLE_RATE_HZ, RATE_HZ)
        with tempfile.TemporaryDirectory(prefix="earshot-served-") as folder:
            path = Path(folder) / "the sound"
            path.write_bytes(data)
            if samples.probe(path).duration_s > MOST_SOUND_S:
                raise ProblemError(413, "A request may hold one hour of sound.", param=self._place)
            return samples.read(path, RATE_HZ)

    def _wrong(self, what: str) -> ProblemError:
        return ProblemError(400, f"{self._place} {what}.", param=self._place)


def _joined_texts(parts: list[dict[str, Any]]) -> str:
    return "\n".join(text_of(part, "text") for part in parts if part.get("type") == "text")


def joined_sounds(sounds: list[Samples]) -> Samples | None:
    """Sounds (n,) one after the other, with a pause between them; None where there are none."""
    if len(sounds) < 2:
        return sounds[0] if sounds else None
    pause = np.zeros(round(_PAUSE_S * RATE_HZ), np.float32)
    pieces = [piece for sound in sounds for piece in (sound, pause)]
    return np.concatenate(pieces[:-1])
