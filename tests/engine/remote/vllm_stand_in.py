"""Answers as vLLM-Omni 0.30 does, in the order and form of its chat_completion_stream_generator. Its words are given.

It renders prompts by the chat template that Earshot ships, as transformers does, and reads them as one text.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.language import Vocabulary
from engine.resources import resource
from engine.samples import wav_bytes

CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG "
CHUNK = 25  # speech tokens of a piece of sound
QWEN = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


def rendered(request: dict[str, Any], template: str | None = None) -> str:
    """The prompt of a request, as `transformers` renders it: to go on with a message, it is cut where that ends."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    source = template or resource("chat_templates", "step_audio_2.jinja").read_text()
    messages = [{**each, "content": _parts(each["content"])} for each in request["messages"]]
    if request.get("continue_final_message"):
        messages[-1]["content"] += CONTINUED
    text = environment.from_string(source).render(
        messages=messages,
        add_generation_prompt=request.get("add_generation_prompt", True),
        **request.get("chat_template_kwargs", {}),
    )
    return text.partition(CONTINUED.strip())[0] if request.get("continue_final_message") else text


def _parts(content: Any) -> Any:
    """vLLM leaves of a sound only that there is one."""
    if isinstance(content, str):
        return content
    return [part if part["type"] == "text" else {"type": "audio"} for part in content]


@dataclass
class VllmStandIn:
    """What the server is like. `traps` are the known faults of the real one.

    "stuck": a two-stage server never ends an answer without speech; "mute": nor sends the sound of one with it;
    "headers": each piece of sound is a whole WAV file; "late": sound comes once all is written;
    "silent": ids are not told; "qwen": it was started without a chat template; "broken": it ends in mid-answer.
    """

    folder: Path
    two_stages: bool = False
    traps: frozenset[str] = frozenset()
    token: str = ""
    name: str = "Step-Audio-2-mini"
    scripts: list[list[int]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[list[int]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def __post_init__(self) -> None:
        self.vocabulary = Vocabulary.load(self.folder)
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    def says(self, *texts: str) -> None:
        """Its next answers."""
        self.scripts[:] = [[*self.vocabulary.encode(text), self.vocabulary.eot] for text in texts]

    def speaks(self, text: str, tokens: int) -> None:
        """Its next answer, with speech."""
        speech = [self.vocabulary.speech[(41 * n) % 6561] for n in range(tokens)]
        self.scripts[:] = [[*self.vocabulary.encode(text), *speech, self.vocabulary.eot]]

    @property
    def modalities(self) -> tuple[str, ...]:
        return ("audio", "text") if self.two_stages else ("text",)

    def refusal(self, request: dict[str, Any]) -> str:
        unsupported = set(request["modalities"]) - set(self.modalities)
        if unsupported:
            return (
                f"Unsupported output modalities {', '.join(sorted(unsupported))} for this model. "
                f"Supported modalities: {', '.join(self.modalities)}"
            )
        return ""

    def lines(self, request: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
        """The chunks of an answer; None where nothing comes any more."""
        prompt = self.tokenizer.encode(
            rendered(request, QWEN if "qwen" in self.traps else None), add_special_tokens=False
        ).ids
        self.prompts.append(prompt)
        stage = request["sampling_params_list"][0]
        allowed = stage.get("allowed_token_ids")
        ids = [allowed[0]] if allowed else self.scripts.pop(0)
        ids = ids[: stage["max_tokens"]]
        tells = request.get("return_token_ids") and "silent" not in self.traps
        first = _text_chunk("", role="assistant")
        yield {**first, **({"prompt_token_ids": prompt} if tells else {})}
        sounding = 0
        for place, id in enumerate(ids):
            yield _text_chunk(self.text(id, stage), token_ids=[id] if tells else None)
            spoken = sum(each in self.vocabulary.speech for each in ids[: place + 1])
            sounds = "audio" in request["modalities"] and not self.traps & {"late", "mute"}
            if sounds and spoken - sounding >= CHUNK:
                yield self.sound_chunk(request, sounding, spoken)
                sounding = spoken
            if "broken" in self.traps and place == len(ids) // 2:
                return
        spoken = sum(each in self.vocabulary.speech for each in ids)
        if "mute" in self.traps:
            yield None
            return
        for first in range(sounding, spoken if "audio" in request["modalities"] else 0, CHUNK):
            yield self.sound_chunk(request, first, min(first + CHUNK, spoken))
        if self.two_stages and not spoken and "stuck" in self.traps:
            yield None

    def text(self, id: int, stage: dict[str, Any]) -> str:
        """Marks are left out unless they are asked for, the one that ended the text as well."""
        hidden = self.vocabulary.is_special(id) and stage.get("skip_special_tokens", True)
        ends = id in stage.get("stop_token_ids", ()) and not stage.get("include_stop_str_in_output")
        return "" if hidden or ends else self.vocabulary.decode([id])

    def sound_chunk(self, request: dict[str, Any], first: int, end: int) -> dict[str, Any]:
        samples = sound_of_tokens(first, end)
        data = (samples * 32768).astype("<i2").tobytes()
        if request["audio"]["format"] != "pcm16" or "headers" in self.traps:
            data = wav_bytes(samples * 32768 / 32767, 24_000)
        metadata = {"format": "pcm16", "sample_rate_hz": 24_000, "frame_count": len(samples), "channels": 1}
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": base64.b64encode(data).decode()},
            "logprobs": None,
            "finish_reason": None,
            "audio_metadata": metadata,
        }
        return {"object": "chat.completion.chunk", "choices": [choice], "modality": "audio"}


def sound_of_tokens(first: int, end: int) -> np.ndarray:
    """Each speech token has a level of its own."""
    return np.repeat(np.arange(first, end, dtype=np.float32) + 1, 960) / 1024


def called(vocabulary: Vocabulary, call: str) -> tuple[int, ...]:
    """The ids with which the model calls a tool."""
    return (vocabulary.special("<tool_call>"), *vocabulary.encode(call), vocabulary.special("</tool_call>"))


def _text_chunk(text: str, role: str | None = None, token_ids: list[int] | None = None) -> dict[str, Any]:
    delta = {"content": text} | ({"role": role} if role else {})
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, "token_ids": token_ids}
    return {"object": "chat.completion.chunk", "choices": [choice], "modality": "text"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        stand_in = self.server.stand_in
        if self.path != "/v1/models":
            return self.tell(404, {"detail": "Not Found"})
        if stand_in.token and self.headers.get("Authorization") != f"Bearer {stand_in.token}":
            return self.tell(401, {"error": "Unauthorized"})
        model = {"id": stand_in.name, "object": "model", "owned_by": "vllm", "root": stand_in.name}
        return self.tell(200, {"object": "list", "data": [{**model, "max_model_len": 4096}]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stand_in = self.server.stand_in
        if refusal := stand_in.refusal(request):
            return self.tell(400, {"error": {"message": refusal, "type": "BadRequestError", "code": 400}})
        stand_in.requests.append(request)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for chunk in stand_in.lines(request):
            if chunk is None:
                self.wait_until_gone()
                return None
            try:
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            except OSError:
                stand_in.gone.set()
                return None
        if "broken" not in stand_in.traps:
            with suppress(OSError):
                self.wfile.write(b"data: [DONE]\n\n")
        return None

    def wait_until_gone(self) -> None:
        with suppress(OSError):
            self.connection.recv(1)
        self.server.stand_in.gone.set()

    def tell(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: VllmStandIn


@contextmanager
def serving(stand_in: VllmStandIn) -> Iterator[VllmStandIn]:
    """The stand-in on loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.stand_in = stand_in
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
