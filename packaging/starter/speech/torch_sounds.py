"""The spoken corpus in GPU memory, and what the ear is given of it: disturbed, then as log-mel, all in batches."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from starter.speech.spoken_corpus import BLOCK, LISTING, RATE_HZ, stored_blocks
from starter.speech.torch_surroundings import Surroundings

_ECHOES = 5
_DELAYS = random.Random(5)


class SoundStore:
    """Shards of `spoken_corpus.py` as blocks (n, BLOCK) int16 on the device; `listing` tells others what is there."""

    def __init__(self, folder: Path, device: torch.device, most_hours: float) -> None:
        """Room for `most_hours`; what comes after is left alone."""
        self.folder, self.device, self.listing = folder, device, folder / LISTING
        room = int(most_hours * 3600 * RATE_HZ) // BLOCK
        self.blocks = torch.zeros((room, BLOCK), dtype=torch.int16, device=device)
        self._used = 0
        self.full = False  # what comes now finds no room
        self._loaded: list[tuple[str, int]] = []

    @property
    def hours(self) -> float:
        """Hours of speech loaded."""
        return self._used * BLOCK / RATE_HZ / 3600

    @property
    def finished(self) -> bool:
        """Whether everything that will ever be there is loaded."""
        spoken = (self.folder / "finished").exists()
        return self.full or (spoken and len(list(self.folder.glob("*.json"))) == len(self._loaded))

    def refresh(self, most: int = 10**9) -> int:
        """Load up to `most` shards that were labelled since and tell the workers; returns how many are new."""
        known = {name for name, _ in self._loaded}
        new = [path for path in sorted(self.folder.glob("*.codes.npy")) if path.name.split(".")[0] not in known]
        taken = 0
        for path in new[:most]:
            name = path.name.split(".")[0]
            count = stored_blocks(json.loads((self.folder / f"{name}.json").read_text()))
            if self._used + count > len(self.blocks):
                self.full = True
                break
            if count:  # else all of it is only said
                shard = np.load(self.folder / f"{name}.npy", mmap_mode="r")[: count * BLOCK]
                self.blocks[self._used : self._used + count] = torch.from_numpy(np.array(shard)).view(-1, BLOCK)
            self._loaded.append((name, self._used))
            self._used += count
            taken += 1
        if taken:
            partial = self.listing.with_suffix(".part")
            partial.write_text(json.dumps(self._loaded))
            partial.rename(self.listing)
        return taken

    def gathered(self, places: Tensor) -> Tensor:
        """Samples (A, N) int16 of blocks (A, n)."""
        return self.blocks[places].view(len(places), -1)


def heard(
    source: Tensor,
    samples: Tensor,
    tempo: Tensor,
    lead: Tensor,
    length: Tensor,
    width: int,
    strength: float = 1.0,
    around: Surroundings | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-mels (A, 128, T) of disturbed utterances, 0.0 beyond each one's own frames, and the frame counts (A,).

    `source` (A, N) int16 is played at `tempo` after `lead` samples of silence, backwards from `lead` where it is
    negative; `width` is the length in samples of all. `strength`, 0 to 1, says how many rows are disturbed and how
    much; 0.0 leaves the recordings as they are. `around` are rooms, noises and microphones.
    """
    x = _played(source, samples, tempo, lead, width)
    if strength > 0:
        inside = (torch.arange(width, device=x.device) < length[:, None]).float()
        x = (around.roomed(x, strength) if around else _echoed(x, strength)) * inside
        x = _noisy(x, inside, length, strength, around) * inside
        x = around.sent(x, strength) * inside if around else x
        x = (x * 10 ** _uniform(x, -1.0, 0.2, len(x), 1)).clamp(-1.0, 1.0)
    frames = (length + 479) // 160
    mel = log_mel(x, _colour(x, strength))
    mel = _masked(mel, strength)
    mel = torch.where(torch.arange(mel.shape[1], device=x.device)[None, :, None] < frames[:, None, None], mel, 0.0)
    return mel.transpose(1, 2), frames


