"""Requests to a vLLM-Omni server. For any thread."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx

from engine.errors import RemoteError
from engine.remote.address import Address
from engine.remote.vllm.answers import AnswerError, Piece, piece_of, refusal
from engine.remote.vllm.sound import ReceivedSound

log = logging.getLogger(__name__)

PATIENCE_S = 90.0  # without a sign of an answer, which may wait for those of others
_OPENING_S = 10.0
_LOOKED_S = 0.02  # how often a waiting answer looks whether it was cancelled
_NO_MODALITY = "earshot"
_DONE = "data: [DONE]"
_SUPPORTED = re.compile(r"Supported modalities:\s*([\w, ]+)")


class VllmServer:
    """A server at an address. Raises RemoteError."""

    def __init__(self, address: Address, token: str = "", patience_s: float = PATIENCE_S) -> None:
        self.place = address.place
        base = address.path if address.path.endswith("/v1") else f"{address.path}/v1"
        self._base = address.http(base)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(patience_s, connect=_OPENING_S)
        self._client = httpx.Client(timeout=timeout, headers=headers, trust_env=False)

    def models(self) -> list[dict[str, Any]] | None:
        """What it says of its models; None where no vLLM answers."""
        try:
            answer = self._client.get(f"{self._base}/models", timeout=_OPENING_S)
            found = answer.json()
        except (httpx.HTTPError, ValueError, RecursionError):
            return None
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise RemoteError("{place} asks for its token: copy it there and enter it here.", place=self.place)
        models = found.get("data") if isinstance(found, dict) else None
        if not isinstance(models, list) or not models or not all(isinstance(each, dict) for each in models):
            return None
        return models if models[0].get("owned_by") == "vllm" else None

    def modalities(self, model: str) -> frozenset[str]:
        """What its answers can be, "text" and "audio". It says so when it is asked for what it cannot know."""
        question = {"messages": [{"role": "user", "content": "?"}], "modalities": [_NO_MODALITY], "max_tokens": 1}
        try:
            answer = self._client.post(f"{self._base}/chat/completions", json={"model": model, **question})
            found = _SUPPORTED.search(json.dumps(answer.json()))
        except (httpx.HTTPError, ValueError) as error:
            raise lost(self.place) from error
        if found is None or answer.is_success:
            raise RemoteError(
                "{place} runs vLLM, but not vLLM-Omni: start it with --omni, as docs/cluster.md says.", place=self.place
            )
        return frozenset(name.strip() for name in found.group(1).split(","))

    def answer(self, request: dict[str, Any], sound: ReceivedSound | None = None) -> Answer:
        """Have something answered; it is received on a thread of its own, its sound into `sound`."""
        post = self._client.build_request("POST", f"{self._base}/chat/completions", json=request)
        return Answer(self._client, post, self.place, sound)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Answer:
    """An answer that is being received. `pieces` may be read by one thread; `close` may be called by any."""

    def __init__(self, client: httpx.Client, request: httpx.Request, place: str, sound: ReceivedSound | None) -> None:
        self._client, self._request, self._place, self._sound = client, request, place, sound
        self._coming: queue.SimpleQueue[Piece | RemoteError | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="answer of vLLM", daemon=True)
        self._thread.start()

    def pieces(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Piece | None]:
        """What comes but the sound, and None while nothing does. Raises RemoteError."""
        while not cancelled():
            try:
                piece = self._coming.get(timeout=_LOOKED_S)
            except queue.Empty:
                yield None
                continue
            if piece is None:
                return
            if isinstance(piece, RemoteError):
                raise piece
            yield piece

    def close(self) -> None:
        """Hang up; the server then leaves the rest of the answer."""
        self._closed.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        """Receive, and say how it ended."""
        problem = None
        try:
            self._receive()
        except RemoteError as error:
            problem = error
        except AnswerError as error:
            log.warning("vLLM's answer was not understood: %s", error)
            problem = RemoteError("{place} answers in another way than vLLM-Omni 0.30 does.", place=self._place)
        except httpx.ReadTimeout:
            problem = RemoteError(
                "{place} does not go on with its answer. A vLLM-Omni that also makes sound can get stuck over a "
                "request for text: start it anew, with step_audio_2_asr.yaml.",
                place=self._place,
            )
        except (httpx.HTTPError, OSError, RuntimeError):  # httpx raises RuntimeError once the client is closed
            problem = lost(self._place)
        if self._closed.is_set():
            problem = None
        self._coming.put(problem)
        if self._sound is not None:
            self._sound.end(problem)

    def _unwanted(self) -> bool:
        return self._closed.is_set() or (self._sound is not None and self._sound.unwanted())

    def _receive(self) -> None:
        with closing(self._client.send(self._request, stream=True)) as answer:
            self._socket = answer.extensions["network_stream"].get_extra_info("socket")
            if not answer.is_success:
                answer.read()
                raise self._refused(answer)
            for line in answer.iter_lines():
                if self._unwanted() or line.strip() == _DONE:
                    return
                if (piece := piece_of(line, self._place)) is None:
                    continue
                if piece.samples_24k is None:
                    self._coming.put(piece)
                elif self._sound is not None:
                    self._sound.add(piece.samples_24k)
        raise lost(self._place)

    def _refused(self, answer: httpx.Response) -> RemoteError:
        try:
            return refusal(answer.json(), self._place)
        except (ValueError, RecursionError):
            return refusal({"error": f"HTTP {answer.status_code}"}, self._place)


def lost(place: str) -> RemoteError:
    """What to raise when a connection is over too soon."""
    return RemoteError("The connection to {place} was lost: try again.", place=place)
