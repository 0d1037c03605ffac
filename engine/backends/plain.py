"""The networks as they are: what a Mac's GPU takes. Traced, and what speaks in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import mlx.core as mx
import mlx.nn as nn

from engine.backends import unplanned
from engine.backends.dilated import DilatedConvolution
from engine.backends.half import halve_flow, halve_vocoder
from engine.backends.modules import exchange
from engine.hearing import Hearing
from engine.language import LanguageModel, Sampling
from engine.language.fusing import merged
from engine.language.llm import gated
from engine.language.sampler import Chooser, chooser
from engine.speaking.convolution import Convolution
from engine.speaking.euler import EulerSteps, step_piece, step_whole, time_of, trim
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder
from engine.traced import Traced

if TYPE_CHECKING:
    from engine.backends.cpu.packed_product import Packed


class Plain:
    """`half` says whether flow and vocoder multiply in half precision; by default they do on a GPU.

    On a CUDA device putting a piece of speech together keeps a core busy and the device idle, which writes meanwhile.
    """

    name = "plain"

    def __init__(self, half: bool | None = None) -> None:
        on_gpu = mx.default_device() == mx.Device(mx.gpu)
        self.half = on_gpu if half is None else half
        self._elsewhere = on_gpu and not mx.metal.is_available()
        self._traced: list[Traced] = []
        self._choosers: dict[Sampling, Traced] = {}

    @property
    def beside(self) -> bool:
        """See `Backend`."""
        return self._elsewhere

    @property
    def first_alone(self) -> bool:
        """See `Backend`."""
        return self._elsewhere

    @property
    def traces(self) -> int:
        """How many functions were traced so far, every new shape counts: none in a running conversation."""
        return sum(traced.count for traced in self._traced)

    def packs(self, weight_bytes: int) -> bool:
        """See `Backend`."""
        return False

    def attach_hearing(self, hearing: Hearing) -> None:
        """See `Backend`."""
        if self._elsewhere:
            hearing.encoder.fuse(merged)
            mx.eval(hearing.encoder.parameters())  # the parts are let go
            for network in (hearing.encoder, hearing.adaptor):
                exchange(network, {nn.Conv1d: unplanned.UnplannedConvolution})
            for block in hearing.encoder.blocks:
                block.attn.attend = unplanned.attend

    def attach_language(self, llm: LanguageModel, packed: Mapping[str, Packed], weight_bytes: int) -> None:
        """See `Backend`."""
        compiled = mx.compile(gated, shapeless=True)
        for layer in llm.model.layers:
            layer.mlp.gated = compiled
            if self._elsewhere:
                layer.self_attn.attend = unplanned.attend
                layer.self_attn.attend_last = unplanned.attend_last
        llm.chooser = self._chooser

    def attach_flow(self, flow: Flow) -> None:
        """See `Backend`."""
        if self.half:
            halve_flow(flow)
        whole, piece = (self._trace(partial(step, flow.estimator)) for step in (step_whole, step_piece))
        flow.take_steps(EulerSteps(whole, piece, time_of, trim, padded=True), self._trace(flow.padded_conditions))

    def attach_vocoder(self, vocoder: Vocoder) -> None:
        """See `Backend`."""
        if self._elsewhere:
            exchange(vocoder, {Convolution: DilatedConvolution.instead})
        if self.half:
            halve_vocoder(vocoder)
        vocoder.take(self._trace(vocoder.f0_predictor), self._trace(vocoder.shape), padded=True)

    def _trace(self, function: object) -> Traced:
        traced = Traced(function)  # type: ignore[arg-type]
        self._traced.append(traced)
        return traced

    def _chooser(self, sampling: Sampling) -> Chooser:
        """What chooses ids: many small operations, traced once for all passages."""
        how = replace(sampling, seed=None)
        if how not in self._choosers:
            self._choosers[how] = self._trace(chooser(how))
        return self._choosers[how]
