"""Turns a published starter folder back into what the training scripts load, so that training can go on from it.

    python packaging/starter/from_shipped.py resources/starter OUT

OUT gets `weights-0.safetensors` (ear and language model, from 8 bits to float16) for `train_language.py --resume`, and
of the voice what the other trainings write: `tokenizer`, `speaker`, `flow` and `vocoder`, the first two from 8 bits.
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
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from training import save

from engine.checkpoints.load_speaking import load_speaking

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


class _Layers:
    """The weights of layers by name, in the order in which an ONNX file holds them."""

    def __init__(self, path: Path) -> None:
        self._arrays = _constants(path.read_bytes())
        self.named: dict[str, mx.array] = {}

    def skip(self, count: int) -> None:
        """Constants that are no weights."""
        for _ in range(count):
            next(self._arrays)

    def conv(self, stem: str) -> None:
        """A convolution and its bias."""
        self._keep(f"{stem}.weight", self._matrix(0).transpose(0, 2, 1))
        self._keep(f"{stem}.bias", next(self._arrays))

    def linear(self, stem: str) -> None:
        """A matrix and its bias."""
        self._keep(f"{stem}.weight", self._matrix(1).T)
        self._keep(f"{stem}.bias", next(self._arrays))

    def norm(self, stem: str) -> None:
        """A layer norm."""
        self._keep(f"{stem}.weight", next(self._arrays))
        self._keep(f"{stem}.bias", next(self._arrays))

    def blocks(self, stem: str, count: int) -> None:
        """Convolution blocks."""
        for block in range(count):
            self._keep(f"{stem}.{block}.depthwise.weight", self._matrix(0)[:, 0].T)
            self._keep(f"{stem}.{block}.depthwise.bias", next(self._arrays))
            self.norm(f"{stem}.{block}.norm")
            self.linear(f"{stem}.{block}.widen")
            self.linear(f"{stem}.{block}.narrow")

    def _keep(self, name: str, value: NDArray) -> None:
        self.named[name] = mx.array(np.ascontiguousarray(value))

    def _matrix(self, axis: int) -> NDArray:
        numbers, scales = next(self._arrays), next(self._arrays)
        return numbers.astype(np.float32) * scales.reshape([-1 if i == axis else 1 for i in range(numbers.ndim)])


def speech_tokenizer(path: Path) -> dict[str, mx.array]:
    """The network's weights by name, out of an ONNX file that `SpeechTokenizer.to_onnx` wrote."""
    layers, config = _Layers(path), TokenizerConfig()
    for number, blocks in ((1, config.blocks_50_hz), (2, config.blocks_25_hz)):
        layers.conv(f"conv{number}")
        layers.blocks(f"blocks{number}", blocks)
    layers.norm("norm")
    layers.linear("to_digits")
    return layers.named


def speaker_network(path: Path) -> dict[str, mx.array]:
    """The network's weights by name, out of an ONNX file that `SpeakerNetwork.to_onnx` wrote."""
    layers = _Layers(path)
    layers.conv("conv")
    layers.blocks("blocks", len(SpeakerNetwork().blocks))
    layers.skip(2)
    layers.linear("to_embedding")
    return layers.named


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
    voice = folder / "token2wav"
    for network, made, name in (
        (SpeechTokenizer(TokenizerConfig()), speech_tokenizer(voice / "speech_tokenizer_v2_25hz.onnx"), "tokenizer"),
        (SpeakerNetwork(), speaker_network(voice / "campplus.onnx"), "speaker"),
    ):
        assert set(made) == {name for name, _ in tree_flatten(network.parameters())}
        save(made, out / f"{name}.safetensors")
    speaking = load_speaking(voice)
    save(speaking.flow.parameters(), out / "flow.safetensors", mx.float16)
    save(speaking.vocoder.parameters(), out / "vocoder.safetensors", mx.float16)


if __name__ == "__main__":
    main()
