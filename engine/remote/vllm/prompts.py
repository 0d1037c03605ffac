"""Prompts as messages, of which our chat template, resources/chat_templates/step_audio_2.jinja, makes the same ids."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from engine.conversation.prompting.reading import Readable
from engine.hearing import RATE_HZ
from engine.language import Vocabulary
from engine.remote.listener import RemoteWindow
from engine.samples import wav_bytes

_MARK = re.compile(r"<([|/]?\w+\|?>)")
_JOINER = "\N{WORD JOINER}"  # is not seen, and keeps a name that somebody typed from being read as a mark

Content = str | list[dict[str, Any]]


@dataclass
class _Written:
    """A message as it is taken from the ids; `parts` are pieces of text and windows of sound."""

    parts: list[str | RemoteWindow] = field(default_factory=list)
    ended: bool = False

    def split(self) -> tuple[str, str, list[str | RemoteWindow]]:
        """The role, what parts it from the content, and the content."""
        header = self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""
        role, line, rest = header.partition("\n")
        return role, line, [*([rest] if rest else []), *self.parts[1:]]


@dataclass(frozen=True)
class Messages:
    """The finished messages of a prompt; `opening` is what the unfinished one begins with, behind its role."""

    finished: tuple[dict[str, Any], ...]
    opening: str

    def request(self) -> dict[str, Any]:
        """The fields of a request that has the unfinished message gone on with."""
        begun = self.opening.removeprefix("\n")
        if not begun:
            return {"messages": list(self.finished), "add_generation_prompt": True}
        return {
            "messages": [*self.finished, {"role": "assistant", "content": begun}],
            "add_generation_prompt": False,
            "continue_final_message": True,
        }

    def request_within_header(self) -> dict[str, Any]:
        """The same for a prompt that may end anywhere, also before the line that parts a role from its content."""
        return {
            "messages": list(self.finished),
            "add_generation_prompt": True,
            "chat_template_kwargs": {"opening": self.opening},
        }


def messages_of(readable: Readable, vocabulary: Vocabulary) -> Messages:
    """The messages that a prompt consists of. The last one must be the assistant's, and unfinished."""
    *finished, last = _messages(readable, vocabulary)
    role, line, content = last.split()
    if role != "assistant" or last.ended or any(not isinstance(part, str) for part in content):
        raise ValueError("a prompt ends with what the assistant goes on with")
    return Messages(tuple(map(_message, finished)), line + "".join(cast("list[str]", content)))


def _messages(readable: Readable, vocabulary: Vocabulary) -> list[_Written]:
    """A sound stands between two marks, which the chat template writes."""
    messages: list[_Written] = []
    place, ids = 0, readable.prompt.ids
    for where, window in zip(readable.prompt.sounds, cast("tuple[RemoteWindow, ...]", readable.sounds), strict=True):
        _add_ids(messages, ids[place : where.start - 1], vocabulary)
        messages[-1].parts.append(window)
        place = where.stop + 1
    _add_ids(messages, ids[place:], vocabulary)
    return messages


def _add_ids(messages: list[_Written], ids: Sequence[int], vocabulary: Vocabulary) -> None:
    """Go on with the last message, or with new ones."""
    ends = (vocabulary.bot, vocabulary.eot)
    for end, run in groupby(ids, lambda id: id if id in ends else None):
        if end is None:
            messages[-1].parts.append(_text(run, vocabulary))
        elif end == vocabulary.bot:
            messages.append(_Written())
        else:
            messages[-1].ended = True


def _text(ids: Iterable[int], vocabulary: Vocabulary) -> str:
    """What ids say, marks by their names. A name that is only text is not one for whoever reads it as a whole."""
    pieces = []
    for is_special, run in groupby(ids, vocabulary.is_special):
        text = vocabulary.decode(run)
        pieces.append(text if is_special else harmless(text, vocabulary))
    return "".join(pieces)


def harmless(text: str, vocabulary: Vocabulary) -> str:
    """A text in which no name of a mark can be read."""

    def joined(found: re.Match[str]) -> str:
        return f"<{_JOINER}{found.group(1)}" if vocabulary.has_special(found.group()) else found.group()

    return _MARK.sub(joined, text)


def _message(written: _Written) -> dict[str, Any]:
    role, _, parts = written.split()
    return {"role": "user" if role == "human" else role, "content": _content(parts)}


def _content(parts: Sequence[str | RemoteWindow]) -> Content:
    if all(isinstance(part, str) for part in parts):
        return "".join(cast("Sequence[str]", parts))
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "audio_url", "audio_url": _url(part)}
        for part in parts
    ]


def _url(window: RemoteWindow) -> dict[str, str]:
    return {"url": f"data:audio/wav;base64,{base64.b64encode(wav_bytes(window.samples_16k, RATE_HZ)).decode()}"}
