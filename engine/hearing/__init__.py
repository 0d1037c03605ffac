"""Sound in, embeddings for the language model out: log_mel → encoder → adaptor."""

from engine.hearing.adaptor import Adaptor, AdaptorConfig
from engine.hearing.encoder import Encoder, EncoderConfig
from engine.hearing.hearing import Hearing
from engine.hearing.log_mel import (
    RATE_HZ,
    WINDOW_SAMPLES,
    frame_count,
    log_mel,
    patch_count,
    patch_counts,
    windows_of,
)

__all__ = [
    "RATE_HZ",
    "WINDOW_SAMPLES",
    "Adaptor",
    "AdaptorConfig",
    "Encoder",
    "EncoderConfig",
    "Hearing",
    "frame_count",
    "log_mel",
    "patch_count",
    "patch_counts",
    "windows_of",
]
