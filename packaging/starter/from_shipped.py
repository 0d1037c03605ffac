"""Turns a published starter folder back into what the training scripts load, so that training can go on from it.

    python packaging/starter/from_shipped.py resources/starter OUT

OUT gets `weights-0.safetensors` (ear and language model, from 8 bits to float16) for `train_language.py --resume`, and
`tokenizer.safetensors`, the speech tokenizer's matrices as its ONNX file holds them, for `--speech-tokenizer`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import numpy as np
from assemble import BITS, GROUP
from mlx.utils import tree_flatten
from numpy.typing import NDArray
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from training import save

_KINDS = {1: np.float32, 3: np.int8, 6: np.int32, 7: np.int64}
_GRAPH, _WEIGHT, _DIMS, _KIND, _RAW = 7, 5, 1, 2, 9  # field numbers of onnx.proto
_EAR = ("encoder.", "adapter.")


def trained(folder: Path) -> dict[str, mx.array]:
    """The weights of a published folder under the names and in the layouts of training, in float16."""
    stored: dict[str, mx.array] = {}
    for path in sorted(folder.glob("model-*.safetensors")):
        stored |= mx.load(str(path))
    weights = {}
    for name, array in stored.items():
        stem = name.removesuffix(".weight")
        if name.endswith((".scales", ".biases")):
            continue
        if f"{stem}.scales" in stored:
            array = mx.dequantize(array, stored[f"{stem}.scales"], stored[f"{stem}.biases"], GROUP, BITS)
        if "conv" in name and array.ndim == 3:
            array = array.transpose(0, 2, 1)
        weights[name if name.startswith(_EAR) else f"llm.{name}"] = mx.contiguous(array.astype(mx.float16))
    return weights


def speech_tokenizer(path: Path) -> dict[str, mx.array]:
    """The network's weights by name, out of an ONNX file that `SpeechTokenizer.to_onnx` wrote."""
    arrays = _constants(path.read_bytes())
    named: dict[str, NDArray] = {}

    def whole() -> NDArray:
        return next(arrays)

    def matrix(axis: int) -> NDArray:
        numbers, scales = next(arrays), next(arrays)
        return numbers.astype(np.float32) * scales.reshape([-1 if i == axis else 1 for i in range(numbers.ndim)])

    def conv(stem: str) -> None:
        named[f"{stem}.weight"] = matrix(0).transpose(0, 2, 1)
        named[f"{stem}.bias"] = whole()

    def linear(stem: str) -> None:
        named[f"{stem}.weight"] = matrix(1).T
        named[f"{stem}.bias"] = whole()

    def norm(stem: str) -> None:
        named[f"{stem}.weight"], named[f"{stem}.bias"] = whole(), whole()

    config = TokenizerConfig()
    for number, blocks in ((1, config.blocks_50_hz), (2, config.blocks_25_hz)):
        conv(f"conv{number}")
        for block in range(blocks):
            stem = f"blocks{number}.{block}"
            named[f"{stem}.depthwise.weight"] = matrix(0)[:, 0].T
            named[f"{stem}.depthwise.bias"] = whole()
            norm(f"{stem}.norm")
            linear(f"{stem}.widen")
            linear(f"{stem}.narrow")
    norm("norm")
    linear("to_digits")
    return {name: mx.array(np.ascontiguousarray(value)) for name, value in named.items()}


def _constants(model: bytes) -> Iterator[NDArray]:
    """The constants of an ONNX model in their order."""
    (graph,) = (value for tag, value in _fields(model) if tag == _GRAPH)
    for tag, value in _fields(graph):
        if tag == _WEIGHT:
            fields = list(_fields(value))
            sizes = [size for number, size in fields if number == _DIMS]
            (kind,) = (_KINDS[number] for tag, number in fields if tag == _KIND)
            (raw,) = (content for tag, content in fields if tag == _RAW)
            yield np.frombuffer(raw, dtype=kind).reshape(sizes)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protobuf message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        if key & 7 == 2:
            size, place = _varint(message, place)
            yield key >> 3, message[place : place + size]
            place += size
        elif key & 7 == 5:
            yield key >> 3, struct.unpack_from("<i", message, place)[0]
            place += 4
        else:
            value, place = _varint(message, place)
            yield key >> 3, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def main() -> None:
    """Command line."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(out / "weights-0.safetensors"), trained(folder))
    network = SpeechTokenizer(TokenizerConfig())
    made = speech_tokenizer(folder / "token2wav" / "speech_tokenizer_v2_25hz.onnx")
    assert set(made) == {name for name, _ in tree_flatten(network.parameters())}
    save(made, out / "tokenizer.safetensors")


if __name__ == "__main__":
    main()
