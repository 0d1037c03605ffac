"""The vocoder's network on a CPU as one graph of onnxruntime's.

MLX lays every convolution's input out anew, element by element, before it multiplies, and computes sines one at a time.
onnxruntime does both with vector instructions, and keeps Python's lock for none of it, so that the writing beside it
goes on. A piece of the starter's speech takes less than half the work.
"""

from __future__ import annotations

import mlx.core as mx
import numpy as np

from engine.backends.cpu.onnx_model import FLOAT, OnnxGraph
from engine.backends.cpu.onnx_session import floats, session_of
from engine.speaking.convolution import Convolution, TransposedConvolution
from engine.speaking.vocoder import BINS, HOP, LAST_SLOPE, LOG_LOUDEST_BIN, SLOPE, TINY, ResBlock, Snake, Vocoder


class VocoderByOnnx:
    """What `Vocoder.shape` does: mel (B, T, 80) and source (B, T · hop) to samples (B, T · hop)."""

    def __init__(self, vocoder: Vocoder) -> None:
        """Its weights are copied as they are now, and none of its layers may have been exchanged."""
        self._vocoder = vocoder
        self._session = session_of(_Graph(vocoder).model(), spread=True)

    def __call__(self, mel: mx.array, source: mx.array) -> mx.array:
        """See `Vocoder.shape`."""
        given = {"mel": np.array(mel), "spectrum": np.array(self._vocoder.spectrum(source))}
        (total,) = self._session.run(None, given)
        return self._vocoder.limited(mx.array(total[:, 0]))

    once = __call__


class _Graph:
    """Puts the graph together; within it arrays are (B, C, T)."""

    def __init__(self, vocoder: Vocoder) -> None:
        self._graph = OnnxGraph("vocoder")
        mel, spectrum = (
            self._turned(self._graph.input(name, FLOAT, ["batch", times, width]))
            for name, times, width in (("mel", "frames", vocoder.config.mel_channels), ("spectrum", "places", 2 * BINS))
        )
        x = self._convolved(mel, vocoder.conv_pre)
        for stage in range(len(vocoder.ups)):
            x = self._stage(vocoder, stage, self._leaky(x, SLOPE), spectrum)
        polar = self._polar(self._leaky(x, LAST_SLOPE), vocoder.conv_post)
        windows = self._graph.weight(floats(vocoder.windows)[:, None])
        self._graph.node("ConvTranspose", polar, windows, name="total", strides=[HOP])
        self._graph.output("total", FLOAT, ["batch", 1, "samples"])

    def model(self) -> bytes:
        return self._graph.model()

    def _stage(self, vocoder: Vocoder, stage: int, x: str, spectrum: str) -> str:
        x = self._raised(x, vocoder.ups[stage])
        if stage == len(vocoder.ups) - 1:
            x = self._graph.node("Concat", self._slice(x, 1, 2), x, axis=2)
        down = self._convolved(spectrum, vocoder.source_downs[stage])
        x = self._add(x, self._block(down, vocoder.source_resblocks[stage]))
        each = len(vocoder.resblocks) // len(vocoder.ups)
        made = [self._block(x, block) for block in vocoder.resblocks[stage * each : (stage + 1) * each]]
        total = made[0]
        for other in made[1:]:
            total = self._add(total, other)
        return total if each == 1 else self._graph.node("Mul", total, self._constant(1.0 / each))

    def _block(self, x: str, block: ResBlock) -> str:
        pairs = zip(block.activations1, block.convs1, block.activations2, block.convs2, strict=True)
        for first, convolution1, second, convolution2 in pairs:
            inner = self._convolved(self._snake(x, first), convolution1)
            x = self._add(x, self._convolved(self._snake(inner, second), convolution2))
        return x

    def _snake(self, x: str, snake: Snake) -> str:
        alpha = floats(snake.alpha)[:, None]
        sine = self._graph.node("Sin", self._graph.node("Mul", x, self._graph.weight(alpha)))
        share = self._graph.weight(np.float32(1.0) / (alpha + np.float32(TINY)))
        return self._add(x, self._graph.node("Mul", self._graph.node("Mul", sine, sine), share))

    def _polar(self, x: str, last: Convolution) -> str:
        """Real and imaginary parts from the logarithmic magnitude and the phase that the last convolution gives."""
        loudest = self._constant(LOG_LOUDEST_BIN)
        magnitude = self._graph.node("Exp", self._graph.node("Min", self._convolved(x, last, slice(0, BINS)), loudest))
        phase = self._graph.node("Sin", self._convolved(x, last, slice(BINS, None)))
        parts = [self._graph.node("Mul", magnitude, self._graph.node(name, phase)) for name in ("Cos", "Sin")]
        return self._graph.node("Concat", *parts, axis=1)

    def _convolved(self, x: str, convolution: Convolution, rows: slice = slice(None)) -> str:
        padding, dilation, stride = convolution.geometry
        weight, bias = (floats(array)[rows] for array in (convolution.weight, convolution.bias))
        return self._graph.node(
            "Conv",
            x,
            self._graph.weight(weight.swapaxes(1, 2)),
            self._graph.weight(bias),
            kernel_shape=[weight.shape[1]],
            pads=[padding, padding],
            dilations=[dilation],
            strides=[stride],
        )

    def _raised(self, x: str, up: TransposedConvolution) -> str:
        weight = floats(up.weight)
        padding = (weight.shape[1] - up.stride) // 2
        return self._graph.node(
            "ConvTranspose",
            x,
            self._graph.weight(weight.transpose(2, 0, 1)),
            self._graph.weight(floats(up.bias)),
            kernel_shape=[weight.shape[1]],
            pads=[padding, padding],
            strides=[up.stride],
        )

    def _leaky(self, x: str, slope: float) -> str:
        return self._graph.node("LeakyRelu", x, alpha=slope)

    def _add(self, x: str, other: str) -> str:
        return self._graph.node("Add", x, other)

    def _slice(self, x: str, start: int, end: int) -> str:
        limits = [self._graph.weight(np.array([value], np.int64)) for value in (start, end, 2)]
        return self._graph.node("Slice", x, *limits)

    def _turned(self, x: str, name: str = "") -> str:
        return self._graph.node("Transpose", x, name=name, perm=[0, 2, 1])

    def _constant(self, value: float) -> str:
        return self._graph.weight(np.array(value, np.float32))
