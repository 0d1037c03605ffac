"""An answer as the client is told of it, event by event. Source: OpenAI's API reference, "Realtime", server events."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from engine.conversation.remembering.records import SpokenPiece
from engine.events import AnswerText, EndReason, ReplyEnded, ReplyStatistics, Samples, SessionEvent, Speech, ToolCall
from engine.serving.problems import ProblemError, error_value
from engine.serving.realtime.config import Config
from engine.serving.realtime.ids import new_id
from engine.serving.realtime.items import Item, Items, Part
from engine.serving.realtime.sound_forms import SPOKEN_HZ, Outgoing, bytes_per_s, described
from engine.serving.stretch import TimeStretch

Emit = Callable[[str, dict[str, Any]], None]
_DELTA_S = 0.2  # of sound in one event


class Response:
    """Collects an answer and tells of it.

    Its items go into `items`, behind the one called `after`, or nowhere for an answer beside the conversation.
    """

    def __init__(
        self,
        emit: Emit,
        config: Config,
        conversation_id: str | None,
        items: Items | None,
        after: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> None:
        self.id = new_id("resp")
        self.output: list[Item] = []
        self._emit, self._config, self._items = emit, config, items
        self._conversation_id, self._after, self._metadata = conversation_id, after, metadata
        self._spoken = config.modality == "audio"
        self._message: _Message | None = None
        self._statistics = ReplyStatistics()
        self._reason = EndReason.COMPLETE
        self._status = "in_progress"
        self._details: dict[str, Any] | None = None

    def begin(self) -> None:
        """Tell that it began."""
        self._emit("response.created", {"response": self._described()})

    def add(self, event: SessionEvent, turn_id: str) -> None:
        """Take in an event of the engine's, which answers in a turn."""
        match event:
            case AnswerText(text=text) if self._message or text.strip():
                self._opened(turn_id).add_text(event)
            case Speech() if self._spoken:
                self._opened(turn_id).add_speech(event)
            case ToolCall() if event.name in {tool.name for tool in self._config.tools}:
                self._close_message("completed")
                self._call(event, turn_id)
            case ReplyEnded(reason=reason, statistics=statistics):
                self._reason, self._statistics = reason, statistics

    def complete(self) -> None:
        """It came to its end."""
        if self._reason is EndReason.LENGTH:
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}, "incomplete")
        else:
            self._end("completed", None, "completed")

    def cancel(self, reason: str) -> None:
        """It was broken off: "turn_detected" or "client_cancelled". What could not have been heard was not said."""
        if self._message is not None:
            self._message.keep_what_could_be_heard()
        self._end("cancelled", {"type": "cancelled", "reason": reason}, "incomplete")

    def fail(self, problem: ProblemError) -> None:
        """Something went wrong."""
        value = error_value(problem.status_code, problem.detail, problem.param, problem.code)
        error = {"type": value["type"], "code": value["code"], "message": value["message"]}
        self._end("failed", {"type": "failed", "error": error}, "incomplete")

    def _end(self, status: str, details: dict[str, Any] | None, status_of_message: str) -> None:
        self._close_message(status_of_message)
        self._status, self._details = status, details
        self._emit("response.done", {"response": self._described()})

    def _opened(self, turn_id: str) -> _Message:
        if self._message is None:
            part = Part("output_audio" if self._spoken else "output_text")
            item = Item(new_id("item"), "message", "assistant", [part], status="in_progress", turn=turn_id)
            part.speed = self._config.speed
            earlier = [each for each in self._items or self.output if each.turn == turn_id]
            item.before = sum(part.spoken_samples for each in earlier for part in each.parts)
            self._begin_item(item)
            self._message = _Message(self._named, item, len(self.output) - 1, self._config)
            self._message.begin()
        return self._message

    def _close_message(self, status: str) -> None:
        if self._message is not None:
            message, self._message = self._message, None
            message.end()
            self._end_item(message.item, status)

    def _call(self, call: ToolCall, turn_id: str) -> None:
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        item = Item(new_id("item"), "function_call", call_id=call.id, name=call.name, status="in_progress")
        item.turn = turn_id
        self._begin_item(item)
        place = {"item_id": item.id, "output_index": len(self.output) - 1, "call_id": call.id}
        self._named("response.function_call_arguments.delta", place | {"delta": arguments})
        self._named("response.function_call_arguments.done", place | {"name": call.name, "arguments": arguments})
        item.arguments = arguments
        self._end_item(item, "completed")

    def _begin_item(self, item: Item) -> None:
        self.output.append(item)
        shown = item.described() | ({"content": []} if item.kind == "message" else {})
        self._named("response.output_item.added", {"output_index": len(self.output) - 1, "item": shown})
        if self._items is not None:
            self._items.add(item, self._after if self._after in self._items else None)
            self._after = item.id
            self._emit("conversation.item.added", {"previous_item_id": self._items.before(item), "item": shown})

    def _end_item(self, item: Item, status: str) -> None:
        item.status = status
        shown = item.described()
        if self._items is not None and item in self._items:  # unless the client has deleted it
            self._emit("conversation.item.done", {"previous_item_id": self._items.before(item), "item": shown})
        self._named("response.output_item.done", {"output_index": self.output.index(item), "item": shown})

    def _named(self, kind: str, fields: dict[str, Any]) -> None:
        self._emit(kind, {"response_id": self.id} | fields)

    def _described(self) -> dict[str, Any]:
        config, over = self._config, self._status != "in_progress"
        said = {"format": described(config.output_form), "voice": config.voice}
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": self._status,
            "status_details": self._details,
            "output": [item.described() for item in self.output] if over else [],
            "conversation_id": self._conversation_id,
            "output_modalities": [config.modality],
            "max_output_tokens": config.most_tokens or "inf",
            "audio": {"output": said},
            "usage": self._usage() if over else None,
            "metadata": self._metadata,
        }

    def _usage(self) -> dict[str, Any]:
        known = self._statistics
        read, made, spoken = known.prompt_tokens, known.generated_tokens, known.speech_tokens
        return {
            "total_tokens": read + made,
            "input_tokens": read,
            "output_tokens": made,
            "input_token_details": {"cached_tokens": known.reused_tokens, "text_tokens": read, "audio_tokens": 0},
            "output_token_details": {"text_tokens": made - spoken, "audio_tokens": spoken},
        }


