"""Speaks what the language model learns to say in the voice that replies have, on a GPU, into shards to be labelled.

    python -m starter.speech.natural_replies FOLDER --weights kokoro.npz --voices FOLDER --vocab vocab.json

The texts are those of `natural_texts.reply_texts`, of a corpus of so many utterances. The shards are such as
`spoken_corpus.py` writes, and `label_speech.py` gives them their speech tokens. `--pack FILE` then puts texts and
tokens of a whole folder into few small files, and `--unpack FILES` makes a folder of them again that a training can
read; neither speaks.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
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
from starter.speech.natural_lines import Studio, add_arguments, symbols_of
from starter.speech.natural_speech import at_16k, batches
from starter.speech.natural_texts import Line, reply_texts
from starter.speech.natural_voices import REPLY_VOICE, plain
from starter.speech.spoken_corpus import (
    LONGEST_S,
    RATE_HZ,
    SAMPLES_PER_TOKEN,
    SEED,
    Utterance,
    labelled,
    save,
    save_codes,
)

_PER_SHARD, _PER_PACKED_SHARD = 250, 2000
_MOST_PACKED = 6_000_000  # tokens of a file
_QUIET = 300 / 32768
_LOUDEST = 0.95


def texts_of(options: argparse.Namespace) -> list[str]:
    """What is to be said, most wanted first."""
    if options.texts:
        found: list[str] = json.loads(gzip.decompress(options.texts.read_bytes()))
        return found
    return [*islice(reply_texts(options.utterances, options.seed), options.count)]


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
    """Speak the replies, so many minutes at most."""
    began, seconds = time.monotonic(), 0.0
    wanted = list(dict.fromkeys(texts_of(options)))[options.first :: options.every]
    number = options.first
    print(f"{len(wanted)} replies, chosen in {time.monotonic() - began:.0f} s", flush=True)
    running: list[Future[float]] = []
    waiting: list[tuple[str, NDArray[np.float32]]] = []
    with ThreadPoolExecutor(options.threads) as pool:
        for text, samples in said(wanted, studio, options.round):
            waiting.append((text, samples))
            if len(waiting) == _PER_SHARD:
                running.append(pool.submit(write, options.folder, number, waiting))
                waiting, number = [], number + options.every
                if len(running) % 20 == 0:
                    print(f"{len(running) * _PER_SHARD} replies, {time.monotonic() - began:.0f} s", flush=True)
                if time.monotonic() - began > 60 * options.minutes:
                    break
        running.append(pool.submit(write, options.folder, number, waiting))
        seconds = sum(one.result() for one in running)
    print(f"{seconds / 3600:.2f} h of replies, {time.monotonic() - began:.0f} s", flush=True)
    (options.folder / "finished").write_text("")


def pack(folder: Path, path: Path) -> int:
    """Texts and speech tokens of all labelled shards as files NAME-0.npz and so on; returns how many."""
    texts: list[str] = []
    codes: list[NDArray[np.int16]] = []
    files = total = 0
    for shard in sorted(folder.glob("*.codes.npy")):
        for entry, own in labelled(folder, shard.name.split(".")[0]):
            if own is not None:
                texts.append(entry["text"])
                codes.append(own)
                total += 1
        if sum(map(len, codes)) > _MOST_PACKED:
            _write_packed(path.with_stem(f"{path.stem}-{files}"), texts, codes)
            texts, codes, files = [], [], files + 1
    if texts:
        _write_packed(path.with_stem(f"{path.stem}-{files}"), texts, codes)
    return total


def _write_packed(path: Path, texts: Sequence[str], codes: Sequence[NDArray[np.int16]]) -> None:
    counts = np.array([len(own) for own in codes], np.int32)
    words = np.frombuffer(json.dumps(texts).encode(), np.uint8)
    np.savez_compressed(path, texts=words, counts=counts, codes=np.concatenate(codes).astype(np.int16))


def packed(paths: Sequence[Path]) -> list[tuple[str, NDArray[np.int16]]]:
    """Texts with their speech tokens (T,), as `pack` wrote them."""
    found: list[tuple[str, NDArray[np.int16]]] = []
    for path in paths:
        with np.load(path) as arrays:
            texts = json.loads(arrays["texts"].tobytes())
            found += zip(texts, np.split(arrays["codes"], np.cumsum(arrays["counts"])[:-1]), strict=True)
    return found


def unpack(paths: Sequence[Path], folder: Path, first: int) -> int:
    """Labelled shards of packed files, without sounds, numbered from `first` on; returns how many replies."""
    everything = packed(paths)
    random.Random(1).shuffle(everything)
    for start in range(0, len(everything), _PER_PACKED_SHARD):
        own = everything[start : start + _PER_PACKED_SHARD]
        name = f"{first + start // _PER_PACKED_SHARD:05}"
        entries = [
            {"kind": "reply", "text": text, "block": 0, "samples": len(codes) * SAMPLES_PER_TOKEN, "heard": False}
            for text, codes in own
        ]
        np.save(folder / f"{name}.npy", np.zeros(0, np.int16))
        (folder / f"{name}.part").write_text(json.dumps(entries))
        (folder / f"{name}.part").rename(folder / f"{name}.json")
        save_codes(folder, name, [codes for _, codes in own])
    return len(everything)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pack", type=Path)
    what.add_argument("--unpack", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--every", type=int, default=1, help="the next one's distance, where several programs speak")
    add_arguments(parser, required=False)
    parser.add_argument("--utterances", type=int, default=90_000, help="of the corpus, as spoken_corpus.py is told")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=110_000, help="replies to say")
    parser.add_argument("--texts", type=Path, help="a packed JSON list of texts to be said instead")
    parser.add_argument("--round", type=int, default=6000, help="replies that are sorted by length together")
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.pack:
        print(f"packed {pack(options.folder, options.pack)} replies")
    elif options.unpack:
        print(f"unpacked {unpack(options.unpack, options.folder, options.first)} replies")
    else:
        with torch.inference_mode():
            speak(Studio.opened(options), options)


if __name__ == "__main__":
    main()
