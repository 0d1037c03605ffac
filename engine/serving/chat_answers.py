"""An answer as OpenAI's clients read it: one object, or chunks."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from engine.events import (
    AnswerText,
    EndReason,
    ReplyEnded,
    ReplyStatistics,
    SessionEvent,
    Speech,
    ThinkingEnded,
    ThinkingText,
    ToolCall,
)
from engine.serving.chat_wishes import Wishes
from engine.serving.sounds import encoder

_KEPT_S = 3600  # how long an answer may be named by the id of its sound, at most


class Answer:
    """Collects the events of a reply."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._id = f"chatcmpl-{uuid4().hex}"
        self._made_at = int(time.time())
        self._file = encoder("pcm" if wishes.form == "pcm16" else wishes.form) if wishes.form else None
        self._sound: list[bytes] = []
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._thought_ids = 0
        self._calls: list[dict[str, Any]] = []
        self._statistics = ReplyStatistics()
        self._reason = EndReason.COMPLETE
        self._outside = {tool.name for tool in wishes.tools}
        self.audio_id = f"audio_{uuid4().hex}"

    @property
    def text(self) -> str:
        """The words so far."""
        return "".join(self._texts)

    def add(self, event: SessionEvent) -> list[dict[str, Any]]:
        """Take in an event; the chunks that tell of it."""
        return [self._chunk(delta) for delta in self._deltas(event)]

    def _deltas(self, event: SessionEvent) -> Iterator[dict[str, Any]]:
        match event:
            case AnswerText(text=text) if self._texts or text.strip():  # a break goes before what follows a call
                self._texts.append(text)
                yield {"audio": {"id": self.audio_id, "transcript": text}} if self._file else {"content": text}
            case Speech(samples_24k=samples) if self._file:
                yield from self._sounding(self._file.push(samples))
            case ThinkingText(text=text):
                self._thoughts.append(text)
                yield {"reasoning_content": text}
            case ThinkingEnded(tokens=tokens):
                self._thought_ids = tokens
            case ToolCall(name=name) if name in self._outside:
                call = _call(event)
                self._calls.append(call)
                yield {"tool_calls": [{"index": len(self._calls) - 1, **call}]}
            case ReplyEnded(reason=reason, statistics=statistics):
                self._reason, self._statistics = reason, statistics
                if self._file and self._sound:
                    yield from self._sounding(self._file.finish())

    def _sounding(self, data: bytes) -> Iterator[dict[str, Any]]:
        if data:
            self._sound.append(b"" if self._wishes.streamed else data)
            if self._wishes.streamed:
                yield {"audio": {"id": self.audio_id, "data": base64.b64encode(data).decode()}}

    def opening(self) -> dict[str, Any]:
        """The first chunk."""
        return self._chunk({"role": "assistant"} if self._file else {"role": "assistant", "content": ""})

    def closing(self) -> Iterator[dict[str, Any]]:
        """The last chunks."""
        if self._sound:
            yield self._chunk({"audio": {"id": self.audio_id, "expires_at": self._made_at + _KEPT_S}})
        yield self._chunk({}, self._finish())
        if self._wishes.usage_streamed:
            yield self._chunk(None) | {"choices": [], "usage": self._usage()}

    def whole(self) -> dict[str, Any]:
        """The answer as one object."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        if self._calls:
            message["tool_calls"] = self._calls
        if self._sound:
            message["content"] = None
            message["audio"] = {
                "id": self.audio_id,
                "data": base64.b64encode(b"".join(self._sound)).decode(),
                "expires_at": self._made_at + _KEPT_S,
                "transcript": self.text,
            }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish()}
        return self._named("chat.completion") | {"choices": [choice], "usage": self._usage()}

    def _chunk(self, delta: dict[str, Any] | None, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._named("chat.completion.chunk") | {"choices": [choice]}

    def _named(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._made_at, "model": self._wishes.model}

    def _finish(self) -> str:
        if self._calls:
            return "tool_calls"
        return "length" if self._reason is EndReason.LENGTH else "stop"

    def _usage(self) -> dict[str, Any]:
        read, made = self._statistics.prompt_tokens, self._statistics.generated_tokens
        return {
            "prompt_tokens": read,
            "completion_tokens": made,
            "total_tokens": read + made,
            "prompt_tokens_details": {"cached_tokens": self._statistics.reused_tokens},
            "completion_tokens_details": {
                "audio_tokens": self._statistics.speech_tokens,
                "reasoning_tokens": self._thought_ids,
            },
        }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": call.id, "type": "function", "function": function}
