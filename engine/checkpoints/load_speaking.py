"""Loads a token2wav folder as published: flow.yaml, flow.pt, hift.pt and the two ONNX files of the voice."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from engine.checkpoints.flow_yaml import read_flow_config
from engine.checkpoints.torch_file import read
from engine.errors import CheckpointError
from engine.speaking import Speaking
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder, VocoderConfig


def load_speaking(folder: Path, steps: int | None = None) -> Speaking:
    """All of a token2wav folder; `steps` are the flow steps the model wants. Raises CheckpointError."""
    flow, vocoder = load_flow(folder), load_vocoder(folder)
    if vocoder.config.mel_channels != flow.config.output_size:
        raise CheckpointError(f"{folder / 'hift.pt'} and flow.pt are not of the same model. Download it again.")
    return Speaking(folder, flow, vocoder, **({} if steps is None else {"steps": steps}))


def load_flow(folder: Path) -> Flow:
    """The flow of a token2wav folder in float32. Raises CheckpointError."""
    flow = Flow(read_flow_config(folder / "flow.yaml"))
    _fill(flow, Flow.published(read(folder / "flow.pt")), folder / "flow.pt")
    flow.fuse()
    return flow


def load_vocoder(folder: Path) -> Vocoder:
    """The vocoder of a token2wav folder in float32. Raises CheckpointError."""
    path = folder / "hift.pt"
    weights = read(path)
    try:
        weights = Vocoder.published(weights)
        config = VocoderConfig.from_shapes({name: value.shape for name, value in weights.items()})
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{path} does not hold a HiFT vocoder: {error} is missing.") from error
    vocoder = Vocoder(config)
    _fill(vocoder, weights, path)
    vocoder.fuse()
    return vocoder


def _fill(network: nn.Module, weights: dict[str, mx.array], path: Path) -> None:
    """Put weights into the network; every name and shape must be the network's own."""
    wanted = dict(tree_flatten(network.parameters()))
    for name, parameter in wanted.items():
        if name not in weights:
            raise CheckpointError(f"{path} does not fit the model: {name} is missing. Download it again.")
        if weights[name].shape != parameter.shape:
            raise CheckpointError(
                f"{path} does not fit the model: {name} is {weights[name].shape} where {parameter.shape} is needed."
            )
    unknown = sorted(set(weights) - set(wanted))
    if unknown:
        raise CheckpointError(f"{path} does not fit the model: nothing is known of {unknown[0]}.")
    network.load_weights([(name, value.astype(mx.float32)) for name, value in weights.items()])
    network.eval()
    mx.eval(network.parameters())
