"""Speaks what the ear learns from in natural voices, on a GPU, beside the corpus of `spoken_corpus.py`.

    python -m starter.speech.natural_speech CORPUS --weights kokoro.npz --voices FOLDER --vocab vocab.json

The shards are named nat-…; all in them is heard, nothing is said. A share of the utterances has gone through a codec.
Ends after so many hours, or when CORPUS holds a file `enough`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from starter.speech.codecs_round_trip import through_any_codec
from starter.speech.natural_network import Kokoro
from starter.speech.natural_texts import Line, Script
from starter.speech.natural_voices import Casting, Voices
from starter.speech.natural_weights import unpacked
from starter.speech.phonemes import Phonemes
from starter.speech.spoken_corpus import LONGEST_S, RATE_HZ, Utterance, save, save_codes
from starter.speech.torch_device import best_device

PREFIX = "nat-"
_FRAMES_TOGETHER = 10_000  # in a batch: four minutes
_SAME_LENGTH = 6  # frames are rounded up to multiples of this
_PER_SHARD = 250
_THREADS = 4  # that write beside the GPU
_QUIET = 300 / 32768
_CODED = 0.15


@dataclass
class Timed:
    """A line whose every frame is known: what prosody and text are made of, (N, 640) and (N, 512), and the style."""

    line: Line
    prosody: Tensor
    text: Tensor
    style: Tensor


def timed(net: Kokoro, voices: Voices, lines: Sequence[Line]) -> Iterator[Timed]:
    """Lines of one number of symbols with their frames; silence at the end makes lengths alike."""
    styles = np.stack([voices.style(line.speaker, len(line.symbols) - 2) for line in lines])
    style = torch.from_numpy(styles).to(net.device)
    symbols = torch.tensor([line.symbols for line in lines], device=net.device)
    speed = torch.tensor([line.speaker.speed for line in lines], device=net.device)
    frames, prosody, text = net.durations(symbols, style, speed)
    frames = frames.clone()
    frames[:, -1] += -frames.sum(1) % _SAME_LENGTH
    each = frames.cpu().tolist()
    for row, line in enumerate(lines):
        places = torch.repeat_interleave(torch.arange(len(each[row])), torch.tensor(each[row])).to(net.device)
        yield Timed(line, prosody[row, places], text[row, places], style[row])


def batches(net: Kokoro, voices: Voices, groups: Sequence[Sequence[Line]]) -> Iterator[list[Timed]]:
    """Batches of lines of one number of frames; what is alone at the end is spoken alone."""
    waiting: dict[int, list[Timed]] = defaultdict(list)
    for group in groups:
        for start in range(0, len(group), 256):
            for one in timed(net, voices, group[start : start + 256]):
                count = len(one.prosody)
                if count > LONGEST_S * 40:
                    continue
                waiting[count].append(one)
                if len(waiting[count]) * count >= _FRAMES_TOGETHER:
                    yield waiting.pop(count)
    yield from waiting.values()


def sinc_filters(half: int = 24) -> Tensor:
    """Two windowed sinc filters (2, 1, K) that make two samples of three: 24 kHz to 16 kHz."""
    places = torch.arange(-half * 3, half * 3 + 1, dtype=torch.float64)
    rows = []
    for shift in (0.0, 1.5):
        t = (places - shift) * 2 / 3
        window = torch.cos(math.pi * t / (2 * (half * 2 + 1))).clamp(min=0) ** 2
        rows.append(torch.sinc(t * 0.96) * 0.96 * window * 2 / 3)
    return torch.stack(rows)[:, None].float()


def at_16k(samples: Tensor, filters: Tensor) -> Tensor:
    """Samples (B, N) at 24 kHz as (B, 2 N / 3) at 16 kHz; N is a multiple of three."""
    half = filters.shape[-1] // 2
    made = F.conv1d(F.pad(samples[:, None], (half, half)), filters, stride=3)
    return made.transpose(1, 2).reshape(len(samples), -1)


def spoken(samples: NDArray[np.float32], chance: random.Random) -> NDArray[np.int16]:
    """Silence at the ends cut to 80 ms, perhaps through a codec; nothing (0,) where nothing was said."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not np.isfinite(samples).all() or len(loud) < RATE_HZ // 100:
        return np.zeros(0, np.int16)
    margin = int(0.08 * RATE_HZ)
    kept = samples[max(0, loud[0] - margin) : loud[-1] + margin]
    kept = kept * (chance.uniform(0.15, 0.9) / max(1e-3, float(np.abs(kept).max())))
    if chance.random() < _CODED:
        kept = through_any_codec(kept, chance)
    return (np.clip(kept, -1.0, 1.0) * 32767.0).astype(np.int16)


