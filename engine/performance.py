"""How fast the published model should be on a chip: what each stage reads, computes and launches.

A stage takes as long as the slower of its memory traffic and its arithmetic, and then the launches of its kernels. The
chips' figures are their makers' (memory) and cores × clock (arithmetic); what of them is reached, and what a launch
costs, are the few constants below. `docs/performance.md` explains them and compares with what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REACHED_BYTES, _REACHED_OPERATIONS = 0.78, 0.6  # of a chip's figures: products of a row, and of many rows
_GROUP_BITS = 0.5  # scale and offset of sixty-four weights, for each of them
_CAREFUL_BITS = 8  # the fewest of embeddings, head and encoder
_WHOLE_BITS = 16

QUESTION_S = 3.0
_PROMPT_IDS = 60  # instructions and marks, read once
_EMBEDDINGS_PER_SECOND, _FEATURES_PER_SECOND = 12.5, 50
_TOKENS_PER_SECOND, _IDS_PER_TOKEN = 25, 1.25  # of speech; text is written in between
_FIRST_TOKENS, _AHEAD_TOKENS = 10, 3  # of the first piece, and beyond it
_KEPT_PLACES = 4096  # that the stated memory has room for
_WORK_BYTES = 1.0e9


@dataclass(frozen=True)
class Chip:
    """Bytes a second of its memory, operations a second in half precision, seconds between two kernels.

    `together_s` are those that a kernel takes where the device waits for a graph that is put together meanwhile.
    `own_kernels`: this program has kernels of its own for it.
    """

    name: str
    bytes_per_s: float
    operations_per_s: float
    launch_s: float = 4e-6
    together_s: float = 12e-6
    own_kernels: bool = False


CHIPS = (
    Chip("Apple M1", 68e9, 2.6e12),
    Chip("Apple M1 Pro", 200e9, 5.2e12),
    Chip("Apple M1 Max", 400e9, 10.4e12),
    Chip("Apple M1 Ultra", 800e9, 20.8e12),
    Chip("Apple M2", 100e9, 3.6e12),
    Chip("Apple M2 Pro", 200e9, 6.8e12),
    Chip("Apple M2 Max", 400e9, 13.6e12),
    Chip("Apple M2 Ultra", 800e9, 27.2e12),
    Chip("Apple M3", 100e9, 3.6e12),
    Chip("Apple M3 Pro", 150e9, 6.4e12),
    Chip("Apple M3 Max", 400e9, 14.3e12),
    Chip("Apple M3 Ultra", 819e9, 28.6e12),
    Chip("Apple M4", 120e9, 3.8e12),
    Chip("Apple M4 Pro", 273e9, 7.5e12),
    Chip("Apple M4 Max", 546e9, 16e12),
    Chip("Apple M5", 153e9, 15e12),
    Chip("Apple M5 Max", 614e9, 60e12),
    Chip("NVIDIA H100", 3.35e12, 990e12, 3e-6, 17e-6, own_kernels=True),
    Chip("NVIDIA H200", 4.8e12, 990e12, 3e-6, 17e-6, own_kernels=True),
)


def chip_of(device: str) -> Chip | None:
    """The chip that MLX calls so; None for one that is not in the table. The longest name that fits counts."""
    fitting = [chip for chip in CHIPS if f"{device} ".startswith(f"{chip.name} ")]
    return max(fitting, key=lambda chip: len(chip.name), default=None)


@dataclass(frozen=True)
class Sizes:
    """What decides the work: of the language model, the encoder, the flow and the vocoder."""

    hidden: int = 3584
    inner: int = 18944
    layers: int = 28
    key_values: int = 512  # width of the keys of a place, of a layer
    vocabulary: int = 158_720
    encoder_width: int = 1280
    encoder_layers: int = 32
    flow_width: int = 512
    flow_depth: int = 16
    flow_steps: int = 10
    token_layers: int = 10  # of the token encoder
    vocoder_width: int = 512

    @classmethod
    def of(cls, text: Mapping[str, Any], audio: Mapping[str, Any]) -> Sizes:
        """With the sizes in config.json; what speaks is the published one."""
        kept = text["hidden_size"] // text["num_attention_heads"] * text["num_key_value_heads"]
        return cls(
            hidden=text["hidden_size"],
            inner=text["intermediate_size"],
            layers=text["num_hidden_layers"],
            key_values=kept,
            vocabulary=text["vocab_size"],
            encoder_width=audio["n_audio_state"],
            encoder_layers=audio["n_audio_layer"],
        )

    @property
    def layer_weights(self) -> int:
        """Of all layers of the language model."""
        return self.layers * (2 * self.hidden * (self.hidden + self.key_values) + 3 * self.hidden * self.inner)

    @property
    def head_weights(self) -> int:
        """Of the head; the embeddings are as many."""
        return self.hidden * self.vocabulary

    @property
    def encoder_weights(self) -> int:
        """Of the audio encoder."""
        return 12 * self.encoder_layers * self.encoder_width**2

    @property
    def flow_weights(self) -> int:
        """Of the estimator that every Euler step runs: attention, MLP and two convolutions a block."""
        return self.flow_depth * 18 * self.flow_width**2

    @property
    def place_bytes(self) -> int:
        """Of the keys and values of one place of the conversation."""
        return 2 * 2 * self.layers * self.key_values


@dataclass(frozen=True)
class Work:
    """What a stage reads, computes and launches. `together`: its graph is put together while it runs."""

    read_bytes: float
    operations: float
    launches: float
    together: bool = False

    def parts(self, chip: Chip) -> dict[str, float]:
        """Seconds of each, were it alone."""
        return {
            "bytes": self.read_bytes / (chip.bytes_per_s * _REACHED_BYTES),
            "operations": self.operations / (chip.operations_per_s * _REACHED_OPERATIONS),
            "launches": self.launches * (chip.together_s if self.together else chip.launch_s),
        }

    def seconds(self, chip: Chip) -> float:
        """How long it takes."""
        parts = self.parts(chip)
        return max(parts["bytes"], parts["operations"]) + parts["launches"]

    def limit(self, chip: Chip) -> str:
        """What takes most of it: "bytes", "operations" or "launches"."""
        parts = self.parts(chip)
        return max(parts, key=lambda name: parts[name])


def _weight_bytes(weights: float, bits: int) -> float:
    return weights * (bits + (_GROUP_BITS if bits < _WHOLE_BITS else 0)) / 8


def hear(sizes: Sizes, bits: int, seconds: float = QUESTION_S) -> Work:
    """Sound through the encoder."""
    weights = sizes.encoder_weights
    operations = 2 * weights * seconds * _FEATURES_PER_SECOND
    return Work(_weight_bytes(weights, max(bits, _CAREFUL_BITS)), operations, 12 * sizes.encoder_layers)


def read(sizes: Sizes, bits: int, places: int) -> Work:
    """A prompt of so many places through the language model; its head reads the last one only."""
    head = _weight_bytes(sizes.head_weights, max(bits, _CAREFUL_BITS))
    operations = 2 * sizes.layer_weights * places
    return Work(_weight_bytes(sizes.layer_weights, bits) + head, operations, kernels_of_an_id(sizes, own=False))


def write(sizes: Sizes, bits: int, *, places: int = 500, own: bool = False) -> Work:
    """One id, after so many places; `own`: by kernels of ours."""
    weights = _weight_bytes(sizes.layer_weights, bits) + _weight_bytes(sizes.head_weights, max(bits, _CAREFUL_BITS))
    operations = 2 * (sizes.layer_weights + sizes.head_weights)
    return Work(weights + places * sizes.place_bytes, operations, kernels_of_an_id(sizes, own=own))


def kernels_of_an_id(sizes: Sizes, *, own: bool) -> int:
    """Launches for one id, choosing it included. Of a layer: two norms, four products, two sums, turning, keeping keys
    and values, attention and the gate."""
    return (5 if own else 13) * sizes.layers + 26


def speak(sizes: Sizes, tokens: int, *, own: bool = False) -> Work:
    """A piece of so many speech tokens, the guidance's second half included."""
    frames = 2 * (tokens + _AHEAD_TOKENS)
    read_bytes = 2 * (sizes.flow_steps * sizes.flow_weights + 25e6 + 4 * 8.2e6)
    flow = 2 * 2 * sizes.flow_steps * frames * sizes.flow_weights
    vocoder = 100e9 * (sizes.vocoder_width / 512) ** 2 * frames / (2 * _TOKENS_PER_SECOND)
    euler = sizes.flow_steps * sizes.flow_depth * (12 if own else 27)
    return Work(read_bytes, flow + vocoder, euler + 44 * sizes.token_layers + 230, together=True)


