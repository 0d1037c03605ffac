"""Weights kept and multiplied in half precision; sums, norms and what passes from layer to layer stay float32."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from engine.backends.dilated import DilatedConvolution
from engine.backends.modules import exchange
from engine.speaking.convolution import Convolution
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder

HALF = mx.float16


class HalfLinear(nn.Module):
    """What a linear layer does, its product in half precision."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight.astype(HALF)
        if "bias" in linear:
            self.bias = linear.bias

    def __call__(self, x: mx.array) -> mx.array:
        y = (x.astype(HALF) @ self.weight.T).astype(mx.float32)
        return y + self.bias if "bias" in self else y


class HalfStoredLinear(nn.Module):
    """What a linear layer does, its weight held in half precision and multiplied in float32: for what runs once."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight.astype(HALF), linear.bias

    def __call__(self, x: mx.array) -> mx.array:
        return x @ self.weight.astype(mx.float32).T + self.bias


class HalfConvolution(nn.Module):
    """What a convolution does, in half precision."""

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight.astype(HALF), convolution.bias
        self._geometry = convolution.geometry

    def __call__(self, x: mx.array) -> mx.array:
        padding, dilation, stride = self._geometry
        made = mx.conv1d(x.astype(HALF), self.weight, stride, padding, dilation)
        return made.astype(mx.float32) + self.bias


def halve_flow(flow: Flow) -> None:
    """Let a merged flow multiply in half precision, but for the narrow layers through which the mel comes and goes."""
    exchange(flow.encoder, {nn.Linear: HalfLinear})
    for block in flow.estimator.blocks:
        for part in (block.attn, block.conv, block.mlp):
            exchange(part, {nn.Linear: HalfLinear})
        block.attn.store_as(HALF)
        exchange(block, {nn.Linear: HalfStoredLinear})  # what is left: the modulation
    mx.eval(flow.parameters())


def halve_vocoder(vocoder: Vocoder) -> None:
    """Let the residual blocks of a merged vocoder, nearly all of its work, multiply in half precision.

    The pitch stays as it is, for the voice's phase is the sum of it; and so do the few convolutions that all sound goes
    through, whose rounding is heard at once.
    """
    for blocks in (vocoder.source_resblocks, vocoder.resblocks):
        for block in blocks:
            exchange(block, {Convolution: HalfConvolution, DilatedConvolution: lambda conv: conv.hold_as(HALF)})
    mx.eval(vocoder.parameters())
