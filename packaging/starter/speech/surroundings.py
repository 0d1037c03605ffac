"""Where speech is heard: rooms by the image method, and noises that we make. Arrays of numpy, made once a training.

Rooms: Allen and Berkley 1979, the first 90 ms from images, the rest as noise that dies away as fast. Noises: fan,
traffic, hum, rain, music of chords; babble is made of the speech itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
ROOM_SAMPLES = 8000
NOISE_SAMPLES = 8 * RATE_HZ
_SOUND_M_S = 343.0
_EARLY_S = 0.09
_ACROSS, _ACROSS_M = 0.5, (1.2, 3.2)
Array = NDArray[np.float32]


def room(draws: np.random.Generator, distance_m: float | None = None) -> Array:
    """An impulse response (ROOM_SAMPLES,) of unit energy that begins with the direct sound.

    A room of 2 to 9 m with an echo of 0.15 to 0.8 s; the mouth is 0.3 to 4 m away, or `distance_m`.
    """
    size = np.array([draws.uniform(2.2, 9), draws.uniform(2.2, 7), draws.uniform(2.3, 3.6)])
    echo_s = draws.uniform(0.15, 0.8)
    volume, surface = size.prod(), 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    absorbed = min(0.9, 0.161 * volume / (surface * echo_s))
    ear = size * draws.uniform(0.15, 0.85, 3)
    away = float(np.exp(draws.uniform(np.log(0.3), np.log(4.0)))) if distance_m is None else distance_m
    mouth = _placed(draws, ear, away, size)
    reach = _EARLY_S * _SOUND_M_S
    counts = np.ceil(reach / (2 * size)).astype(int) + 1
    axes = [np.arange(-count, count + 1) for count in counts]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 3)
    signs = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T[None]
    images = (1 - 2 * signs) * mouth + 2 * grid * size
    bounces = (np.abs(grid - signs) + np.abs(grid)).sum(-1)
    distance = np.linalg.norm(images - ear, axis=-1)
    strength = np.sqrt(1 - absorbed) ** bounces / distance
    direct = np.linalg.norm(mouth - ear)
    at = (distance - direct) / _SOUND_M_S * RATE_HZ
    near = at < _EARLY_S * RATE_HZ
    made = np.zeros(ROOM_SAMPLES + 1)
    place, share = at[near].astype(int), at[near] % 1
    np.add.at(made, place, strength[near] * (1 - share))
    np.add.at(made, place + 1, strength[near] * share)
    made[1:] *= draws.choice((-1.0, 1.0), ROOM_SAMPLES) if draws.random() < 0.3 else 1.0
    return _with_tail(draws, made[:ROOM_SAMPLES], echo_s)


def _placed(draws: np.random.Generator, ear: NDArray[np.float64], away: float, size: NDArray[np.float64]) -> Array:
    for _ in range(50):
        way = draws.standard_normal(3) * (1, 1, 0.3)
        mouth = ear + away * way / np.linalg.norm(way)
        if ((mouth > 0.1) & (mouth < size - 0.1)).all():
            return mouth
    return np.clip(mouth, 0.1, size - 0.1)


def _with_tail(draws: np.random.Generator, early: NDArray[np.float64], echo_s: float) -> Array:
    begin = int(_EARLY_S * RATE_HZ)
    times = np.arange(ROOM_SAMPLES) / RATE_HZ
    fall = 10 ** (-3 * times / echo_s)
    known = early[begin // 2 : begin]
    level = np.sqrt((known**2).mean()) / np.sqrt((fall[begin // 2 : begin] ** 2).mean())
    tail = draws.standard_normal(ROOM_SAMPLES) * fall * level
    tail[:begin] = 0
    made = early + tail
    return (made / np.sqrt((made**2).sum() + 1e-9)).astype(np.float32)


def rooms(count: int, seed: int = 7) -> Array:
    """Impulse responses (count, ROOM_SAMPLES), half of them from across the room."""
    draws = np.random.default_rng(seed)
    away = [draws.uniform(*_ACROSS_M) if draws.random() < _ACROSS else None for _ in range(count)]
    return np.stack([room(draws, distance_m) for distance_m in away])


def noises(count: int, seed: int = 8) -> Array:
    """Noises (count, NOISE_SAMPLES) of loudness 1, all kinds in turn."""
    draws = np.random.default_rng(seed)
    kinds = (_fan, _traffic, _hum, _rain, _music, _clatter)
    made = [kinds[number % len(kinds)](draws) for number in range(count)]
    return np.stack([(one / (np.sqrt((one**2).mean()) + 1e-9)).astype(np.float32) for one in made])


def _shaped(draws: np.random.Generator, slope: float, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Noise whose power falls by a slope (0 white, 1 pink, 2 brown) between two frequencies."""
    spectrum = np.fft.rfft(draws.standard_normal(NOISE_SAMPLES))
    hz = np.fft.rfftfreq(NOISE_SAMPLES, 1 / RATE_HZ)
    gain = np.maximum(hz, 20.0) ** (-slope / 2)
    gain[(hz < low_hz) | (hz > high_hz)] *= 0.03
    return np.fft.irfft(spectrum * gain, NOISE_SAMPLES)


