"""What every rank of the tests runs: `mlx.launch -n 2 … program.py FOLDER`. Rank 0 prints what it wrote, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import mlx.core as mx

from engine.checkpoints.load import loading_part
from engine.engine import Engine
from engine.language import LanguageModel, Sampling
from engine.language.generate import generate, generate_batch
from engine.ranks import follow, join
from engine.ranks.group import LOST, Ranks


def written(engine: Engine) -> dict[str, object]:
    """Ids of one conversation, of one forked from it, and of rows side by side that end one after the other."""
    llm, size = engine.llm, engine.vocabulary.size
    cache = llm.new_cache()
    prompt = llm.embed(mx.arange(40) % size)
    how = {"sampling": Sampling(temperature=0.0), "end_ids": (), "max_tokens": 6}
    first = list(generate(llm, cache, prompt, **how))
    forked = cache.fork()
    cache.trim(30)
    after = list(generate(llm, cache, llm.embed(mx.arange(5)), **how))
    beside = list(generate(llm, forked, llm.embed(mx.arange(7)), **how))
    rows = [llm.embed(mx.arange(start, start + length) % size) for start, length in ((0, 9), (50, 4), (90, 7))]
    ends = first[1:3]
    batch = list(generate_batch(llm, rows, sampling=Sampling(temperature=0.0), end_ids=ends, max_tokens=6))
    return {"first": first, "after": after, "beside": beside, "batch": batch}


def _lead(folder: Path, ranks: Ranks) -> None:
    engine = Engine.load(folder, ranks=ranks)
    print(json.dumps(written(engine)), flush=True)
    print("ready", flush=True)
    if "--wait" in sys.argv:
        ranks.when_lost = lambda lost: (print(lost, flush=True), ranks.leave(LOST))  # type: ignore[assignment]
        try:
            while True:
                written(engine)
        except RuntimeError as error:  # the sum noticed it first
            print(ranks.explained(error), flush=True)
            ranks.leave(LOST)
    engine.llm.end()  # type: ignore[attr-defined]


def _loaded(folder: Path, ranks: Ranks) -> LanguageModel:
    steps = loading_part(folder, ranks)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            llm: LanguageModel = end.value
            return llm


def main() -> None:
    """Lead or follow, as the launcher says."""
    folder, ranks = Path(sys.argv[1]), join()
    assert ranks is not None
    if ranks.rank == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher's, when another rank ended: noticed without it
        _lead(folder, ranks)
        ranks.leave(0)
    llm = _loaded(folder, ranks)
    print(json.dumps({"pid": os.getpid(), "bytes": mx.get_active_memory()}), flush=True)
    ranks.leave(0 if follow(llm, ranks) else 4)


if __name__ == "__main__":
    main()
