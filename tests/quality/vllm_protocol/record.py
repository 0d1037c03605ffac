"""Leads conversations with the stand-in for vLLM-Omni and writes down what was asked and answered."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.conversation.prompting.chat_template import SPOKEN, THINKING, Message, build
from engine.conversation.prompting.reading import Readable
from engine.events import Turn
from engine.language import Sampling
from engine.remote.address import Address
from engine.remote.vllm import model as served
from engine.remote.vllm.model import VllmModel
from engine.remote.vllm.server import VllmServer
from engine.resources import resource
from engine.transcription import Options
from tests.checkpoints import tiny_checkpoint
from tests.engine.remote.vllm_stand_in import VllmStandIn, serving
from tests.sounds import babble


@dataclass
class Recorded(VllmStandIn):
    """Keeps the chunks of its answers."""

    chunks: list[dict[str, Any]] = field(default_factory=list)

    def lines(self, request: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
        """See `VllmStandIn.lines`."""
        for chunk in super().lines(request):
            self.chunks += [] if chunk is None else [chunk]
            yield chunk


@contextmanager
def connected(*, two_stages: bool) -> Iterator[tuple[Recorded, VllmModel]]:
    """A stand-in and the model that it serves."""
    with serving(Recorded(tiny_checkpoint(), two_stages)) as stand_in:
        server = VllmServer(Address.of(stand_in.address))
        model = VllmModel(server, (server.models() or [{}])[0], [])
        try:
            yield stand_in, model  # type: ignore[misc]
        finally:
            model.close()


def converse(stand_in: Recorded, model: VllmModel) -> None:
    """Every kind of request: spoken and written, with a sound, a memory, a transcription and a choice to think."""
    session = model.session()
    if stand_in.two_stages:
        stand_in.speaks("Good morning.", 40)
        list(session.ask(Turn(samples_16k=babble(1.0))))
    stand_in.says("Four.", "how are you")
    list(session.ask(Turn(text="Two and two?", spoken_answer=False)))
    list(model.recogniser(Options(translate_to="de"))([babble(1.0)]))
    vocabulary = model.vocabulary
    thinking = Readable.alone(build(vocabulary, [Message("human", "Why?")], THINKING))
    stand_in.says("So.")
    list(model.new_reader().write(thinking, sampling=_sampling(), end_ids=vocabulary.end_ids, max_tokens=5))
    plain = Readable.alone(build(vocabulary, [Message("human", "Why?")], SPOKEN))
    model.new_reader().prefers(plain.up_to(len(plain) - 1), 17, 4)


def _sampling() -> Sampling:
    return Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.05, seed=1)


def main(target: Path) -> int:
    """Write what was said into `target`."""
    served.folder_of = lambda *_: tiny_checkpoint()  # type: ignore[assignment]
    requests: list[dict[str, Any]] = []
    chunks: list[dict[str, Any]] = []
    for two_stages in (False, True):
        with connected(two_stages=two_stages) as (stand_in, model):
            converse(stand_in, model)
            requests += stand_in.requests
            chunks += stand_in.chunks
    template = resource("chat_templates", "step_audio_2.jinja").read_text()
    tokenizer = str((tiny_checkpoint() / "tokenizer.json").resolve())
    said = {"requests": requests, "chunks": chunks, "template": template}
    target.write_text(json.dumps(said | {"tokenizer": tokenizer}))
    print(f"{len(requests)} requests and {len(chunks)} chunks")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