def _slowly(draws: np.random.Generator, points: int, low: float, high: float) -> NDArray[np.float64]:
    """A curve that wanders between two values."""
    return np.interp(np.linspace(0, points - 1, NOISE_SAMPLES), np.arange(points), draws.uniform(low, high, points))


def _fan(draws: np.random.Generator) -> NDArray[np.float64]:
    made = _shaped(draws, draws.uniform(0.8, 1.8), 40, draws.uniform(2000, 8000))
    times, turn = np.arange(NOISE_SAMPLES) / RATE_HZ, draws.uniform(20, 120)
    hums = sum(
        draws.uniform(0, 1) / n * np.sin(2 * np.pi * n * turn * times + draws.uniform(0, 6)) for n in range(1, 9)
    )
    return made / made.std() + draws.uniform(0, 0.6) * hums


def _traffic(draws: np.random.Generator) -> NDArray[np.float64]:
    near = _shaped(draws, 1.2, 60, 4000) * _slowly(draws, draws.integers(3, 7), 0, 1) ** 2
    return _shaped(draws, 2.0, 20, 1000) * 0.7 + near * 3


def _hum(draws: np.random.Generator) -> NDArray[np.float64]:
    times, base = np.arange(NOISE_SAMPLES) / RATE_HZ, draws.choice((50.0, 60.0))
    tones = sum(
        draws.uniform(0, 1) / n * np.sin(2 * np.pi * n * base * times + draws.uniform(0, 6)) for n in range(1, 20)
    )
    made = _shaped(draws, draws.uniform(0, 1), 20, 8000)
    return tones + draws.uniform(0.3, 1.5) * made / made.std()


def _rain(draws: np.random.Generator) -> NDArray[np.float64]:
    drops = np.where(draws.random(NOISE_SAMPLES) < draws.uniform(0.0005, 0.01), draws.standard_normal(NOISE_SAMPLES), 0)
    smooth = np.convolve(
        drops, np.exp(-np.arange(60) / draws.uniform(4, 20)) * np.cos(np.arange(60) * draws.uniform(0.3, 2)), "same"
    )
    made = _shaped(draws, draws.uniform(0, 0.7), 200, 8000)
    return made / made.std() + draws.uniform(0.5, 2) * smooth / (smooth.std() + 1e-9)


def _music(draws: np.random.Generator) -> NDArray[np.float64]:
    """Chords and a melody of plucked and blown tones."""
    made = np.zeros(NOISE_SAMPLES)
    beat = int(draws.uniform(0.22, 0.7) * RATE_HZ)
    base = draws.uniform(80, 220)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12]) if draws.random() < 0.5 else np.array([0, 2, 3, 5, 7, 8, 10, 12])
    falls, bright = draws.uniform(1, 12), draws.uniform(0.4, 0.9)
    for start in range(0, NOISE_SAMPLES, beat):
        length = min(int(beat * draws.choice((1, 2, 4))), NOISE_SAMPLES - start)
        times = np.arange(length) / RATE_HZ
        for note in draws.choice(scale, draws.integers(1, 4)):
            pitch = base * 2 ** ((note + 12 * draws.integers(0, 3)) / 12)
            tones = sum(bright**n * np.sin(2 * np.pi * n * pitch * times) for n in range(1, 8) if n * pitch < 7500)
            made[start : start + length] += tones * np.exp(-falls * times) * np.minimum(1, times * 200)
        if draws.random() < 0.5:
            made[start : start + length] += draws.standard_normal(length) * np.exp(-times * 40) * draws.uniform(0, 1.5)
    return made


def _clatter(draws: np.random.Generator) -> NDArray[np.float64]:
    """Knocks, keys and dishes over a faint hiss."""
    made = 0.05 * _shaped(draws, 0.7, 50, 8000)
    for _ in range(draws.integers(8, 60)):
        start, length = draws.integers(0, NOISE_SAMPLES - 4000), draws.integers(300, 4000)
        times = np.arange(length) / RATE_HZ
        ring = np.sin(2 * np.pi * draws.uniform(200, 5000) * times) + draws.standard_normal(length)
        made[start : start + length] += ring * np.exp(-times * draws.uniform(20, 200)) * draws.uniform(0.1, 1)
    return made
