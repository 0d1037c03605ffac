"""ws /v1/realtime: one conversation a connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from starlette.websockets import WebSocket

from engine.conversation.replying.tools import Tool
from engine.events import Samples
from engine.serving.forms import MOST_SOUND_S
from engine.serving.jobs import Host
from engine.serving.problems import ProblemError, problem_of
from engine.serving.realtime.config import Config
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.ids import new_id
from engine.serving.realtime.input_buffer import MOST_S, InputBuffer, SpeechStarted, SpeechStopped
from engine.serving.realtime.input_transcripts import InputTranscripts
from engine.serving.realtime.items import Item, Items, Part, item_of
from engine.serving.realtime.outbox import Outbox
from engine.serving.realtime.socket import LONGEST_S, accept, converse, no_such_event
from engine.serving.realtime.sound_forms import HEARD_HZ, Incoming, bytes_of
from engine.serving.realtime.talking import Talking
from engine.serving.transcribing import Transcribing
from engine.serving.voices import Voices

_SHORTEST_S = 0.1  # of sound that can be committed

Handler = Callable[[Fields], Awaitable[None]]


class Conversations:
    """Talks with clients."""

    def __init__(self, host: Host, voices: Voices, transcribing: Transcribing, own_tools: Sequence[Tool] = ()) -> None:
        """`own_tools` are offered to the model besides those of the client, and are answered here."""
        self._host, self._voices, self._transcribing, self._own_tools = host, voices, transcribing, own_tools

    async def talk(self, websocket: WebSocket) -> None:
        """One conversation, from its beginning to its end."""
        await accept(websocket)
        outbox, items = Outbox(websocket), Items()
        talking = Talking(self._host, self._voices, self._own_tools, items, outbox)
        transcripts = InputTranscripts(self._transcribing, outbox)
        asked = websocket.query_params
        kind = "transcription" if asked.get("intent") == "transcription" else "realtime"
        config = Config(asked.get("model", "earshot")[:200], kind)
        conversation = _Conversation(config, items, outbox, talking, transcripts)
        conversation.open()
        try:
            await converse(websocket, outbox, conversation.take)
        finally:
            talking.close()
            transcripts.close()


class _Conversation:
    """Does what a client asks."""

    def __init__(
        self, config: Config, items: Items, outbox: Outbox, talking: Talking, transcripts: InputTranscripts
    ) -> None:
        self._config, self._items, self._outbox = config, items, outbox
        self._talking, self._transcripts = talking, transcripts
        self._id, self._ends_at = new_id("sess"), int(time.time() + LONGEST_S)
        self._buffer, self._incoming = InputBuffer(), Incoming(config.input_form)
        self._buffer.detect(config.detection)
        self._next_item = new_id("item")  # of what is in the buffer
        self._handlers: dict[str, Handler] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.retrieve": self._retrieve_item,
            "response.create": self._respond,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._clear_output,
        }

    def open(self) -> None:
        """Tell the client what it has."""
        self._outbox.put("session.created", {"session": self._config.described(self._id, self._ends_at)})
        conversation = {"id": self._talking.conversation_id, "object": "realtime.conversation"}
        self._outbox.put("conversation.created", {"conversation": conversation})

    async def take(self, kind: str, event: Fields) -> None:
        """An event of the client's. Raises ProblemError."""
        handler = self._handlers.get(kind)
        if handler is None:
            raise no_such_event()
        await handler(event)

    async def _update(self, event: Fields) -> None:
        event.require("session")
        self._set_up(self._config.updated(event.inside("session")))
        self._outbox.put("session.updated", {"session": self._config.described(self._id, self._ends_at)})

    def _set_up(self, config: Config) -> None:
        if config.input_form != self._config.input_form:
            self._incoming = Incoming(config.input_form)
        self._buffer.detect(config.detection)
        self._config = config

    # What is heard.

    async def _append(self, event: Fields) -> None:
        data = bytes_of(event.text("audio"), event.path("audio"))
        samples = self._incoming.push(data)
        if self._buffer.seconds + len(samples) / HEARD_HZ > MOST_S:
            self._buffer.clear()
            sentence = f"The buffer was full after {MOST_S // 60} minutes, and was cleared."
            raise ProblemError(400, sentence, code="input_audio_buffer_full")
        await self._hear(samples)

    async def _hear(self, samples: Samples) -> None:
        for each in await self._buffer.search(samples):
            if isinstance(each, SpeechStarted):
                await self._begin_speech(each)
            else:
                self._end_speech(each)

    async def _begin_speech(self, started: SpeechStarted) -> None:
        told = {"audio_start_ms": started.at_ms, "item_id": self._next_item}
        self._outbox.put("input_audio_buffer.speech_started", told)
        if self._config.detection is not None and self._config.detection.interrupt_response:
            await self._talking.cancel("turn_detected")

    def _end_speech(self, stopped: SpeechStopped) -> None:
        told = {"audio_end_ms": stopped.at_ms, "item_id": self._next_item}
        self._outbox.put("input_audio_buffer.speech_stopped", told)
        try:
            self._take_in(stopped.samples_16k)
            detection = self._config.detection
            if detection is not None and detection.create_response and self._config.kind == "realtime":
                self._talking.begin(self._config, Fields({}))
        except Exception as error:
            self._outbox.put_error(problem_of(error))

    async def _commit(self, event: Fields) -> None:
        await self._hear(self._incoming.finish())
        if self._buffer.seconds < _SHORTEST_S:
            code = "input_audio_buffer_commit_empty"
            raise ProblemError(400, "The buffer holds less than 100 ms of sound: append more.", code=code)
        self._take_in(self._buffer.take())

    def _take_in(self, samples: Samples) -> None:
        """The sound becomes an item."""
        self._refuse_too_much(len(samples) / HEARD_HZ)
        item = Item(self._next_item, "message", "user", [Part("input_audio", samples_16k=samples)])
        self._next_item = new_id("item")
        told = {"previous_item_id": self._items.last_id, "item_id": item.id}
        self._items.add(item)
        self._outbox.put("input_audio_buffer.committed", told)
        self._show_new(item)

    def _show_new(self, item: Item) -> None:
        shown = {"previous_item_id": self._items.before(item), "item": item.described()}
        self._outbox.put("conversation.item.added", shown)
        self._outbox.put("conversation.item.done", shown)
        if self._config.transcribed is not None:
            self._transcripts.begin(item, self._config.transcribed)

    def _refuse_too_much(self, seconds: float) -> None:
        if self._items.sound_s + seconds > MOST_SOUND_S:
            raise ProblemError(400, "A conversation holds one hour of sound: delete items.", code="too_much_sound")

    async def _clear(self, event: Fields) -> None:
        self._incoming.finish()
        self._buffer.clear()
        self._outbox.put("input_audio_buffer.cleared", {})

    # The conversation.

    async def _create_item(self, event: Fields) -> None:
        event.require("item")
        item = await asyncio.to_thread(item_of, event.inside("item"), self._config.input_form)
        if item.kind == "function_call_output" and not self._items.calls(item.call_id):
            raise ProblemError(400, "No function was called by that id.", param="item.call_id", code="invalid_value")
        self._refuse_too_much(item.sound_s)
        self._items.add(item, event.id("previous_item_id", "") or None)
        self._show_new(item)

    async def _truncate_item(self, event: Fields) -> None:
        item = self._items.find(event.id("item_id"), "truncate")
        index = round(event.number("content_index", 0, 0, 1000))
        event.require("audio_end_ms")
        end_ms = round(event.number("audio_end_ms", 0, 0, 1e9))
        await self._talking.truncate(item, end_ms)
        told = {"item_id": item.id, "content_index": index, "audio_end_ms": end_ms}
        self._outbox.put("conversation.item.truncated", told)

    async def _delete_item(self, event: Fields) -> None:
        id = event.id("item_id")
        self._items.remove(id)
        self._outbox.put("conversation.item.deleted", {"item_id": id})

    async def _retrieve_item(self, event: Fields) -> None:
        item = self._items.find(event.id("item_id"), "retrieve")
        shown = await asyncio.to_thread(item.described, with_sound=True)
        self._outbox.put("conversation.item.retrieved", {"item": shown})

    # Answers.

    async def _respond(self, event: Fields) -> None:
        if self._config.kind == "transcription":
            raise ProblemError(400, "A transcription session gives no responses.", code="invalid_request")
        self._refuse_too_much(0)
        self._talking.begin(self._config, event.inside("response"))

    async def _cancel(self, event: Fields) -> None:
        active = self._talking.active
        wanted = event.id("response_id", "")
        if active is None or wanted not in ("", active.id):
            raise ProblemError(400, "There is no such response to cancel.", code="response_cancel_not_active")
        await self._talking.cancel("client_cancelled")

    async def _clear_output(self, event: Fields) -> None:
        code = "invalid_value"
        raise ProblemError(400, "Only WebRTC has an output buffer: send conversation.item.truncate.", code=code)
