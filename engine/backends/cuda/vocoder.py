"""The vocoder's network on a CUDA device: every convolution as one kernel of ours and one matrix product.

The kernel lays out what the product multiplies, and does on the way what comes before it: bias and residual of the
convolution before, and the activation. The same numbers as `vocoder` gives. Arrays are (T, C), for one utterance.
"""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from engine.backends.cuda import kernels
from engine.speaking.convolution import Convolution, TransposedConvolution
from engine.speaking.vocoder import SLOPE, F0Predictor, ResBlock, Vocoder


class _Convolution:
    def __init__(
        self, source: Convolution, dtype: mx.Dtype, curve: int = kernels.AS_IS, alpha: mx.array | None = None
    ) -> None:
        self.window = kernels.Window(source.weight.shape[1], *source.geometry, curve)
        self.bias = source.bias
        self._dtype, self._alpha = dtype, alpha
        self._weight = mx.contiguous(source.weight.reshape(source.weight.shape[0], -1).astype(dtype)).T
        mx.eval(self._weight)

    def __call__(
        self, x: mx.array, y: mx.array | None = None, bias: mx.array | None = None, *, added: bool = True
    ) -> tuple[mx.array, mx.array]:
        """The convolution of x, of x + y + bias or, not `added`, of y + bias; without its own bias. And that sum."""
        kind = kernels.PLAIN if y is None else kernels.ADDED if added else kernels.SHIFTED
        total, rows = kernels.unfold(kind, self.window, self._dtype, x, y, bias, self._alpha)
        return rows @ self._weight, total

    def biased(self, x: mx.array) -> mx.array:
        """The convolution of x (T, C), in float32."""
        return self(x)[0].astype(mx.float32) + self.bias


class CudaResBlock:
    """Three pairs of a dilated and a plain convolution, each pair with a residual."""

    def __init__(self, block: ResBlock, dtype: mx.Dtype) -> None:
        firsts = zip(block.convs1, block.activations1, strict=True)
        seconds = zip(block.convs2, block.activations2, strict=True)
        self._first = [_Convolution(conv, dtype, kernels.SNAKE, snake.alpha) for conv, snake in firsts]
        self._second = [_Convolution(conv, dtype, kernels.SNAKE, snake.alpha) for conv, snake in seconds]

    def __call__(self, x: mx.array) -> mx.array:
        """x (T, C) to (T, C), float32."""
        branch: mx.array | None = None
        bias = self._second[-1].bias
        for first, second in zip(self._first, self._second, strict=True):
            inner, total = first(x, branch, bias)
            x = x if branch is None else total
            branch, _ = second(inner, inner, first.bias, added=False)
            bias = second.bias
        assert branch is not None
        return x + branch.astype(mx.float32) + bias


class CudaTransposed:
    """A transposed convolution: one product, and what overlaps is added. Gives float32."""

    def __init__(self, source: TransposedConvolution, dtype: mx.Dtype, *, front: bool = False) -> None:
        self._dtype, self._front = dtype, front
        self._bias, self._stride = source.bias, source.stride
        self._channels, self._taps = source.weight.shape[0], source.weight.shape[1]
        self._matrix = mx.contiguous(source.laid_out().T.astype(dtype)).T
        mx.eval(self._matrix)

    def __call__(self, x: mx.array) -> mx.array:
        """x (T, in) to (T · stride, out); `front` puts the second frame before the first."""
        return kernels.overlap(
            x.astype(self._dtype) @ self._matrix,
            self._bias,
            self._channels,
            taps=self._taps,
            stride=self._stride,
            start=(self._taps - self._stride) // 2,
            front=self._front,
        )


class CudaPitch:
    """The pitch predictor; always with float32 products, for the phase of the voice is the sum of what it gives."""

    def __init__(self, predictor: F0Predictor) -> None:
        self._predictor = predictor
        convolutions = [layer for layer in predictor.condnet if isinstance(layer, Convolution)]
        self._layers = [
            _Convolution(conv, mx.float32, kernels.ELU if index else kernels.AS_IS)
            for index, conv in enumerate(convolutions)
        ]
        self._classifier = predictor.classifier

    def __call__(self, mel: mx.array) -> mx.array:
        """mel (1, T, 80) to Hz (1, T). More than one go through the network."""
        if len(mel) > 1:
            found: mx.array = self._predictor(mel)
            return found
        y, _ = self._layers[0](mel[0])
        for before, layer in zip(self._layers, self._layers[1:], strict=False):
            y, _ = layer(y, y, before.bias, added=False)
        values = y + self._layers[-1].bias
        values = mx.where(values > 0, values, mx.expm1(values))
        return mx.abs(self._classifier(values)[..., 0])[None]


class CudaVocoder:
    """From mel and source to samples, for one utterance. `dtype` is that of the matrix products."""

    def __init__(self, vocoder: Vocoder, dtype: mx.Dtype) -> None:
        self._vocoder = vocoder
        self._before = _Convolution(vocoder.conv_pre, dtype)
        self._ups = [CudaTransposed(up, dtype, front=up is vocoder.ups[-1]) for up in vocoder.ups]
        self._downs = [_Convolution(down, dtype) for down in vocoder.source_downs]
        self._source_blocks = [CudaResBlock(block, dtype) for block in vocoder.source_resblocks]
        self._blocks = [CudaResBlock(block, dtype) for block in vocoder.resblocks]
        self._after = _Convolution(vocoder.conv_post, dtype, kernels.LAST_LEAKY)

    def __call__(self, mel: mx.array, source: mx.array) -> mx.array:
        """mel (1, T, 80) and source (1, T · hop) to samples (1, T · hop). More than one go through the network."""
        if len(mel) > 1:
            return self._vocoder.shape(mel, source)
        return self._vocoder.sound(self._shaped(mel[0], self._vocoder.spectrum(source)[0])[None])

    def _shaped(self, mel: mx.array, spectrum: mx.array) -> mx.array:
        """mel (T, 80), spectrum (T', 18) to (T', 18)."""
        x = self._before.biased(mel)
        per_stage = len(self._blocks) // len(self._ups)
        for stage, up in enumerate(self._ups):
            x = up(nn.leaky_relu(x, SLOPE)) + self._source_blocks[stage](self._downs[stage].biased(spectrum))
            blocks = self._blocks[stage * per_stage : (stage + 1) * per_stage]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total * (1.0 / per_stage)
        return self._after.biased(x)
