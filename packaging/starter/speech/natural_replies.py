"""Speaks what the language model learns to say in the voice that replies have, on a GPU, into shards to be labelled.

    python -m starter.speech.natural_replies FOLDER --weights kokoro.npz --voices FOLDER --vocab vocab.json

The texts are those of `natural_texts.reply_texts`, of a corpus of so many utterances. The shards are such as
`spoken_corpus.py` writes, and `label_speech.py` gives them their speech tokens. Ends when all is said, or when FOLDER
holds a file `enough`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.conversation.prompting.plain_english import written_out
from starter.speech.natural_lines import THREADS, Studio, add_arguments, symbols_of
from starter.speech.natural_speech import at_16k, batches
from starter.speech.natural_texts import Line, reply_texts
from starter.speech.natural_voices import REPLY_VOICE, plain
from starter.speech.spoken_corpus import (
    LONGEST_S,
    RATE_HZ,
    SEED,
    Utterance,
    save,
)

_PER_SHARD = 250
_QUIET = 300 / 32768
_LOUDEST = 0.95


def lines(texts: Sequence[str], studio: Studio) -> Iterator[list[Line]]:
    """The texts as lines, those of one number of symbols together."""
    found: dict[int, list[Line]] = defaultdict(list)
    for text in texts:
        symbols = symbols_of(written_out(text), studio.phonemes, studio.vocab)
        if symbols:
            found[len(symbols)].append(Line(text, plain(REPLY_VOICE), (0, *symbols, 0)))
    yield from found.values()


def said(texts: Sequence[str], studio: Studio, together: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The texts with samples at 16 kHz, so many texts sorted by length together."""
    for start in range(0, len(texts), together):
        for batch in batches(studio.net, studio.voices, list(lines(texts[start : start + together], studio))):
            parts = [torch.stack([getattr(one, name) for one in batch]) for name in ("prosody", "text", "style")]
            samples = at_16k(studio.net.samples(*parts), studio.filters).cpu().numpy()
            yield from zip([one.line.text for one in batch], samples, strict=True)


def cut(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples at 16 kHz with silence at the ends cut to 80 ms; nothing (0,) where nothing was said."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not np.isfinite(samples).all() or len(loud) < RATE_HZ // 100:
        return np.zeros(0, np.int16)
    margin = int(0.08 * RATE_HZ)
    kept = samples[max(0, loud[0] - margin) : loud[-1] + margin]
    return (kept * min(1.0, _LOUDEST / float(np.abs(kept).max())) * 32767.0).astype(np.int16)


def write(folder: Path, number: int, shard: Sequence[tuple[str, NDArray[np.float32]]]) -> float:
    """Write a shard; returns its seconds."""
    made = [Utterance("reply", text, False, cut(samples)) for text, samples in shard]
    made = [one for one in made if RATE_HZ // 4 <= len(one.samples) <= LONGEST_S * RATE_HZ]
    return save(folder, f"{number:05}", made) if made else 0.0


def speak(studio: Studio, options: argparse.Namespace) -> None:
    """Speak the replies."""
    began, seconds = time.monotonic(), 0.0
    wanted, number = [*islice(reply_texts(options.utterances, options.seed), options.count)], options.first
    print(f"{len(wanted)} replies, chosen in {time.monotonic() - began:.0f} s", flush=True)
    running: list[Future[float]] = []
    waiting: list[tuple[str, NDArray[np.float32]]] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for text, samples in said(wanted, studio, options.round):
            waiting.append((text, samples))
            if len(waiting) == _PER_SHARD:
                running.append(pool.submit(write, options.folder, number, waiting))
                waiting, number = [], number + 1
                if len(running) % 20 == 0:
                    print(f"{len(running) * _PER_SHARD} replies, {time.monotonic() - began:.0f} s", flush=True)
                if (options.folder / "enough").exists():
                    break
        running.append(pool.submit(write, options.folder, number, waiting))
        seconds = sum(one.result() for one in running)
    print(f"{seconds / 3600:.2f} h of replies, {time.monotonic() - began:.0f} s", flush=True)
    (options.folder / "finished").write_text("")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    add_arguments(parser)
    parser.add_argument("--utterances", type=int, default=90_000, help="of the corpus, as spoken_corpus.py is told")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=110_000, help="replies to say")
    parser.add_argument("--round", type=int, default=6000, help="replies that are sorted by length together")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        speak(Studio.opened(options), options)


if __name__ == "__main__":
    main()