class _Message:
    """One message of an answer, with its one part."""

    def __init__(self, emit: Emit, item: Item, place: int, config: Config) -> None:
        self.item, self.part = item, item.parts[0]
        self._emit, self._place, self._config = emit, place, config
        self._spoken = self.part.kind == "output_audio"
        self._sound = Outgoing(config.output_form)
        self._stretch = None if config.speed == 1.0 else TimeStretch(config.speed, SPOKEN_HZ)
        self._start: int | None = None  # where the part's text begins in the whole answer
        self._first_sound_at: float | None = None

    def begin(self) -> None:
        """Tell of the part."""
        shown = {"type": "audio", "transcript": ""} if self._spoken else {"type": "text", "text": ""}
        self._tell("response.content_part.added", {"part": shown})

    def add_text(self, event: AnswerText) -> None:
        """More words."""
        if self._start is None:
            self._start = event.start
        self.part.text += event.text
        kind = "output_audio_transcript" if self._spoken else "output_text"
        self._tell(f"response.{kind}.delta", {"delta": event.text})

    def add_speech(self, event: Speech) -> None:
        """More sound."""
        samples = np.asarray(event.samples_24k, np.float32)
        if not len(samples):
            return
        self._first_sound_at = self._first_sound_at or time.monotonic()
        self.part.spoken.append(samples)
        character = max(event.text_end - (self._start or 0), 0)
        self.part.pieces.append(SpokenPiece(len(samples), 0, character))
        self._send(self._sound.push(self._stretch.push(samples) if self._stretch else samples))

    def keep_what_could_be_heard(self) -> None:
        """Sound that was sent just now cannot have been played."""
        if self._spoken and self._first_sound_at is not None:
            passed_s = (time.monotonic() - self._first_sound_at) * self._config.speed
            self.part.heard = min(round(passed_s * SPOKEN_HZ), self.part.spoken_samples)

    def end(self) -> None:
        """Tell that the part is whole."""
        if not self._spoken:
            self._tell("response.output_text.done", {"text": self.part.text})
            self._tell("response.content_part.done", {"part": {"type": "text", "text": self.part.text}})
            return
        if self.part.heard is None:
            self._send(self._sound.push(self._rest()) + self._sound.finish())
        self._tell("response.output_audio.done", {})
        self._tell("response.output_audio_transcript.done", {"transcript": self.part.said})
        self._tell("response.content_part.done", {"part": {"type": "audio", "transcript": self.part.said}})

    def _rest(self) -> Samples:
        return self._stretch.finish() if self._stretch else np.zeros(0, np.float32)

    def _send(self, data: bytes) -> None:
        for piece in _pieces(data, round(bytes_per_s(self._config.output_form) * _DELTA_S)):
            self._tell("response.output_audio.delta", {"delta": base64.b64encode(piece).decode()})

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        place = {"item_id": self.item.id, "output_index": self._place, "content_index": 0}
        self._emit(kind, place | fields)


def _pieces(data: bytes, most: int) -> Iterator[bytes]:
    for start in range(0, len(data), most):
        yield data[start : start + most]
