"""Makes a smaller copy of a model folder: affine weights of 4 to 8 bits.

Understanding survives narrow weights in the language model's layers; speech tokens suffer when the embeddings, the head
or the encoder are narrow. So `bits` applies to the layers only and the other matrices take 8 bits; convolutions, norms
and position tables stay whole, and token2wav is taken over as it is.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx

from engine.checkpoints.catalogue import CONVERTING, UNFINISHED
from engine.checkpoints.config import QUANTISED_BITS, QUANTISED_GROUPS, read_config, read_json
from engine.checkpoints.folder_lock import locked
from engine.checkpoints.shards import StoredTensor, list_tensors
from engine.checkpoints.weights import map_tensors
from engine.errors import CheckpointError, RequestError, StorageError
from engine.events import Progress
from engine.storage import storage_error

_LAYERS = "model.layers."
_CAREFUL_BITS = 8
_SHARD_BYTES = 4_000_000_000
_MOST_DIFFERENCE = 0.3  # of a matrix and its copy, in norms: 4 bits leave about 0.1
_WEIGHT_FILES = (".safetensors", ".safetensors.index.json")


@dataclass
class _Plan:
    """What becomes of each matrix; collects the "quantization" block of the new config.json."""

    bits: int
    group_size: int
    block: dict[str, Any] = field(default_factory=dict)

    def bits_of(self, name: str, tensor: StoredTensor) -> int | None:
        """Bits for the tensor `name`, None to keep it whole."""
        path, kind = name.rpartition(".")[::2]
        if kind != "weight" or len(tensor.shape) != 2 or "positional_embedding" in name:
            return None
        if tensor.shape[1] % self.group_size:
            self.block[path] = False
            return None
        if path.startswith(_LAYERS) or self.bits >= _CAREFUL_BITS:
            return self.bits
        self.block[path] = {"bits": _CAREFUL_BITS, "group_size": self.group_size}
        return _CAREFUL_BITS


def converting(source: Path, target: Path, *, bits: int = 4, group_size: int = 64) -> Generator[Progress, None, Path]:
    """Write a quantised copy of the folder `source` to `target`; the generator's value is `target`.

    The new folder appears whole or not at all: closing the generator removes what was written. Raises RequestError
    for a width that is not known, a source that is quantised already or a target that exists, CheckpointError for a
    damaged source or a target that is being made already, StorageError when it cannot be written.
    """
    _check_request(source, bits, group_size)
    partial = target.with_name(f"{target.name}{CONVERTING}")
    with locked(target):
        _check_free(target)
        tensors = list_tensors(source)
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(mode=0o700)
            plan = _Plan(bits, group_size)
            _take_over(source, partial)
            yield from _write_shards(tensors, partial, plan)
            _write_config(source, partial, plan)
            _flush(partial)
            os.replace(partial, target)
        except OSError as error:
            raise storage_error(target, error) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def copied_bytes(folder: Path, bits: int, group_size: int = 64) -> int:
    """Bytes that the weights of a copy of the folder would take, from its headers only. Raises CheckpointError."""
    plan, total = _Plan(bits, group_size), 0
    for name, tensor in list_tensors(folder).items():
        width = plan.bits_of(name, tensor)
        values = math.prod(tensor.shape)
        total += tensor.bytes if width is None else values * width // 8 + 2 * values // group_size * 2  # scales, biases
    return total


def verifying(source: Path, copy: Path) -> Generator[Progress, None, None]:
    """Read a finished copy back, all of it, and compare each matrix with the one it was made of.

    Raises CheckpointError for a copy that is damaged or differs by more than narrow weights do.
    """
    originals, config = list_tensors(source), read_config(copy)
    stored = map_tensors(list_tensors(copy))
    assert config.quantisation is not None
    total, done = sum(tensor.bytes for tensor in originals.values()), 0
    for name, tensor in originals.items():
        array = map_tensors({name: tensor})[name].astype(mx.float32)
        path = name.removesuffix(".weight")
        made = stored[name]
        if f"{path}.scales" in stored:
            pair = config.quantisation.of(path)
            assert pair is not None
            made = mx.dequantize(made, stored[f"{path}.scales"], stored[f"{path}.biases"], pair[1], pair[0])
        difference = mx.linalg.norm(made.astype(mx.float32) - array)
        if not (difference <= _MOST_DIFFERENCE * mx.linalg.norm(array)).item():
            raise CheckpointError(
                "The copy {copy} differs from {source} in '{name}'. Make it again.", copy=copy, source=source, name=name
            )
        done += tensor.bytes
        yield Progress("verifying", done, total, "bytes")


def _check_request(source: Path, bits: int, group_size: int) -> None:
    if bits not in QUANTISED_BITS or group_size not in QUANTISED_GROUPS:
        raise RequestError(
            "{bits} bits in groups of {group_size} are not possible; choose {known_bits} bits in groups of "
            "{known_groups}.",
            bits=bits,
            group_size=group_size,
            known_bits=", ".join(map(str, QUANTISED_BITS)),
            known_groups=", ".join(map(str, QUANTISED_GROUPS)),
        )
    if read_config(source).quantisation is not None:
        raise RequestError("{source} is quantised already. Convert the original folder instead.", source=source)


def _check_free(target: Path) -> None:
    if os.path.lexists(target):
        raise RequestError("{target} exists already. Choose another name or remove it first.", target=target)
    if os.path.lexists(target.with_name(target.name + UNFINISHED)):
        raise RequestError(
            "There is an unfinished download of {name}. Finish or discard it first, or choose another name.",
            name=target.name,
        )


def _write_config(source: Path, partial: Path, plan: _Plan) -> None:
    config = read_json(source / "config.json")
    config["earshot"] = {**(config.get("earshot") or {}), "variant": read_config(source).variant}
    config["quantization"] = {"group_size": plan.group_size, "bits": plan.bits, **plan.block}
    (partial / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")


def _flush(folder: Path) -> None:
    """Flush a folder's files to the disk before it gets its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _take_over(source: Path, partial: Path) -> None:
    """Everything but the weights: linked where the disk allows, copied elsewhere."""
    for path in sorted(source.rglob("*")):
        made_anew = path.name.endswith(_WEIGHT_FILES) or path.name == "config.json"
        if not path.is_file() or (path.parent == source and made_anew):
            continue
        copy = partial / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), copy)
        except OSError:
            shutil.copyfile(path, copy)


