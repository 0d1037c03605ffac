"""The spoken corpus in GPU memory, and what the ear is given of it: disturbed, then as log-mel, all in batches."""

from __future__ import annotations

import json
import random
from pathlib import Path

import mlx.core as mx
import numpy as np
from rows import Batch
from sound_features import Stft, log_mel, reflected, slaney_filters
from speech_tokenizer import SpeechTokenizer, codes_of
from spoken_corpus import BLOCK, RATE_HZ

_ECHOES = 5
_LABELLED_AT_ONCE = 384
_DELAYS = random.Random(5)


class SoundStore:
    """Shards of `spoken_corpus.py` as blocks (n, BLOCK) int16 on the GPU.

    Of several processes (`rank` of `ranks`) each labels its share of the shards and loads all of them.
    """

    def __init__(self, folder: Path, tokenizer: SpeechTokenizer, rank: int = 0, ranks: int = 1) -> None:
        self.folder = folder
        self.listing = folder / f"loaded-{rank}.list"
        self._rank, self._ranks = rank, ranks
        self.blocks = mx.zeros((0, BLOCK), dtype=mx.int16)
        self._tokenizer = tokenizer
        self._loaded: list[tuple[str, int]] = []

    @property
    def hours(self) -> float:
        """Hours of speech loaded."""
        return self.blocks.shape[0] * BLOCK / RATE_HZ / 3600

    @property
    def finished(self) -> bool:
        """Whether everything that will ever be there is loaded."""
        return (self.folder / "finished").exists() and len(list(self.folder.glob("*.json"))) == len(self._loaded)

    def refresh(self) -> int:
        """Load shards written since, label their replies, tell the workers; returns how many are new."""
        known = {name for name, _ in self._loaded}
        new = [path for path in sorted(self.folder.glob("*.json")) if path.stem not in known]
        own = [path for path in new if int(path.stem) % self._ranks == self._rank]
        shards = {path: np.load(path.with_suffix(".npy")) for path in own}
        self._label(shards)
        pieces, base, taken = [self.blocks], self.blocks.shape[0], 0
        for path in new:
            if not path.with_suffix(".codes.npy").exists():
                continue  # another process is about to label it
            shard = shards[path] if path in shards else np.load(path.with_suffix(".npy"))
            pieces.append(mx.array(shard.reshape(-1, BLOCK)))
            self._loaded.append((path.stem, base))
            base += len(shard) // BLOCK
            taken += 1
        if taken:
            self.blocks = mx.concatenate(pieces)
            mx.eval(self.blocks)
            partial = self.listing.with_suffix(".part")
            partial.write_text(json.dumps(self._loaded))
            partial.rename(self.listing)
        return taken

    def _label(self, shards: dict[Path, np.ndarray]) -> None:
        """Write the speech tokens of the shards' replies, made in large batches of like length."""
        entries = {path: [e for e in json.loads(path.read_text()) if e["kind"] == "reply"] for path in shards}
        replies = [_samples(shard, entry) for path, shard in shards.items() for entry in entries[path]]
        codes: list[np.ndarray] = [np.zeros(0, dtype=np.int16)] * len(replies)
        order = sorted(range(len(replies)), key=lambda i: len(replies[i]))
        for start in range(0, len(order), _LABELLED_AT_ONCE):
            group = order[start : start + _LABELLED_AT_ONCE]
            for i, made in zip(group, self._codes([replies[i] for i in group]), strict=True):
                codes[i] = made
        first = 0
        for path in shards:
            own = codes[first : first + len(entries[path])]
            first += len(own)
            unfinished = path.with_suffix(".unfinished.npy")
            np.save(unfinished, np.concatenate([np.zeros(0, dtype=np.int16), *own]))
            unfinished.rename(path.with_suffix(".codes.npy"))

    def _codes(self, sounds: list[np.ndarray]) -> list[np.ndarray]:
        counts = [len(sound) // 640 for sound in sounds]
        table = np.zeros((len(sounds), max(counts) * 640), dtype=np.float32)
        mask = np.zeros((len(sounds), max(counts), 1), dtype=np.float32)
        for row, (sound, count) in enumerate(zip(sounds, counts, strict=True)):
            table[row, : count * 640] = sound[: count * 640] / 32768.0
            mask[row, :count] = 1.0
        tokens = mx.array(mask)
        digits = mx.round(self._tokenizer(log_mel(mx.array(table)) * mx.repeat(tokens, 4, axis=1), tokens))
        made = np.array(codes_of(digits))
        return [row[:count].astype(np.int16) for row, count in zip(made, counts, strict=True)]

    def arguments(self, batch: Batch) -> tuple[mx.array, ...]:
        """What `heard` needs of a batch: samples (A, N) gathered, their counts, tempo, lead and length."""
        places = batch["places_of_sound"]
        return (
            self.blocks[mx.array(places)].reshape(len(places), -1),
            *(mx.array(batch[name]) for name in ("samples", "tempo", "lead", "length")),
        )


def _samples(shard: np.ndarray, entry: dict[str, int]) -> np.ndarray:
    start = entry["block"] * BLOCK
    return shard[start : start + entry["samples"]]


def heard(
    source: mx.array,
    samples: mx.array,
    tempo: mx.array,
    lead: mx.array,
    length: mx.array,
    width: int,
    seed: mx.array,
    strength: float = 1.0,
) -> tuple[mx.array, mx.array]:
    """Log-mels (A, 128, T) of disturbed utterances, 0.0 beyond each one's own frames, and the frame counts (A,).

    `source` (A, N) int16 is played at `tempo` after `lead` samples of silence; `width` is the length in samples of all.
    `strength`, 0 to 1, says how many rows are disturbed and how much; 0.0 leaves the recordings as they are.
    """
    keys = mx.random.split(seed, 10)
    A = source.shape[0]
    x = _played(source, samples, tempo, lead, width)
    if strength > 0:
        inside = (mx.arange(width) < length[:, None]).astype(mx.float32)
        x = _echoed(x, keys[0], strength) * inside
        x = _noisy(x, inside, length, keys[1:5], strength) * inside
        x = x * 10 ** mx.random.uniform(-1.0, 0.2, (A, 1), key=keys[5])
        x = mx.clip(x, -1.0, 1.0)
    frames = (length + 479) // 160
    mel = _log_mel(x, _colour(A, keys[6:8], strength))
    mel = _masked(mel, keys[8:10], strength)
    mel = mx.where(mx.arange(mel.shape[1])[None, :, None] < frames[:, None, None], mel, 0.0)
    return mel.transpose(0, 2, 1), frames


def _played(source: mx.array, samples: mx.array, tempo: mx.array, lead: mx.array, width: int) -> mx.array:
    at = (mx.arange(width) - lead[:, None]).astype(mx.float32) * tempo[:, None]
    before = mx.floor(at)
    share = at - before
    first = before.astype(mx.int32)
    valid = (first >= 0) & (first + 1 < samples[:, None])
    place = mx.clip(first, 0, source.shape[1] - 2)
    a = mx.take_along_axis(source, place, axis=1).astype(mx.float32)
    b = mx.take_along_axis(source, place + 1, axis=1).astype(mx.float32)
    return mx.where(valid, a * (1 - share) + b * share, 0.0) / 32768.0


def _echoed(x: mx.array, key: mx.array, strength: float) -> mx.array:
    """The first third of the rows with echoes within 90 ms, fading."""
    count = round(0.35 * strength * x.shape[0])
    if count == 0:
        return x
    keys = mx.random.split(key, 2)
    dry = x[:count]
    gains = mx.random.normal((count, _ECHOES), key=keys[0]) * mx.random.uniform(0.0, 0.7, (count, 1), key=keys[1])
    wet = dry
    for n in range(_ECHOES):
        delay = _DELAYS.randint(30, 1400)
        later = mx.pad(dry[:, :-delay], [(0, 0), (delay, 0)])
        wet = wet + gains[:, n : n + 1] * float(np.exp(-delay / 500)) * later
    return mx.concatenate([wet, x[count:]])


def _noisy(x: mx.array, inside: mx.array, length: mx.array, keys: mx.array, strength: float) -> mx.array:
    """Up to two thirds of the rows with noise at 3 to 35 dB: white, low, or other people talking."""
    A, N = x.shape
    white = mx.random.normal((A, N), key=keys[0])
    low = mx.repeat(white[:, : -(-N // 12)], 12, axis=1)[:, :N]
    babble = x[::-1] + mx.roll(x, A // 3 + 1, axis=0)
    babble = babble / (mx.sqrt((babble * babble).mean(axis=1, keepdims=True)) + 1e-4)
    kinds = mx.softmax(3 * mx.random.normal((A, 3), key=keys[1]), axis=-1)
    noise = kinds[:, :1] * white + kinds[:, 1:2] * low + 0.8 * kinds[:, 2:] * babble
    power = mx.sqrt((x * x).sum(axis=1, keepdims=True) / length[:, None])
    loudness = mx.sqrt((noise * noise * inside).sum(axis=1, keepdims=True) / length[:, None]) + 1e-6
    decibels = mx.random.uniform(12 - 9 * strength, 35, (A, 1), key=keys[2])
    chosen = mx.random.uniform(0, 1, (A, 1), key=keys[3]) < 0.67 * strength
    faint = 10 ** mx.random.uniform(-5, -3, (A, 1), key=keys[3])
    return x + mx.where(chosen, noise / loudness * power * 10 ** (-decibels / 20), white * faint * (decibels < 20))


def _colour(A: int, keys: mx.array, strength: float) -> mx.array:
    """Gains (A, 1, 128) in the power domain: a slow tilt of ±9 dB, one in six like a telephone."""
    bands = mx.arange(128) / 128
    waves = mx.stack([mx.cos(np.pi * n * bands) for n in range(1, 5)])
    tilt = (mx.random.normal((A, 4), key=keys[0]) @ waves) * (3.5 * strength)
    edges = mx.random.uniform(0, 1, (A, 2), key=keys[1])
    low, high = 4 + 10 * edges[:, :1], 75 + 25 * edges[:, 1:]
    number = mx.arange(128)
    telephone = (edges[:, :1] + edges[:, 1:] < 0.58 * strength**0.5) & ((number < low) | (number > high))
    return (10 ** ((tilt - mx.where(telephone, 45.0, 0.0)) / 10))[:, None]


def _log_mel(x: mx.array, colour: mx.array) -> mx.array:
    """The engine's log-mel (A, T, 128) of samples (A, N) as if 479 zeros followed, T = (N + 479) // 160, coloured."""
    wide = mx.pad(x, [(0, 0), (0, 480)])
    count = (x.shape[1] + 479) // 160
    magnitude = Stft(400, 160).magnitude(reflected(wide, 200, 200), floor=0.0)[:, :count]
    mel = ((magnitude * magnitude) @ slaney_filters(201, 128, RATE_HZ)) * colour
    mel = mx.log10(mx.maximum(mel, 1e-10))
    return (mx.maximum(mel, mel.max(axis=(1, 2), keepdims=True) - 8.0) + 4.0) / 4.0


def _masked(mel: mx.array, keys: mx.array, strength: float) -> mx.array:
    """Two bands of up to 12 and two moments of up to 80 ms of most rows left out (SpecAugment, Park et al. 2019)."""
    A, T, F = mel.shape
    draws = mx.random.uniform(0, 1, (A, 8), key=keys[0])
    used = mx.random.uniform(0, 1, (A, 1), key=keys[1]) < 0.7 * strength
    hidden = mx.zeros((A, T, F), dtype=mx.bool_)
    for n in range(2):
        start, size = draws[:, n : n + 1] * (F - 12), draws[:, n + 2 : n + 3] * 12
        bands = (mx.arange(F) >= start) & (mx.arange(F) < start + size) & used
        start, size = draws[:, n + 4 : n + 5] * T, draws[:, n + 6 : n + 7] * 8
        moments = (mx.arange(T) >= start) & (mx.arange(T) < start + size) & used
        hidden = hidden | bands[:, None] | moments[:, :, None]
    return mx.where(hidden, 0.0, mel)
