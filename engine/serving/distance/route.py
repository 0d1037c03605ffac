"""The WebSocket at /earshot/v1: messages in, jobs for the engine's thread, answers out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.errors import EngineError, RequestError
from engine.remote.earshot.wire import (
    VERSION,
    Message,
    WireError,
    error_value,
    misunderstood,
    samples_from,
)
from engine.serving.distance.asked import AskedPiece, AskedPrompt, AskedWriting, name_of, window_of, windows_of
from engine.serving.distance.visit import Answer, Readers, Visit
from engine.serving.jobs import Host, HostEndedError, Priority, Steps, events
from engine.serving.scribe import Scribe
from engine.serving.threads import from_thread
from engine.speaking import SAMPLE_RATE_HZ
from engine.transcription.languages import language_code
from engine.transcription.results import Options

log = logging.getLogger(__name__)

_MOST_CALLS = 64  # of one visitor at the same time
_LONGEST_VOICE_S = 30  # of a recording that is made into a voice
_FILE_PIECE = 1 << 20
_DATA_WRONG, _RESTARTING, _TRY_LATER = 1007, 1012, 1013  # close codes of a WebSocket


class EarshotRoute:
    """Lets other Earshots use the engine of `host`. Windows of all recordings are decoded together by `scribe`."""

    def __init__(self, host: Host, scribe: Scribe) -> None:
        self._host, self._scribe = host, scribe
        self._readers = Readers()

    async def serve(self, socket: WebSocket) -> None:
        """One visit, until the other one hangs up."""
        await socket.accept()
        visit = _Visiting(socket, Visit(self._readers), self._host, self._scribe)
        try:
            if await visit.greet():
                await visit.listen()
        finally:
            await visit.leave()


class _Visiting:
    """A visit on the event loop."""

    def __init__(self, socket: WebSocket, visit: Visit, host: Host, scribe: Scribe) -> None:
        self._socket, self._visit, self._host, self._scribe = socket, visit, host, scribe
        self._sending = asyncio.Lock()
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._unread = asyncio.Event()  # the other one does not read what is answered

    async def greet(self) -> bool:
        """Say what model there is; whether there is one."""
        try:
            async for value, _ in self._job("greet another Earshot", self._visit.greet(), Priority.AT_ONCE):
                digest = await asyncio.to_thread(lambda: hashlib.sha256(self._vocabulary()).hexdigest())
                await self._send({"call": 0, "earshot": VERSION, "tokenizer": digest, **value})
            return True
        except EngineError as error:
            await self._send({"call": 0, "error": error_value(error)})
            await self._socket.close(_TRY_LATER)
            return False

    async def listen(self) -> None:
        """Take messages until there are no more, or the other one does not read the answers."""
        reading, waiting = asyncio.ensure_future(self._read()), asyncio.ensure_future(self._unread.wait())
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            for task in (reading, waiting):
                task.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)

    async def _read(self) -> None:
        while (received := await self._socket.receive())["type"] == "websocket.receive":
            try:
                self._take(Message.unpack(received.get("bytes") or received.get("text") or b""))
            except WireError as error:
                await self._send({"call": 0, "error": error_value(error)})
                await self._socket.close(_DATA_WRONG)
                return

    async def leave(self) -> None:
        """End what was asked for."""
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._visit.leave()

    def _take(self, message: Message) -> None:
        number, do = message.get("call", int), message.get("do", str)
        if do == "drop":
            self._visit.drop_reader(name_of(message, "reader"))
        elif do == "cancel":
            if number in self._calls:
                self._calls[number].cancel()
        elif number in self._calls or len(self._calls) >= _MOST_CALLS:
            raise misunderstood("too many calls at the same time, or one twice")
        else:
            call = self._calls[number] = asyncio.create_task(self._answer(number, do, message))
            call.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _answer(self, number: int, do: str, message: Message) -> None:
        try:
            if do not in _ACTIONS:
                raise misunderstood(f"{do!r} is nothing that can be done")
            answers = _ACTIONS[do](self, message)
            async with contextlib.aclosing(answers):
                async for value, data in answers:
                    await self._send({"call": number, **value}, data)
            last: dict[str, Any] = {"end": True}
        except HostEndedError:  # the other one connects again, and sees what model there is then
            with contextlib.suppress(WebSocketDisconnect, OSError):
                await self._socket.close(_RESTARTING)
            return
        except EngineError as error:
            last = {"error": error_value(error)}
        except WebSocketDisconnect:
            return
        except Exception:
            log.exception("a call of another Earshot failed")
            last = {
                "error": error_value(
                    RequestError("Something unexpected went wrong on the other machine. Its log says more.")
                )
            }
        with contextlib.suppress(WebSocketDisconnect):
            await self._send({"call": number, **last})

    async def _send(self, value: dict[str, Any], data: bytes = b"") -> None:
        """Raises WebSocketDisconnect when nobody reads it."""
        async with self._sending:
            if WebSocketState.DISCONNECTED in (self._socket.client_state, self._socket.application_state):
                raise WebSocketDisconnect
            try:
                await self._socket.send_bytes(Message(value, data).pack())
            except WebSocketDisconnect:
                self._unread.set()
                raise

    def _vocabulary(self) -> bytes:
        return (self._host.about.folder / "tokenizer.json").read_bytes()

    def _job(self, name: str, steps: Steps, priority: Priority = Priority.SPEAKER) -> AsyncGenerator[Answer]:
        return events(self._host, name, steps, priority)

    # What can be done.

    def _hear(self, message: Message) -> AsyncGenerator[Answer]:
        return self._job("hear for others", self._visit.hear(name_of(message, "digest"), window_of(message)))

    def _write(self, message: Message) -> AsyncGenerator[Answer]:
        steps = self._visit.write(AskedPrompt.of(message), AskedWriting.of(message))
        return self._job("write for others", steps)

    def _prefer(self, message: Message) -> AsyncGenerator[Answer]:
        other = message.get("other", int)
        steps = self._visit.prefer(AskedPrompt.of(message), message.get("id", int), None if other < 0 else other)
        return self._job("choose for others", steps)

    def _warm(self, message: Message) -> AsyncGenerator[Answer]:
        return self._job("warm up for others", self._visit.warm(message.get("synthesizer", int)), Priority.FILES)

    def _voice(self, message: Message) -> AsyncGenerator[Answer]:
        return self._job("send a voice", self._visit.send_voice(name_of(message, "name")))

    def _analyse(self, message: Message) -> AsyncGenerator[Answer]:
        samples = samples_from(message.data)
        if len(samples) > _LONGEST_VOICE_S * SAMPLE_RATE_HZ:
            raise misunderstood(f"a voice is made of {_LONGEST_VOICE_S} seconds at most")
        return self._job("analyse a voice for others", self._visit.analyse(samples, name_of(message, "name")))

    def _synthesizer(self, message: Message) -> AsyncGenerator[Answer]:
        steps, seed = message.get("steps", int), message.get("seed", int)
        if not 0 <= steps <= 100:
            raise misunderstood("there are up to 100 steps")
        return self._job("prepare a voice for others", self._visit.make_synthesizer(message.data, steps or None, seed))

    async def _piece(self, message: Message) -> AsyncGenerator[Answer]:
        """A piece is waited for while the writing goes on, so it is made at once, or on the speech's own thread."""
        piece = AskedPiece.of(message)
        thread = self._visit.synthesizer(piece.synthesizer).thread
        if thread is not None:
            yield await asyncio.wrap_future(thread.submit(lambda: self._visit.made(piece)))
            return
        async for answer in self._job("speak on for others", self._visit.speak_piece(piece), Priority.AT_ONCE):
            yield answer

    async def _recognise(self, message: Message) -> AsyncGenerator[Answer]:
        language, target = message.get("language", str, ""), message.get("translate_to", str, "")
        options = Options(language and language_code(language), target and language_code(target))
        windows = windows_of(message)
        texts = from_thread(lambda: self._scribe.recognise(options, windows), "transcribing")
        async with contextlib.aclosing(texts):
            async for row, text in texts:
                yield {"row": row, "text": str(text)}, b""

    async def _tokenizer(self, message: Message) -> AsyncGenerator[Answer]:
        data = await asyncio.to_thread(self._vocabulary)
        for start in range(0, len(data), _FILE_PIECE):
            yield {}, data[start : start + _FILE_PIECE]


_ACTIONS: dict[str, Callable[[_Visiting, Message], AsyncGenerator[Answer]]] = {
    "hear": _Visiting._hear,
    "write": _Visiting._write,
    "prefer": _Visiting._prefer,
    "warm": _Visiting._warm,
    "voice": _Visiting._voice,
    "analyse": _Visiting._analyse,
    "synthesizer": _Visiting._synthesizer,
    "piece": _Visiting._piece,
    "recognise": _Visiting._recognise,
    "tokenizer": _Visiting._tokenizer,
}
