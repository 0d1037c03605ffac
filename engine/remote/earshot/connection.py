"""One WebSocket to another Earshot, with calls beside each other. For any thread."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from engine.errors import RemoteError
from engine.remote.address import Address
from engine.remote.earshot.wire import MOST_BYTES, PATH, Message, WireError, error_from, misunderstood

log = logging.getLogger(__name__)

OPENING_S = 10.0
_GREETING_S = 60.0  # it may have to finish a step of somebody else's
_PING_S = 5.0
_CLOSING_S = 1.0
_LOOKED_S = 0.02  # how often a waiting call looks whether it was cancelled


class LostConnectionError(RemoteError):
    """The connection ended before its answer did."""


class Connection:
    """Calls that run on another machine. `hello` is what it says of its model."""

    def __init__(self, socket: ClientConnection, place: str, hello: Message) -> None:
        self.hello, self._place, self._socket = hello, place, socket
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._open = True
        self.sounds: set[str] = set()  # digests of those that were heard there
        self._thread = threading.Thread(target=self._listen, name="another machine", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, address: Address, token: str) -> Connection | None:
        """None where no Earshot answers. Raises RemoteError when nobody answers, or does not let this one in."""
        with ExitStack() as opened:
            socket = _opened(address, token, opened)
            if socket is None:
                return None
            try:
                hello = Message.unpack(socket.recv(timeout=_GREETING_S))
            except (TimeoutError, WebSocketException, OSError) as error:
                raise RemoteError(
                    "{place} does not answer as an Earshot does: update both.", place=address.place
                ) from error
            if "error" in hello.value:
                reason = error_from(hello.value["error"]).sentence
                raise RemoteError("{place} refuses: {reason}", place=address.place, reason=reason)
            opened.pop_all()  # it stays open, until `close`
        return cls(socket, address.place, hello)

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._open

    def call(self, do: str, data: bytes = b"", **value: Any) -> Call:
        """Have something done there. Raises LostConnectionError."""
        number = next(self._numbers)
        call = Call(self, number)
        with self._lock:
            if not self._open:
                raise self.lost()
            self._calls[number] = call
        self.send(Message({"call": number, "do": do, **value}, data))
        return call

    def send(self, message: Message) -> None:
        """Raises LostConnectionError."""
        try:
            self._socket.send(message.pack())
        except (ConnectionClosed, OSError) as error:
            self._end()
            raise self.lost() from error

    def leave(self, number: int, *, over: bool) -> None:
        """Nobody waits for a call any more; one that is not over is cancelled."""
        with self._lock:
            self._calls.pop(number, None)
        if not over and self._open:
            with contextlib.suppress(LostConnectionError):
                self.send(Message({"call": number, "do": "cancel"}))

    def lost(self) -> LostConnectionError:
        """What is raised when it is over too soon."""
        return LostConnectionError("The connection to {place} was lost: try again.", place=self._place)

    def close(self) -> None:
        """Hang up."""
        self._end()
        with contextlib.suppress(OSError, WebSocketException):
            self._socket.close()

    def _listen(self) -> None:
        try:
            for raw in self._socket:
                message = Message.unpack(raw)
                with self._lock:
                    call = self._calls.get(message.get("call", int))
                if call is not None:
                    call.coming.put(message)
        except (WireError, WebSocketException, OSError) as error:
            log.warning("the connection to another Earshot ended: %s", type(error).__name__)
        self._end()

    def _end(self) -> None:
        with self._lock:
            self._open = False
            calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call.coming.put(None)


class Call:
    """Something that is done on the other machine."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection, self._number = connection, number
        self.coming: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def answers(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Message]:
        """What is answered, up to the end or until `cancelled`. Closing it cancels the call.

        Raises the EngineError that was sent, or LostConnectionError.
        """
        return (message for message in self.answers_and_waits(cancelled) if message is not None)

    def answers_and_waits(self, cancelled: Callable[[], bool] = lambda: False) -> Generator[Message | None]:
        """`answers`, and None while nothing comes."""
        over = False
        try:
            while not cancelled():
                try:
                    message = self.coming.get(timeout=_LOOKED_S)
                except queue.Empty:
                    yield None
                    continue
                over = message is None or bool(message.value.keys() & {"end", "error"})
                if message is None:
                    raise self._connection.lost()
                if "error" in message.value:
                    raise error_from(message.value["error"])
                if over:
                    return
                yield message
        finally:
            self._connection.leave(self._number, over=over)

    def answer(self) -> Message:
        """The only answer. Raises as `answers`."""
        found = list(self.answers())
        if len(found) != 1:
            raise misunderstood("one answer was expected")
        return found[0]

    def end(self) -> None:
        """Wait until it is done. Raises as `answers`."""
        for _ in self.answers():
            pass


def _opened(address: Address, token: str, opened: ExitStack) -> ClientConnection | None:
    try:
        socket = open_socket(
            address.websocket(PATH),
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            user_agent_header="Earshot",
            proxy=None,
            compression=None,
            open_timeout=OPENING_S,
            close_timeout=_CLOSING_S,
            ping_interval=_PING_S,
            ping_timeout=2 * _PING_S,
            max_size=MOST_BYTES,
            max_queue=None,
        )
        return opened.enter_context(socket)
    except InvalidStatus as refused:
        if refused.response.status_code != 404:
            _check_refusal(address, bytes(refused.response.body or b""))
        return None
    except TimeoutError as error:
        raise RemoteError("{place} does not answer: is it awake, and in this network?", place=address.place) from error
    except (WebSocketException, OSError, EOFError) as error:
        raise RemoteError(
            "Nothing answers at {address}: start `earshot serve` there, and check name and port.",
            address=address.http(""),
        ) from error


def _check_refusal(address: Address, body: bytes) -> None:
    """Raise RemoteError for an Earshot that refuses; another kind of server refuses in other words."""
    try:
        problem = json.loads(body)["error"]
        code, words = str(problem["code"]), str(problem["message"])
    except (ValueError, KeyError, TypeError):
        return
    if code == "unknown_route":  # an Earshot that has no models for others
        return
    if code == "invalid_api_key":
        raise RemoteError("{place} asks for its token: copy it there and enter it here.", place=address.place)
    if code == "unknown_host":
        raise RemoteError(
            "{place} does not know itself by that name: start `earshot serve --name {place}` there.",
            place=address.place,
        )
    raise RemoteError("{place} refuses: {reason}", place=address.place, reason=words)
