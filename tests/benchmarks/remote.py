"""First sound of a model on another machine beside the same model here: server and client on loopback, in turns.

    python -m tests.benchmarks.remote [--model DIR] [--rounds 9] [--json FILE]

Three ways take turns: the model here, the model in a server process with the voice made here, and with the voice made
there. Each answers the same spoken question in a new conversation, greedily, so that all write the same. Without
--model the bundled starter is used.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.engine import AnyModel, Engine
from engine.events import ReplyEnded, Samples, Speech, Turn
from engine.language import Sampling
from engine.resources import resource
from engine.samples import resample
from engine.session import SessionSettings
from tests.benchmarks.measuring import HEADING, Figure, write_json
from tests.served_process import TOKEN, ServedProcess

_QUESTION = "What is the capital of France?"
_WAYS = ("here", "there, voice made here", "there, voice made there")


def spoken_question(engine: Engine) -> Samples:
    """The question in the model's own voice, at 16 kHz."""
    from engine.conversation.replying.single_tasks import read_aloud

    tokens = list(read_aloud(engine, _QUESTION, None, lambda: False))
    speech = engine.speaking.synthesizer(engine.speaking.default_voice())(tokens)
    return resample(speech, 24_000, 16_000)


def first_sound_s(model: AnyModel, settings: SessionSettings, question: Samples) -> tuple[float, int]:
    """Seconds until the first sound of an answer, and the speech tokens of the whole."""
    session, first, began = model.session(settings=settings), 0.0, time.perf_counter()
    with closing(session.ask(Turn(question.copy()))) as events:
        for event in events:
            if isinstance(event, Speech) and not first:
                first = time.perf_counter() - began
            if isinstance(event, ReplyEnded):
                return first, event.statistics.speech_tokens
    raise AssertionError("a reply ends")


@contextmanager
def ways(folder: Path) -> Iterator[dict[str, AnyModel]]:
    """The three ways to the same model."""
    with tempfile.TemporaryDirectory() as kept:
        server = ServedProcess(folder, Path(kept))
        try:
            server.start()
            speech = [folder / "token2wav"]
            models: list[AnyModel] = [
                Engine.load(folder),
                Engine.connect(server.address, TOKEN, speech),
                Engine.connect(server.address, TOKEN, []),
            ]
            yield dict(zip(_WAYS, models, strict=True))
        finally:
            server.kill()


def measure(folder: Path, rounds: int) -> list[Figure]:
    """First sounds of all ways, one after the other in every round."""
    with ways(folder) as models:
        local = models[_WAYS[0]]
        assert isinstance(local, Engine)
        question = spoken_question(local)
        seconds: dict[str, list[float]] = {way: [] for way in models}
        lengths: dict[str, set[int]] = {way: set() for way in models}
        settings = {
            way: SessionSettings(voice=model.speaking.default_voice(), sampling=Sampling(temperature=0.0))
            for way, model in models.items()
        }
        for way, model in models.items():
            for _ in model.warming_up(settings[way]):
                pass
            first_sound_s(model, settings[way], question)
        for number in range(rounds):
            first_way = number % len(_WAYS)  # each goes first as often as the others
            for way in _WAYS[first_way:] + _WAYS[:first_way]:
                first, tokens = first_sound_s(models[way], settings[way], question)
                seconds[way].append(first)
                lengths[way].add(tokens)
        assert len(set().union(*lengths.values())) == 1, f"not all wrote the same: {lengths}"
        return [Figure(f"first sound, {way}", "s", tuple(values)) for way, values in seconds.items()]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=resource("starter"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures = measure(args.model, args.rounds)
    print(HEADING)
    for figure in figures:
        print(figure.row())
    here, *elsewhere = (statistics.median(figure.values) for figure in figures)
    for way, there in zip(_WAYS[1:], elsewhere, strict=True):
        print(f"{way}: {1000 * (there - here):+.0f} ms against the model here")
    if args.json:
        write_json(args.json, figures, model=args.model.name, rounds=args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