def _write_shards(tensors: dict[str, StoredTensor], partial: Path, plan: _Plan) -> Generator[Progress, None, None]:
    total = sum(tensor.bytes for tensor in tensors.values())
    done = 0
    weight_map: dict[str, str] = {}
    for number, names in enumerate(_shards(tensors), start=1):
        file = f"model-{number:05d}.safetensors"
        stored = map_tensors({name: tensors[name] for name in names})
        shard: dict[str, mx.array] = {}
        for name in names:
            shard |= _converted(name, stored.pop(name), plan.bits_of(name, tensors[name]), plan.group_size)
            done += tensors[name].bytes
            yield Progress("converting", done, total, "bytes")
        _save(partial / file, shard)
        weight_map |= dict.fromkeys(shard, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (partial / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _save(path: Path, shard: dict[str, mx.array]) -> None:
    try:
        mx.save_safetensors(str(path), shard, {"format": "mlx"})
    except RuntimeError as error:  # what MLX raises for a full disk
        raise StorageError(
            "{path} could not be written ({reason}). Free some space or choose another place.", path=path, reason=error
        ) from error


def _shards(tensors: dict[str, StoredTensor]) -> Iterator[list[str]]:
    names: list[str] = []
    size = 0
    for name, tensor in tensors.items():
        if names and size + tensor.bytes > _SHARD_BYTES:
            yield names
            names, size = [], 0
        names.append(name)
        size += tensor.bytes
    yield names


def _converted(name: str, array: mx.array, bits: int | None, group_size: int) -> dict[str, mx.array]:
    if bits is None:
        mx.eval(array)
        return {name: array}
    packed, scales, biases = mx.quantize(array, group_size=group_size, bits=bits)
    mx.eval(packed, scales, biases)
    path = name.removesuffix(".weight")
    return {name: packed, f"{path}.scales": scales, f"{path}.biases": biases}
