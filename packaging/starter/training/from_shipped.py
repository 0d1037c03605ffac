"""Turns a published starter folder back into what the training scripts load, so that training can go on from it.

    python -m starter.training.from_shipped resources/starter OUT

OUT gets `weights-0.safetensors` (ear and language model, from 8 bits to float16) for `train_language.py --resume`, and
the networks of the voice, `tokenizer`, `speaker`, `flow` and `vocoder`: what `train_language.py --speech-tokenizer`,
`train_flow.py` and `train_vocoder.py` go on from.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import numpy as np
from mlx.utils import tree_flatten
from numpy.typing import NDArray

from engine.checkpoints.torch_file import read
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder
from starter.networks.network_sizes import VOCODER_LOUDER
from starter.networks.speaker_network import SpeakerNetwork
from starter.networks.speech_tokenizer import SpeechTokenizer, TokenizerConfig
from starter.training.assemble import BITS, GROUP
from starter.training.mlx_steps import save
from starter.training.vocoder_level import louder

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
    """Reads layers off an ONNX file in the order in which our networks write them."""

    def __init__(self, path: Path) -> None:
        self._arrays = _constants(path.read_bytes())
        self.named: dict[str, NDArray] = {}

    def whole(self) -> NDArray:
        return next(self._arrays)

    def _matrix(self, axis: int) -> NDArray:
        numbers, scales = next(self._arrays), next(self._arrays)
        return numbers.astype(np.float32) * scales.reshape([-1 if i == axis else 1 for i in range(numbers.ndim)])

    def conv(self, stem: str) -> None:
        self.named[f"{stem}.weight"] = self._matrix(0).transpose(0, 2, 1)
        self.named[f"{stem}.bias"] = self.whole()

    def linear(self, stem: str) -> None:
        self.named[f"{stem}.weight"] = self._matrix(1).T
        self.named[f"{stem}.bias"] = self.whole()

    def norm(self, stem: str) -> None:
        self.named[f"{stem}.weight"], self.named[f"{stem}.bias"] = self.whole(), self.whole()

    def block(self, stem: str) -> None:
        self.named[f"{stem}.depthwise.weight"] = self._matrix(0)[:, 0].T
        self.named[f"{stem}.depthwise.bias"] = self.whole()
        self.norm(f"{stem}.norm")
        self.linear(f"{stem}.widen")
        self.linear(f"{stem}.narrow")

    def arrays(self) -> dict[str, mx.array]:
        return {name: mx.array(np.ascontiguousarray(value)) for name, value in self.named.items()}


def speech_tokenizer(path: Path) -> dict[str, mx.array]:
    """The network's weights by name, out of an ONNX file that `SpeechTokenizer.to_onnx` wrote."""
    layers, config = _Layers(path), TokenizerConfig()
    for number, blocks in ((1, config.blocks_50_hz), (2, config.blocks_25_hz)):
        layers.conv(f"conv{number}")
        for block in range(blocks):
            layers.block(f"blocks{number}.{block}")
    layers.norm("norm")
    layers.linear("to_digits")
    return layers.arrays()


def speaker_network(path: Path) -> dict[str, mx.array]:
    """The network's weights by name, out of an ONNX file that `SpeakerNetwork.to_onnx` wrote."""
    layers = _Layers(path)
    layers.conv("conv")
    for block in range(len(SpeakerNetwork().blocks)):
        layers.block(f"blocks.{block}")
    layers.whole()  # what the deviation's root is kept away from zero with
    layers.whole()  # an axis
    layers.linear("to_embedding")
    return layers.arrays()


def voice(folder: Path, out: Path) -> None:
    """All networks of a token2wav folder, for the trainings to go on from."""
    tokenizer = speech_tokenizer(folder / "speech_tokenizer_v2_25hz.onnx")
    made = {
        "tokenizer": (SpeechTokenizer.of(tokenizer), tokenizer),
        "speaker": (SpeakerNetwork(), speaker_network(folder / "campplus.onnx")),
    }
    for name, (network, weights) in made.items():
        assert set(weights) == {name for name, _ in tree_flatten(network.parameters())}
        save(weights, out / f"{name}.safetensors")
    save(Flow.published(read(folder / "flow.pt")), out / "flow.safetensors", mx.float16)
    vocoder = louder(Vocoder.published(read(folder / "hift.pt")), -VOCODER_LOUDER)
    save(vocoder, out / "vocoder.safetensors", mx.float16)


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
    voice(folder / "token2wav", out)


if __name__ == "__main__":
    main()
