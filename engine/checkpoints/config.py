"""config.json of a model folder, read and checked before anything large is touched."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError, Sentence
from engine.regular_files import read_regular

_LARGEST_JSON = 64 << 20  # the published ones take up to 13 MB
VARIANTS = ("chat", "base", "think")
QUANTISED_BITS = (4, 5, 6, 8)
QUANTISED_GROUPS = (32, 64, 128)

_LARGEST_SIZE = 1 << 24
_LARGEST_SIZES = {"num_hidden_layers": 1000, "n_audio_layer": 1000}
_LLM_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "num_hidden_layers",
    "vocab_size",
)
_LLM_NUMBERS = ("rms_norm_eps", "rope_theta", "max_position_embeddings", "max_seq_len")  # that may be left out
_ENCODER_KEYS = ("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "llm_dim")


@dataclass(frozen=True)
class Quantisation:
    """How the matrices of a folder are stored: affine, `bits` wide in groups of `group_size`.

    `per_module` holds what differs, by module path: another pair, or None for a module that is stored whole.
    The form in config.json is the one `mlx.nn.quantize` users write: {"group_size", "bits", "<path>": {…} | false}.
    """

    bits: int
    group_size: int
    per_module: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)

    def of(self, path: str) -> tuple[int, int] | None:
        """(bits, group size) of the module at `path`, None when it is not quantised."""
        return self.per_module.get(path, (self.bits, self.group_size))


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json says. `earshot` is our own optional block (name, variant, phrases to try)."""

    folder: Path
    text: Mapping[str, Any]
    audio: Mapping[str, Any]
    quantisation: Quantisation | None
    earshot: Mapping[str, Any]

    @property
    def variant(self) -> str:
        """chat, base or think: from the folder's own words, else from its name."""
        stated = self.earshot.get("variant")
        if stated is not None:
            if stated not in VARIANTS:
                raise CheckpointError(
                    "{path} names the unknown variant {stated!r}; it must be one of {known}.",
                    path=self.folder / "config.json",
                    stated=stated,
                    known=", ".join(VARIANTS),
                )
            return str(stated)
        name = re.sub(r"-\d+bit$", "", self.folder.name.lower())  # a copy that `earshot models convert` made
        if name.endswith("think"):
            return "think"
        return "base" if name.endswith("base") else "chat"

    @property
    def name(self) -> str:
        """What people call this model."""
        return str(self.earshot.get("name") or self.folder.name)

    @property
    def context_length(self) -> int:
        """The most tokens a conversation may hold."""
        return int(self.text.get("max_position_embeddings") or self.text.get("max_seq_len") or 16384)


def read_json(path: Path) -> Any:
    """The JSON value in `path`; CheckpointError says what is wrong with the file."""
    try:
        return json.loads(read_regular(path, _LARGEST_JSON))
    except FileNotFoundError:
        raise CheckpointError(
            "{path} is missing. Download the model again or choose its complete folder.", path=path
        ) from None
    except OSError as error:
        raise CheckpointError(
            "{path} cannot be read ({reason}). Check the file and its permissions.", path=path, reason=error.strerror
        ) from None
    except (ValueError, RecursionError):  # of numbers with thousands of digits and endless brackets, too
        raise CheckpointError("{path} is damaged: it is not valid JSON. Download it again.", path=path) from None