class Writer:
    """Makes shards of what was spoken, in threads beside the GPU."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._pool = ThreadPoolExecutor(_THREADS)
        self._running: list[Future[float]] = []
        self._waiting: list[tuple[str, NDArray[np.float32]]] = []
        self._number = 0
        self.seconds = 0.0

    def add(self, texts: Sequence[str], samples: NDArray[np.float32]) -> None:
        """Take samples (B, N) of texts. Raises what went wrong with an earlier shard."""
        self._waiting += zip(texts, samples, strict=True)
        while len(self._waiting) >= _PER_SHARD:
            self._begin(self._waiting[:_PER_SHARD])
            self._waiting = self._waiting[_PER_SHARD:]
        while self._running and (self._running[0].done() or len(self._running) > 40):
            self.seconds += self._running.pop(0).result()

    def _begin(self, shard: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
        self._running.append(self._pool.submit(self._write, self._number, shard))
        self._number += 1

    def _write(self, number: int, shard: Sequence[tuple[str, NDArray[np.float32]]]) -> float:
        name = f"{PREFIX}{self._name}-{number:05}"
        chance = random.Random(name)
        said = [Utterance("heard", text, True, spoken(samples, chance)) for text, samples in shard]
        said = [one for one in said if RATE_HZ // 4 <= len(one.samples) <= LONGEST_S * RATE_HZ]
        if not said:
            raise RuntimeError("nothing that was spoken could be heard")
        seconds = save(self._folder, name, said)
        save_codes(self._folder, name, [])  # nothing of it is said, but now it counts as labelled
        return seconds

    def close(self) -> None:
        """Write the rest and wait for it."""
        if self._waiting:
            self._begin(self._waiting)
        for running in self._running:
            self.seconds += running.result()
        self._pool.shutdown()


def speak(options: argparse.Namespace) -> None:
    """Round after round, until there is enough."""
    device = torch.device(options.device)
    net = Kokoro(unpacked(dict(np.load(options.weights))), device, half=device.type == "cuda")
    if device.type == "cuda":
        net.compile()
    voices = Voices.load(options.voices)
    vocab = json.loads(options.vocab.read_text())
    casting = Casting(voices.names, random.Random(options.seed))
    phonemes = Phonemes(options.espeak_data)
    script = Script(options.utterances, casting, phonemes, vocab.get("vocab", vocab), options.seed)
    print(f"ready after {time.process_time():.0f} s", flush=True)
    writer, filters = Writer(options.corpus, f"{options.seed}"), sinc_filters().to(device)
    began, size = time.monotonic(), options.first_round
    enough, spoken_s = options.corpus / "enough", 0.0
    while spoken_s < options.hours * 3600 and not enough.exists():
        for batch in batches(net, voices, script.groups(size)):
            parts = [torch.stack([getattr(one, name) for one in batch]) for name in ("prosody", "text", "style")]
            samples = at_16k(net.samples(*parts), filters).cpu().numpy()
            writer.add([one.line.text for one in batch], samples)
            spoken_s += samples.size / RATE_HZ
            if spoken_s >= options.hours * 3600 or enough.exists():
                break
        size = options.round
        print(f"{spoken_s / 3600:.2f} h, {time.monotonic() - began:.0f} s", flush=True)
    writer.close()
    print(f"{writer.seconds / 3600:.2f} h of natural speech, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    for name in ("--weights", "--voices", "--vocab"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--hours", type=float, default=200.0)
    parser.add_argument("--utterances", type=int, default=90_000, help="of the corpus, as spoken_corpus.py was told")
    parser.add_argument("--seed", type=int, default=1, help="another for each program that speaks beside")
    parser.add_argument("--round", type=int, default=12_000, help="lines that are sorted by length together")
    parser.add_argument("--first-round", type=int, default=3_000)
    parser.add_argument("--device", default=best_device())
    parser.add_argument("--espeak-data", type=Path, help="the folder that holds espeak-ng-data, where it is elsewhere")
    options = parser.parse_args()
    options.corpus.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    speak(options)


if __name__ == "__main__":
    main()
