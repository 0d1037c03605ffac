"""The vocoder's source on a CPU as one graph of onnxruntime's: a quarter of a million sines for ten speech tokens.

MLX computes a sine in some 15 ns on a CPU, one element at a time; onnxruntime's has vector instructions. numpy's has
them too, but would ask for Python's lock two hundred times, which the writing beside it holds.
"""

from __future__ import annotations

import math

import mlx.core as mx
import numpy as np

from engine.backends.cpu.onnx_model import FLOAT, OnnxGraph
from engine.backends.cpu.onnx_session import session_of
from engine.speaking.source import SINE_AMPLITUDE, VOICED_ABOVE_HZ, VOICED_NOISE
from engine.speaking.vocoder import Vocoder, VocoderConfig

_CYCLE = np.float32(2.0**-32)  # of a phase, in whole numbers


class SourceByOnnx:
    """What `Vocoder.excite` does."""

    def __init__(self, vocoder: Vocoder) -> None:
        self._merge, config = vocoder.m_source, vocoder.config
        self._cycles = np.float32(config.hop_samples / config.sample_rate_hz)  # of a Hz, in a frame
        self._multiples = np.arange(1, config.harmonics + 1, dtype=np.uint32)[:, None, None]
        self._session = session_of(_graph(config))

    def __call__(self, f0: mx.array, phases: mx.array, noise: mx.array | None) -> mx.array:
        """See `Vocoder.excite`."""
        mx.eval(f0, phases, noise)
        weight, bias = (np.array(array) for array in (self._merge.l_linear.weight, self._merge.l_linear.bias))
        pitch = np.array(f0)
        step, voiced = pitch * self._cycles, (pitch > VOICED_ABOVE_HZ).reshape(-1, 1)
        following = np.concatenate([step[:, 1:], np.zeros_like(step[:, :1])], axis=1)
        step[:, 0] = 0  # it rests in the first half frame
        multiples = self._multiples.astype(np.float32)
        noises = np.float32(math.sqrt(np.square(weight).sum())) * np.where(voiced, VOICED_NOISE, SINE_AMPLITUDE / 3)
        given = {
            "exact": (np.array(phases).reshape(-1, 1) * self._multiples).astype(np.float32) * _CYCLE,
            "step": step.reshape(-1, 1) * multiples,
            "following": following.reshape(-1, 1) * multiples,
            "weight": weight,
            "bias": bias,
            "loudness": np.where(voiced, np.float32(SINE_AMPLITUDE), np.float32(0)),
            "noises": noises.astype(np.float32) * np.float32(noise is not None),
            "noise": np.zeros((pitch.size, 1), np.float32)
            if noise is None
            else np.array(noise).reshape(pitch.size, -1),
        }
        (made,) = self._session.run(None, given)
        return mx.array(made.reshape(len(pitch), -1))


def _graph(config: VocoderConfig) -> bytes:
    """For F frames and H harmonics: where their cycles stand in the middle of each frame and how far they go until the
    middle of the next, and what the sines, merged, are multiplied with; (F, hop)."""
    graph = OnnxGraph("source")
    hop, harmonics = config.hop_samples, config.harmonics
    place = (np.arange(hop, dtype=np.float32) + np.float32(0.5)) / np.float32(hop) - np.float32(0.5)
    before, after = (graph.weight(part) for part in (np.minimum(place, 0), np.maximum(place, 0)))
    exact, step, following = (
        graph.input(name, FLOAT, [harmonics, "frames", 1]) for name in ("exact", "step", "following")
    )
    cycles = graph.node("Add", exact, graph.node("Mul", step, before))
    cycles = graph.node("Add", cycles, graph.node("Mul", following, after))
    cycles = graph.node("Sub", cycles, graph.node("Floor", cycles))
    sines = graph.node("Sin", graph.node("Mul", cycles, graph.weight(np.array(2 * math.pi, np.float32))))
    apart = graph.node("Reshape", sines, graph.weight(np.array([harmonics, -1], np.int64)))
    weight, bias = graph.input("weight", FLOAT, [1, harmonics]), graph.input("bias", FLOAT, [1])
    merged = graph.node("Reshape", graph.node("MatMul", weight, apart), graph.weight(np.array([-1, hop], np.int64)))
    loudness, noises = (graph.input(name, FLOAT, ["frames", 1]) for name in ("loudness", "noises"))
    merged = graph.node("Add", graph.node("Mul", merged, loudness), bias)
    noise = graph.node("Mul", graph.input("noise", FLOAT, ["frames", "samples"]), noises)
    graph.node("Tanh", graph.node("Add", merged, noise), name="source")
    graph.output("source", FLOAT, ["frames", hop])
    return graph.model()