def read_config(folder: Path) -> CheckpointConfig:
    """Read and check config.json of `folder`. Raises CheckpointError with a sentence for whatever is wrong."""
    try:
        if not folder.is_dir():
            what = Sentence("is a file, not a folder") if folder.exists() else Sentence("does not exist")
            raise CheckpointError(
                "The model folder {folder} {what}. Choose a folder that holds config.json.", folder=folder, what=what
            )
    except OSError as error:  # a parent that may not be entered
        raise CheckpointError(
            "The model folder {folder} cannot be read ({reason}). Check its permissions.",
            folder=folder,
            reason=error.strerror,
        ) from None
    path = folder / "config.json"
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise CheckpointError("{path} is damaged: a JSON object is expected. Download it again.", path=path)
    text = _block(path, raw, "text_config", _LLM_KEYS)
    _check_numbers(path, text)
    audio = _block(path, raw, "audio_encoder_config", _ENCODER_KEYS)
    if audio["llm_dim"] != text["hidden_size"]:
        raise CheckpointError(
            "{path} contradicts itself: the adaptor gives {given} values, the language model takes {taken}. "
            "Download it again.",
            path=path,
            given=audio["llm_dim"],
            taken=text["hidden_size"],
        )
    for width, heads in (("hidden_size", "num_attention_heads"), ("num_attention_heads", "num_key_value_heads")):
        if text[width] % text[heads]:
            raise CheckpointError(
                "{path} contradicts itself: {width} is not a multiple of {heads}. Download it again.",
                path=path,
                width=width,
                heads=heads,
            )
    earshot = raw.get("earshot") or {}
    if not isinstance(earshot, dict):
        raise CheckpointError("{path} is damaged: its block 'earshot' is not an object.", path=path)
    return CheckpointConfig(folder, text, audio, _quantisation(path, raw), earshot)


def _block(path: Path, raw: dict[str, Any], name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    block = raw.get(name)
    if not isinstance(block, dict):
        raise CheckpointError(
            "{path} has no '{name}': this is not a Step-Audio 2 model. Choose a folder in the published layout.",
            path=path,
            name=name,
        )
    for key in keys:
        value = block.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            found = Sentence("is missing") if key not in block else Sentence("is {value!r}", value=value)
            raise CheckpointError(
                "{path}: '{name}.{key}' {found}; a positive whole number is needed. Download it again.",
                path=path,
                name=name,
                key=key,
                found=found,
            )
        if value > _LARGEST_SIZES.get(key, _LARGEST_SIZE):
            raise CheckpointError(
                "{path}: '{name}.{key}' is impossibly large. Download it again.", path=path, name=name, key=key
            )
    return block


def _check_numbers(path: Path, text: dict[str, Any]) -> None:
    for key in _LLM_NUMBERS:
        value = text.get(key, 1)
        if value is None and key.startswith("max_"):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise CheckpointError(
                "{path}: 'text_config.{key}' is {value!r}; a positive number is needed. Download it again.",
                path=path,
                key=key,
                value=value,
            )


def _quantisation(path: Path, raw: dict[str, Any]) -> Quantisation | None:
    block = raw.get("quantization", raw.get("quantization_config"))
    if block is None:
        return None
    if not isinstance(block, dict):
        raise CheckpointError("{path}: 'quantization' is not an object. Download it again.", path=path)
    mode = block.get("mode", block.get("quant_method", "affine"))
    if mode != "affine":
        raise CheckpointError(
            "{path} is quantised in the way {mode!r}, which Earshot does not know. Use affine weights of 4, 5, 6 "
            "or 8 bits.",
            path=path,
            mode=mode,
        )
    bits, group_size = _pair(path, block)
    per_module: dict[str, tuple[int, int] | None] = {}
    for key, value in block.items():
        if isinstance(value, dict):
            per_module[key] = _pair(path, value)
        elif isinstance(value, bool) and re.search(r"[._]", key):
            per_module[key] = (bits, group_size) if value else None
    return Quantisation(bits, group_size, per_module)


def _pair(path: Path, block: dict[str, Any]) -> tuple[int, int]:
    bits, group_size = block.get("bits"), block.get("group_size")
    if bits not in QUANTISED_BITS or group_size not in QUANTISED_GROUPS:
        raise CheckpointError(
            "{path} asks for {bits} bits in groups of {group_size}, which Earshot does not know. Known are "
            "{known_bits} bits in groups of {known_groups}.",
            path=path,
            bits=bits,
            group_size=group_size,
            known_bits=", ".join(map(str, QUANTISED_BITS)),
            known_groups=", ".join(map(str, QUANTISED_GROUPS)),
        )
    return int(bits), int(group_size)
