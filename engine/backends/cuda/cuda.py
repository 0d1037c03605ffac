"""The back-end for CUDA devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import mlx.core as mx

from engine.backends.cuda.estimator import CudaEstimator, triples
from engine.backends.cuda.single_step import SingleStep
from engine.backends.cuda.vocoder import CudaPitch, CudaVocoder
from engine.backends.half import HALF, halve_flow
from engine.backends.plain import Plain
from engine.language import LanguageModel
from engine.speaking.euler import VOICE_TAIL_FRAMES, EulerSteps, Parts, trim
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder

if TYPE_CHECKING:
    from engine.backends.cpu.packed_product import Packed


class Cuda(Plain):
    """Kernels of ours where the sizes allow them, else what `Plain` takes.

    `half` as there, but for the vocoder: its products stay float32.
    """

    name = "cuda"

    def attach_language(self, llm: LanguageModel, packed: Mapping[str, Packed], weight_bytes: int) -> None:
        """See `Backend`."""
        super().attach_language(llm, packed, weight_bytes)
        if SingleStep.fits(llm):
            llm.single_step = SingleStep(llm, self._trace)

    def attach_flow(self, flow: Flow) -> None:
        """See `Backend`."""
        if not CudaEstimator.fits(flow.estimator):
            super().attach_flow(flow)
            return
        if self.half:
            halve_flow(flow)
        estimator = CudaEstimator(flow.estimator, HALF if self.half else mx.float32)
        # What a stream keeps of a step is not made by the first of the two, so that it needs no memory.
        whole, piece = self._trace(lambda *given: estimator.step(*given)[0]), self._trace(estimator.step)
        steps = EulerSteps(whole, piece, triples, _joined, always_guided=True, long_pieces=True, padded=True)
        flow.take_steps(steps, self._trace(flow.padded_conditions))

    def attach_vocoder(self, vocoder: Vocoder) -> None:
        """See `Backend`."""
        vocoder.take(self._trace(CudaPitch(vocoder.f0_predictor)), self._trace(CudaVocoder(vocoder, mx.float32)))


def _joined(parts: Parts, newest: int) -> Parts:
    """What was kept, in one part. A kernel trims it as it makes it, but that of a very short voice."""
    if parts[0][0].shape[2] <= newest + VOICE_TAIL_FRAMES:
        return parts
    keys, values, past = trim(parts, newest)
    return [mx.concatenate(key, axis=2) for key in keys], [mx.concatenate(value, axis=2) for value in values], past
