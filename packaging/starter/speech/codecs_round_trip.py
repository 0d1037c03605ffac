"""What recordings lose on their way: real round trips through the codecs that libsndfile has."""

from __future__ import annotations

import io
import random

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.samples import resample

RATE_HZ = 16_000
# Container, coding, rate it works at, and how strongly it is squeezed (0 to 1) where that can be said.
_CODECS = (
    ("MP3", "MPEG_LAYER_III", 16_000, (0.5, 0.99)),
    ("MP3", "MPEG_LAYER_III", 24_000, (0.5, 0.99)),
    ("OGG", "OPUS", 16_000, (0.6, 0.99)),
    ("OGG", "OPUS", 8_000, (0.5, 0.95)),
    ("OGG", "VORBIS", 16_000, (0.5, 0.99)),
    ("WAV", "GSM610", 8_000, None),
    ("WAV", "ULAW", 8_000, None),
    ("WAV", "ALAW", 8_000, None),
    ("WAV", "MS_ADPCM", 8_000, None),
    ("AU", "G721_32", 8_000, None),
    ("AU", "G723_24", 8_000, None),
    ("WAV", "NMS_ADPCM_24", 16_000, None),
)


def through_any_codec(samples: NDArray[np.float32], chance: random.Random) -> NDArray[np.float32]:
    """Samples (n,) at 16 kHz after a codec drawn by chance, as long as before."""
    container, coding, rate_hz, squeezed = chance.choice(_CODECS)
    sound = resample(samples, RATE_HZ, rate_hz) if rate_hz != RATE_HZ else samples
    level = chance.uniform(*squeezed) if squeezed else None
    with io.BytesIO() as file:
        soundfile.write(file, np.clip(sound, -1, 1), rate_hz, coding, format=container, compression_level=level)
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
    back = resample(decoded, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else decoded
    return np.pad(back[: len(samples)], (0, max(0, len(samples) - len(back)))).astype(np.float32)