def _uniform(like: Tensor, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(shape, device=like.device)


def _played(source: Tensor, samples: Tensor, tempo: Tensor, lead: Tensor, width: int) -> Tensor:
    at = (torch.arange(width, device=source.device) - lead[:, None]).float() * tempo[:, None]
    before = at.floor()
    share = at - before
    first = before.long()
    valid = (first >= 0) & (first + 1 < samples[:, None])
    place = first.clamp(0, source.shape[1] - 2)
    a, b = source.gather(1, place).float(), source.gather(1, place + 1).float()
    return torch.where(valid, a * (1 - share) + b * share, 0.0) / 32768.0


def _echoed(x: Tensor, strength: float) -> Tensor:
    """The first third of the rows with echoes within 90 ms, fading."""
    count = round(0.35 * strength * x.shape[0])
    if count == 0:
        return x
    dry = x[:count]
    gains = torch.randn(count, _ECHOES, device=x.device) * _uniform(x, 0.0, 0.7, count, 1)
    wet = dry
    for n in range(_ECHOES):
        delay = _DELAYS.randint(30, 1400)
        wet = wet + gains[:, n : n + 1] * math.exp(-delay / 500) * F.pad(dry[:, :-delay], (delay, 0))
    return torch.cat([wet, x[count:]])


def _noisy(x: Tensor, inside: Tensor, length: Tensor, strength: float, around: Surroundings | None = None) -> Tensor:
    """Up to two thirds of the rows with noise at 3 to 35 dB: white, low, other people talking, or of a place."""
    A, N = x.shape
    white = torch.randn(A, N, device=x.device)
    low = white[:, : -(-N // 12)].repeat_interleave(12, dim=1)[:, :N]
    babble = x.flip(0) + x.roll(A // 3 + 1, 0)
    babble = babble / ((babble * babble).mean(dim=1, keepdim=True).sqrt() + 1e-4)
    kinds = torch.softmax(3 * torch.randn(A, 3, device=x.device), dim=-1)
    noise = kinds[:, :1] * white + kinds[:, 1:2] * low + 0.8 * kinds[:, 2:] * babble
    if around:
        own = torch.rand(A, 1, device=x.device) < 0.3
        noise = torch.where(own, noise, around.noise(x))
    power = ((x * x).sum(dim=1, keepdim=True) / length[:, None]).sqrt()
    loudness = ((noise * noise * inside).sum(dim=1, keepdim=True) / length[:, None]).sqrt() + 1e-6
    decibels = _uniform(x, 12 - 9 * strength, 35, A, 1)
    chosen = torch.rand(A, 1, device=x.device) < 0.67 * strength
    faint = 10 ** _uniform(x, -5, -3, A, 1)
    return x + torch.where(chosen, noise / loudness * power * 10 ** (-decibels / 20), white * faint * (decibels < 20))


def _colour(x: Tensor, strength: float) -> Tensor:
    """Gains (A, 1, 128) in the power domain: a slow tilt of ±9 dB, one in six like a telephone."""
    A, number = len(x), torch.arange(128, device=x.device)
    waves = torch.stack([torch.cos(math.pi * n * number / 128) for n in range(1, 5)])
    tilt = (torch.randn(A, 4, device=x.device) @ waves) * (3.5 * strength)
    edges = torch.rand(A, 2, device=x.device)
    low, high = 4 + 10 * edges[:, :1], 75 + 25 * edges[:, 1:]
    telephone = (edges[:, :1] + edges[:, 1:] < 0.58 * strength**0.5) & ((number < low) | (number > high))
    return (10 ** ((tilt - torch.where(telephone, 45.0, 0.0)) / 10))[:, None]


def log_mel(x: Tensor, colour: Tensor) -> Tensor:
    """The engine's log-mel (A, T, 128) of samples (A, N) as if 479 zeros followed, T = (N + 479) // 160, coloured.

    `colour` (A, 1, 128) multiplies the power.
    """
    count = (x.shape[1] + 479) // 160
    wide = F.pad(x, (0, 480))
    wide = torch.cat([wide[:, 1:201].flip(1), wide, wide[:, -201:-1].flip(1)], dim=1)
    frames = wide.unfold(1, 400, 160)[:, :count]
    real, imaginary = (frames @ spectral_tables(x.device)[0]).chunk(2, dim=-1)
    mel = ((real * real + imaginary * imaginary) @ spectral_tables(x.device)[1]) * colour
    mel = mel.clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0


_KNOWN_TABLES: dict[torch.device, tuple[Tensor, Tensor]] = {}


def spectral_tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """The windowed Fourier matrix (400, 402) and the mel filters (201, 128)."""
    if device not in _KNOWN_TABLES:
        from starter.speech.sound_features import fourier_matrix, slaney_filters

        made = (fourier_matrix(400), slaney_filters(201, 128, RATE_HZ))
        with torch.inference_mode(False):  # what is made without gradients now may be learned through later
            fourier, filters = (torch.from_numpy(np.array(table)).to(device) for table in made)
        _KNOWN_TABLES[device] = fourier, filters
    return _KNOWN_TABLES[device]


def _masked(mel: Tensor, strength: float) -> Tensor:
    """Two bands of up to 12 and two moments of up to 80 ms of most rows left out (SpecAugment, Park et al. 2019)."""
    if strength == 0:
        return mel
    A, T, bands = mel.shape
    draws = torch.rand(A, 8, device=mel.device)
    used = torch.rand(A, 1, device=mel.device) < 0.7 * strength
    hidden = torch.zeros(A, T, bands, dtype=torch.bool, device=mel.device)
    places, times = torch.arange(bands, device=mel.device), torch.arange(T, device=mel.device)
    for n in range(2):
        start, size = draws[:, n : n + 1] * (bands - 12), draws[:, n + 2 : n + 3] * 12
        left_out = (places >= start) & (places < start + size) & used
        start, size = draws[:, n + 4 : n + 5] * T, draws[:, n + 6 : n + 7] * 8
        moments = (times >= start) & (times < start + size) & used
        hidden = hidden | left_out[:, None] | moments[:, :, None]
    return mel.masked_fill(hidden, 0.0)
