"""Reads flow.yaml: HyperPyYAML, whose `!new:` and other tags are taken as data. Nothing is imported or called."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from engine.errors import CheckpointError
from engine.regular_files import read_regular
from engine.speaking.flow import FlowConfig

_LARGEST = 1 << 20
_LARGEST_SIZE = 1 << 20
_LARGEST_RATIO = 100
_LAYERS = ("depth", "num_blocks", "num_up_blocks")
_MOST_LAYERS = 1000


class _DataLoader(yaml.SafeLoader):
    """The safe loader, for which a tagged mapping is a mapping, a tagged list a list and a tagged value a text."""


def _untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    del tag
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_DataLoader.add_multi_constructor("!", _untagged)


def read_flow_config(path: Path) -> FlowConfig:
    """Sizes of the flow. Raises CheckpointError when the file is missing, not YAML or lacks a size."""
    try:
        values = yaml.load(read_regular(path, _LARGEST).decode(), Loader=_DataLoader)
    except FileNotFoundError:
        raise CheckpointError("{path} is missing. Download the complete model.", path=path) from None
    except OSError as error:
        raise CheckpointError("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise CheckpointError("{path} is damaged: it is not readable YAML. Download it again.", path=path) from error
    try:
        config = FlowConfig.from_yaml(values["flow"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            "{path} does not state all sizes of the flow ({reason}). Download it again.", path=path, reason=error
        ) from error
    _check(config, path)
    return config


def _check(config: FlowConfig, path: Path) -> None:
    for part in (config, config.encoder, config.estimator):
        for field in fields(part):
            value = getattr(part, field.name)
            if not _is_possible(field.name, str(field.type), value):
                raise CheckpointError(
                    "{path} states an impossible {field}: {value!r:.80}. Download it again.",
                    path=path,
                    field=field.name,
                    value=value,
                )
    if int(config.estimator.hidden_size * config.estimator.mlp_ratio) < 1:
        ratio = config.estimator.mlp_ratio
        raise CheckpointError(
            "{path} states an impossible mlp_ratio: {ratio!r:.80}. Download it again.", path=path, ratio=ratio
        )
    if config.encoder.output_size % config.encoder.attention_heads:
        raise CheckpointError(
            "{path}: the encoder's width cannot be divided among its heads. Download it again.", path=path
        )
    if config.estimator.in_channels != 4 * config.output_size:
        raise CheckpointError("{path} describes a flow of another kind of model.", path=path)


def _is_possible(name: str, kind: str, value: Any) -> bool:
    """Whether a value can be the `name` that the configuration declares to be of this kind."""
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        most = _MOST_LAYERS if name in _LAYERS else _LARGEST_SIZE
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST_RATIO
    return True  # a part, which is checked on its own
