"""Rooms, noises, narrow lines and microphones for whole batches of sounds on the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from starter.speech.surroundings import RATE_HZ, ROOM_SAMPLES, noises, rooms

_ROOMED, _NARROW, _LEVELLED, _CLIPPED, _COARSE = 0.62, 0.3, 0.2, 0.12, 0.12  # of the rows, at full strength
_BANDS_HZ = ((300, 3400), (200, 3600), (50, 3900), (50, 7000), (150, 5500), (400, 3000), (20, 6000))
_TALKERS = (1.0, 0.8, 0.6, 0.5)  # how likely each is to talk


def _drawn(x: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(len(x), 1, device=x.device)


class Surroundings:
    """Banks of rooms and noises, and what is done with them."""

    def __init__(self, device: torch.device, room_count: int = 4096, noise_count: int = 120) -> None:
        """Makes the banks: a few seconds."""
        self._rooms = torch.from_numpy(rooms(room_count)).to(device)
        self._noises = torch.from_numpy(noises(noise_count)).to(device)

    def roomed(self, x: Tensor, strength: float) -> Tensor:
        """The first rows of x (A, N), a share of them, as they sound in a room."""
        count = round(_ROOMED * strength * len(x))
        if count == 0:
            return x
        chosen = self._rooms[torch.randint(len(self._rooms), (count,), device=x.device)]
        size = _fast_size(x.shape[1] + ROOM_SAMPLES)
        wet = torch.fft.irfft(torch.fft.rfft(x[:count], size) * torch.fft.rfft(chosen, size), size)[:, : x.shape[1]]
        return torch.cat([wet, x[count:]])

    def noise(self, like: Tensor) -> Tensor:
        """Noise of loudness 1 for every row (A, N): of the bank, or several of the other rows talking."""
        A, N = like.shape
        bank = self._noises[torch.randint(len(self._noises), (A,), device=like.device)]
        begin = torch.randint(bank.shape[1], (A, 1), device=like.device)
        long = bank.gather(1, (begin + torch.arange(N, device=like.device)) % bank.shape[1])
        loud = like / (like.square().mean(dim=1, keepdim=True).sqrt() + 1e-4)
        talking = torch.zeros_like(like)
        for n, share in enumerate(_TALKERS):
            gain = _drawn(like, 0.2, 1.0) * (_drawn(like, 0, 1) < share)
            other = loud.roll((1 + n * max(1, A // (len(_TALKERS) + 1)), N // (n + 2)), (0, 1))
            talking.addcmul_(other, gain)
        talking = talking / (talking.square().mean(dim=1, keepdim=True).sqrt() + 1e-4)
        kind = torch.rand(A, 1, device=like.device)
        return torch.where(kind < 0.4, long, torch.where(kind < 0.8, talking, 0.5 * long + 0.8 * talking))

    def sent(self, x: Tensor, strength: float) -> Tensor:
        """Rows through narrow lines, level control, clipping and coarse steps, each a share of them."""
        x = _narrowed(x, round(_NARROW * strength * len(x)))
        levelled = torch.rand(len(x), 1, device=x.device) < _LEVELLED * strength
        x = torch.where(levelled, _levelled(x), x)
        peak = x.abs().amax(dim=1, keepdim=True) + 1e-6
        edge = peak * _drawn(x, 0.15, 0.7)
        clipped = torch.rand(len(x), 1, device=x.device) < _CLIPPED * strength
        x = torch.where(clipped, torch.maximum(torch.minimum(x, edge), -edge), x)
        coarse = torch.rand(len(x), 1, device=x.device) < _COARSE * strength
        return torch.where(coarse, _companded(x / peak) * peak, x)


def _fast_size(samples: int) -> int:
    """The next size that a Fourier transform takes quickly."""
    return -(-samples // 4096) * 4096


def _narrowed(x: Tensor, count: int) -> Tensor:
    """The last `count` rows with nothing outside a band."""
    if count == 0:
        return x
    size = _fast_size(x.shape[1])
    hz = torch.arange(size // 2 + 1, device=x.device) * (RATE_HZ / size)
    bands = torch.tensor(_BANDS_HZ, device=x.device, dtype=torch.float32)
    low, high = bands[torch.randint(len(bands), (count,), device=x.device)].unbind(1)
    jitter = 0.85 + 0.3 * torch.rand(2, count, 1, device=x.device)
    low, high = low[:, None] * jitter[0], high[:, None] * jitter[1]
    gain = torch.sigmoid((hz - low) / (0.15 * low + 10)) * torch.sigmoid((high - hz) / (0.03 * high))
    narrow = torch.fft.irfft(torch.fft.rfft(x[-count:], size) * gain, size)[:, : x.shape[1]]
    return torch.cat([x[:-count], narrow])


def _levelled(x: Tensor) -> Tensor:
    """Automatic gain: what is faint for a while becomes louder."""
    window = RATE_HZ // 4
    power = F.avg_pool1d(F.pad(x.square()[:, None], (window, 0)), window, 160)[:, 0]
    gain = (power.sqrt() + 0.02).reciprocal() * 0.1
    wide = F.interpolate(gain[:, None], size=x.shape[1], mode="linear", align_corners=False)[:, 0]
    return (x * wide).clamp(-1.0, 1.0)


def _companded(x: Tensor) -> Tensor:
    """µ-law in 7 bits and back."""
    bent = x.sign() * torch.log1p(255 * x.abs()) / 5.545177444479562
    bent = (bent * 64).round() / 64
    return bent.sign() * torch.expm1(bent.abs() * 5.545177444479562) / 255
