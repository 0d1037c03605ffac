"""Samples → embeddings: the windows, the batch, and how many embeddings each window gives."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import mlx.core as mx

from engine.events import Samples
from engine.hearing.adaptor import Adaptor
from engine.hearing.encoder import Encoder
from engine.hearing.log_mel import WINDOW_SAMPLES, log_mel, patch_count, windows_of


class Hearing:
    """The three networks of hearing as one: `encode` for an utterance, `encode_batch` for several windows at once."""

    def __init__(self, encoder: Encoder, adaptor: Adaptor) -> None:
        self.encoder = encoder
        self.adaptor = adaptor

    def encode(self, samples_16k: Samples) -> list[mx.array]:
        """Embeddings (n_i, D) of every 25 s window of mono samples at 16 kHz; n_i as `patch_counts` says.

        Each window is encoded alone, so that the same sound always gives the same embeddings. Not evaluated.
        """
        return [self.encode_batch([window])[0] for window in windows_of(samples_16k)]

    def listen(self, samples_16k: Samples) -> tuple[mx.array, ...]:
        """Embeddings (n_i, D) of those windows of a sound that give any, evaluated."""
        windows = tuple(window for window in self.encode(samples_16k) if window.shape[0])
        mx.eval(windows)
        return windows

    def encode_batch(self, windows: Sequence[Samples]) -> list[mx.array]:
        """Embeddings (n_i, D) of windows of at most 25 s each, run as one batch padded in the log-mel domain.

        That is how the official code runs the windows of one prompt. Not evaluated. Raises ValueError for a longer or
        an empty window.
        """
        if any(len(window) > WINDOW_SAMPLES for window in windows):
            raise ValueError(f"a window holds at most {WINDOW_SAMPLES} samples")
        if not windows:
            return []
        return self.encode_log_mels([log_mel(window, self.encoder.config.n_mels) for window in windows])

    def encode_in_steps(self, window: Samples) -> Generator[None, None, mx.array]:
        """`encode` one window of at most 25 s, layer by layer, for somebody who lets others pass between them; its
        embeddings (n, D) are returned.
        """
        mel = log_mel(window, self.encoder.config.n_mels)
        frames = mel.shape[1]
        for features in self.encoder.in_steps(mel[None].astype(self._dtype), mx.array([frames - 2])):
            mx.eval(features)
            yield
        embeddings = self.adaptor(features)[0, : patch_count(frames)]
        mx.eval(embeddings)
        return embeddings

    @property
    def _dtype(self) -> mx.Dtype:
        return self.encoder.conv1.weight.dtype

    def encode_log_mels(self, log_mels: Sequence[mx.array]) -> list[mx.array]:
        """Embeddings (n_i, D) of log-mels (bands, T_i) as one batch. Not evaluated."""
        frames = [mel.shape[1] for mel in log_mels]
        padded = mx.stack([mx.pad(mel, [(0, 0), (0, max(frames) - mel.shape[1])]) for mel in log_mels])
        features, _ = self.encoder(padded.astype(self._dtype), mx.array(frames) - 2)
        embeddings = self.adaptor(features)
        return [row[: patch_count(count)] for row, count in zip(embeddings, frames, strict=True)]
