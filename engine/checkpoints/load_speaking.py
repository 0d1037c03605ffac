"""Loads a token2wav folder as published: flow.yaml, flow.pt, hift.pt and the two ONNX files of the voice."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from engine.backends import Backend, choose
from engine.checkpoints.flow_yaml import read_flow_config
from engine.checkpoints.torch_file import read
from engine.errors import CheckpointError
from engine.speaking import Speaking
from engine.speaking.flow import Flow
from engine.speaking.speaking import DEFAULT_STEPS
from engine.speaking.vocoder import Vocoder, VocoderConfig


def load_speaking(folder: Path, steps: int | None = None, backend: Backend | None = None) -> Speaking:
    """All of a token2wav folder; `steps` are the flow steps the model wants. Raises CheckpointError.

    None for `backend` takes what `choose` takes.
    """
    backend = backend or choose()
    flow, vocoder = load_flow(folder, backend), load_vocoder(folder, backend)
    if vocoder.config.mel_channels != flow.config.output_size:
        raise CheckpointError(
            "{path} and flow.pt belong to different models. Download it again.", path=folder / "hift.pt"
        )
    return Speaking(
        folder,
        flow,
        vocoder,
        steps=DEFAULT_STEPS if steps is None else steps,
        beside=backend.beside,
        first_alone=backend.first_alone,
    )


def load_flow(folder: Path, backend: Backend | None = None) -> Flow:
    """The flow of a token2wav folder, read as float32; `backend` as for `load_speaking`. Raises CheckpointError."""
    flow = Flow(read_flow_config(folder / "flow.yaml"))
    _fill(flow, Flow.published(read(folder / "flow.pt")), folder / "flow.pt")
    flow.fuse()
    (backend or choose()).attach_flow(flow)
    return flow


def load_vocoder(folder: Path, backend: Backend | None = None) -> Vocoder:
    """The vocoder of a token2wav folder, read as float32; `backend` as for `load_speaking`. Raises CheckpointError."""
    path = folder / "hift.pt"
    weights = read(path)
    try:
        weights = Vocoder.published(weights)
        config = VocoderConfig.from_shapes({name: value.shape for name, value in weights.items()})
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            "{path} does not hold a HiFT vocoder: {reason} is missing.", path=path, reason=error
        ) from error
    vocoder = Vocoder(config)
    _fill(vocoder, weights, path)
    vocoder.fuse()
    (backend or choose()).attach_vocoder(vocoder)
    return vocoder


def _fill(network: nn.Module, weights: dict[str, mx.array], path: Path) -> None:
    """Put weights into the network; every name and shape must be the network's own."""
    wanted = dict(tree_flatten(network.parameters()))
    for name, parameter in wanted.items():
        if name not in weights:
            raise CheckpointError(
                "{path} does not fit the model: {name} is missing. Download it again.", path=path, name=name
            )
        if weights[name].shape != parameter.shape:
            raise CheckpointError(
                "{path} does not fit the model: {name} is {shape} where {needed} is needed.",
                path=path,
                name=name,
                shape=weights[name].shape,
                needed=parameter.shape,
            )
    unknown = sorted(set(weights) - set(wanted))
    if unknown:
        raise CheckpointError("{path} does not fit the model: nothing is known of {name}.", path=path, name=unknown[0])
    network.load_weights([(name, value.astype(mx.float32)) for name, value in weights.items()])
    network.eval()
    mx.eval(network.parameters())
