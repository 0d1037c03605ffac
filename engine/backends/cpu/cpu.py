"""The back-end for CPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_reduce

from engine.backends.cpu.attention import causal_attention
from engine.backends.cpu.encoder_graph import BeginningByOnnx, BlockByOnnx
from engine.backends.cpu.flow_graph import PieceByOnnx
from engine.backends.cpu.numpy_step import NumpyStep
from engine.backends.cpu.onnx_session import SPREAD_BYTES
from engine.backends.cpu.packed_product import Packed
from engine.backends.cpu.source_graph import SourceByOnnx
from engine.backends.cpu.step_graph import StepByOnnx
from engine.backends.cpu.threads import cores, numpy_in_one_thread, spread_products
from engine.backends.cpu.vocoder_graph import VocoderByOnnx
from engine.hearing import Hearing
from engine.language import LanguageModel
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder
from engine.traced import AsIs

# Of weights: from here on products are worth spreading over the cores, and packed matrices beside the expanded ones
# would take memory that is short.
LARGE_BYTES = 1_000_000_000


class Cpu:
    """Nothing it puts in can be differentiated; float32 only, which a CPU multiplies many times faster than half."""

    name = "cpu"
    half = False
    first_alone = False  # speech is made by another core

    @property
    def beside(self) -> bool:
        """See `Backend`: the writing's single rows and speech's small products each keep one core busy."""
        return cores() > 1

    def packs(self, weight_bytes: int) -> bool:
        """See `Backend`."""
        return weight_bytes < LARGE_BYTES

    def attach_hearing(self, hearing: Hearing) -> None:
        """See `Backend`. A large encoder's products count for more than what lies between them."""
        encoder = hearing.encoder
        if encoder.conv1.weight.dtype == mx.float32 and _bytes_of(encoder) < LARGE_BYTES:
            encoder.begin = BeginningByOnnx(encoder)
            for block in filter(BlockByOnnx.fits, encoder.blocks):
                block.compute = BlockByOnnx(block)

    def attach_language(self, llm: LanguageModel, packed: Mapping[str, Packed], weight_bytes: int) -> None:
        """See `Backend`."""
        numpy_in_one_thread()
        spread_products(weight_bytes >= LARGE_BYTES)
        if llm.model.norm.weight.dtype == mx.float32:
            for layer in llm.model.layers:
                layer.self_attn.attend = layer.self_attn.attend_last = causal_attention
        if StepByOnnx.fits(llm, packed):
            llm.single_step = StepByOnnx(llm, packed)
        elif NumpyStep.fits(llm):
            llm.single_step = NumpyStep(llm, packed)

    def attach_flow(self, flow: Flow) -> None:
        """See `Backend`. Where products are large, what lies between them counts for little."""
        if _bytes_of(flow.estimator) < SPREAD_BYTES:
            flow.take_steps(replace(flow.steps, piece=PieceByOnnx(flow.estimator)))

    def attach_vocoder(self, vocoder: Vocoder) -> None:
        """See `Backend`."""
        vocoder.take(AsIs(vocoder.f0_predictor), VocoderByOnnx(vocoder), SourceByOnnx(vocoder))


def _bytes_of(network: nn.Module) -> int:
    return int(tree_reduce(lambda total, weight: total + weight.nbytes, network.parameters(), 0))
