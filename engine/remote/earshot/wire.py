"""Messages between two Earshots: the length of a JSON object (4 bytes, little endian), the object, and bytes behind it.

A client sends {"call": N, "do": NAME, …}, as many beside each other as it likes, and {"call": N, "do": "cancel"}. The
server answers with {"call": N, …} any number of times, then with {"call": N, "end": true} or {"call": N, "error": …}.
Its first message, of call 0, says what model it has.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine import errors
from engine.errors import EngineError, RemoteError, Sentence
from engine.events import Samples
from engine.language import Sampling
from engine.language.sampler import Kinds

T = TypeVar("T")

VERSION = 1
PATH = f"/earshot/v{VERSION}"
MOST_BYTES = 16 << 20  # of a message


class WireError(RemoteError):
    """A message that is none, or not as it should be."""


class ForgottenError(WireError):
    """A message names a sound or a synthesizer that the other machine does not have any more."""


def misunderstood(detail: str) -> WireError:
    """What to raise for a message that is not as it should be; `detail` is for whoever looks into it."""
    return WireError("The two Earshots do not understand each other ({detail}): update both.", detail=detail)


def forgotten() -> ForgottenError:
    """What to raise for what was sent or made, and is not there any more."""
    return ForgottenError("What was sent before is not there any more: try again.")


@dataclass(frozen=True)
class Message:
    """A JSON object and the bytes that came with it."""

    value: dict[str, Any]
    data: bytes = b""

    def pack(self) -> bytes:
        """As it is sent."""
        head = json.dumps(self.value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        return struct.pack("<I", len(head)) + head + self.data

    @classmethod
    def unpack(cls, raw: bytes | str) -> Message:
        """Raises WireError."""
        if isinstance(raw, str) or len(raw) < 4:
            raise misunderstood("a message of this protocol is binary")
        (length,) = struct.unpack_from("<I", raw)
        try:
            value = json.loads(raw[4 : 4 + length])
        except (ValueError, RecursionError) as error:
            raise misunderstood("a message begins with a JSON object") from error
        if not isinstance(value, dict):
            raise misunderstood("a message begins with a JSON object")
        return cls(value, bytes(raw[4 + length :]))

    def get(self, name: str, kind: type[T], default: T | None = None) -> T:
        """A field of a type; one that is missing is the default, unless that is None. Raises WireError."""
        found = self.value.get(name, default)
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            raise misunderstood(f"{name} is missing or of another type")
        return found


_KINDS: dict[str, type[EngineError]] = {
    kind.__name__: kind
    for kind in (errors.CheckpointError, errors.SoundError, errors.VoiceError, errors.StorageError, errors.RequestError)
}

# Errors travel as their sentences, so that the other side says them in its own language. Folders are not told.


def error_value(error: EngineError) -> dict[str, Any]:
    """An error as a value."""
    return {"kind": _kind(error), "sentence": _sentence_value(error.sentence)}


def error_from(value: Any) -> EngineError:
    """The error that was sent. Raises WireError."""
    if not isinstance(value, dict):
        raise misunderstood("an error is an object")
    if value.get("kind") == ForgottenError.__name__:
        return forgotten()
    kind = _KINDS.get(str(value.get("kind")), errors.RequestError)
    return kind(_sentence_from(value.get("sentence")))


def _kind(error: EngineError) -> str:
    if isinstance(error, ForgottenError):
        return ForgottenError.__name__
    return next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "RequestError")


def _sentence_value(sentence: str) -> Any:
    if isinstance(sentence, Sentence):
        told = {name: _argument_value(value) for name, value in sentence.arguments.items()}
        return {"template": sentence.template, "arguments": told}
    return str(sentence)


def _argument_value(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name or str(value)
    if isinstance(value, Sentence):
        return _sentence_value(value)
    return value if isinstance(value, str | int | float) else str(value)


def _sentence_from(value: Any) -> Sentence:
    if isinstance(value, str):
        return Sentence.sent(value, {})
    try:
        told = {str(name): _argument_from(each) for name, each in value["arguments"].items()}
        return Sentence.sent(str(value["template"]), told)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise misunderstood("a sentence has a template and arguments") from error


def _argument_from(value: Any) -> Any:
    return _sentence_from(value) if isinstance(value, dict) else value


# Values.


def sampling_value(sampling: Sampling) -> dict[str, Any]:
    """How ids are chosen, as a value."""
    return asdict(sampling)


def sampling_from(value: Any) -> Sampling:
    """Raises WireError."""
    try:
        kinds = value.get("kinds")
        numbers = {name: each for name, each in value.items() if name not in ("kinds", "seed")}
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers.values()):
            raise misunderstood("sampling is made of numbers")
        if not isinstance(value.get("top_k", 0), int) or not isinstance(value.get("seed"), int | None):
            raise misunderstood("top_k and seed are whole numbers")
        return Sampling(**{**value, "kinds": None if kinds is None else Kinds(**kinds)})
    except (AttributeError, TypeError, ValueError) as error:
        raise misunderstood("sampling is not as it should be") from error


def numbers_bytes(values: Any) -> bytes:
    """Ids or speech tokens as bytes."""
    return np.ascontiguousarray(values, "<i4").tobytes()


def numbers_from(data: bytes) -> NDArray[np.int32]:
    """Raises WireError."""
    if len(data) % 4:
        raise misunderstood("numbers have four bytes each")
    return np.frombuffer(data, "<i4").astype(np.int32)


def samples_bytes(samples: Samples) -> bytes:
    """Sound as bytes."""
    return np.ascontiguousarray(samples, "<f4").tobytes()


def samples_from(data: bytes) -> Samples:
    """Raises WireError."""
    if len(data) % 4:
        raise misunderstood("samples have four bytes each")
    samples = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(samples).all():
        raise misunderstood("samples are finite numbers")
    return samples