@dataclass(frozen=True)
class Prediction:
    """What a chip should do with a model of so many bits."""

    chip: Chip
    bits: int
    ids_per_s: float
    first_heard_s: float
    real_time: float  # seconds of speech made in a second of work, writing included
    memory_bytes: float

    def sentence(self) -> str:
        """For a page of findings."""
        keeps_up = "" if self.real_time >= 1 else "; speech would fall behind"
        return f"{self.ids_per_s:.0f} ids/s, first heard {self.first_heard_s:.1f} s after a question{keeps_up}"


def predict(chip: Chip, bits: int, sizes: Sizes | None = None) -> Prediction:
    """What `chip` should do with a model of `bits` a weight in its layers; None for the published sizes."""
    sizes, own = sizes or Sizes(), chip.own_kernels
    an_id_s = write(sizes, bits, own=own).seconds(chip)
    places = round(_PROMPT_IDS + QUESTION_S * _EMBEDDINGS_PER_SECOND)
    first_ids = (_FIRST_TOKENS + _AHEAD_TOKENS) * _IDS_PER_TOKEN
    first = hear(sizes, bits).seconds(chip) + read(sizes, bits, places).seconds(chip)
    first += first_ids * an_id_s + speak(sizes, _FIRST_TOKENS, own=own).seconds(chip)
    second_s = _TOKENS_PER_SECOND * _IDS_PER_TOKEN * an_id_s + speak(sizes, _TOKENS_PER_SECOND, own=own).seconds(chip)
    if second_s > 1:  # what falls behind is waited for: here, ten seconds of it
        first += 10 * (second_s - 1)
    return Prediction(chip, bits, 1 / an_id_s, first, 1 / second_s, memory_bytes(sizes, bits))


def memory_bytes(sizes: Sizes, bits: int) -> float:
    """Of a GPU's memory, with a conversation of some length and room to work in."""
    careful = max(bits, _CAREFUL_BITS)
    weights = _weight_bytes(sizes.layer_weights, bits) + _weight_bytes(2 * sizes.head_weights, careful)
    weights += _weight_bytes(sizes.encoder_weights, careful)
    return weights + 2 * (sizes.flow_weights * 1.5 + 60e6) + _KEPT_PLACES * sizes.place_bytes + _WORK_BYTES
