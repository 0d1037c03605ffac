"""A voice: what the flow needs to know of somebody to speak like them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from engine.errors import VoiceError
from engine.events import Samples
from engine.regular_files import check_regular
from engine.storage import replacing

_FORMAT = "earshot voice 1"
_LARGEST_FILE = 64 << 20


@dataclass(frozen=True, eq=False)
class Voice:
    """Speech tokens (n,), speaker embedding (192,) and mel (2 n, 80) of one recording.

    `recording_24k` are the samples it was made from, so that another model can take the voice over; `model` says
    whose networks made the rest.
    """

    name: str
    speech_tokens: NDArray[np.int32]
    embedding: NDArray[np.float32]
    mel: NDArray[np.float32]
    recording_24k: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    model: str = ""

    @property
    def duration_s(self) -> float:
        """Seconds of the recording that are used."""
        return len(self.speech_tokens) / 25

    def save(self, path: Path, *, private: bool = False) -> None:
        """Write the voice as one small file, if `private` for its owner alone. Raises StorageError."""
        arrays: dict[str, NDArray] = {
            "speech_tokens": np.ascontiguousarray(self.speech_tokens, np.int32),
            "embedding": np.ascontiguousarray(self.embedding, np.float32),
            "mel": np.ascontiguousarray(self.mel, np.float32),
            "recording": (np.clip(self.recording_24k, -1, 1) * 32767).astype(np.int16),
        }
        data = save(arrays, {"format": _FORMAT, "name": self.name, "model": self.model})
        with replacing(path, private=private) as file:
            file.write(data)

    @classmethod
    def load(cls, path: Path) -> Voice:
        """Read a voice file. Raises VoiceError when it is missing, damaged or no voice."""
        try:
            check_regular(path)
            if path.stat().st_size > _LARGEST_FILE:
                raise VoiceError("{path} is not a voice file: it is far too large.", path=path)
            with safe_open(path, "np") as file:
                about = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        except FileNotFoundError:
            raise VoiceError("There is no voice file {path}: check the name.", path=path) from None
        except OSError as error:
            raise VoiceError(
                "The voice {path} cannot be read: {reason}.", path=path, reason=error.strerror or error
            ) from error
        except (SafetensorError, ValueError, TypeError) as error:
            raise VoiceError(
                "{path} is damaged or not a voice file: export or record the voice again.", path=path
            ) from error
        if about.get("format") != _FORMAT or not _fits(arrays):
            raise VoiceError(
                "{path} is not a voice file of Earshot: choose one that `earshot voice export` wrote.", path=path
            )
        return cls(
            about.get("name") or path.stem,
            arrays["speech_tokens"],
            arrays["embedding"],
            arrays["mel"],
            arrays["recording"].astype(np.float32) / 32767,
            about.get("model", ""),
        )


def _fits(arrays: dict[str, NDArray]) -> bool:
    """Whether the arrays are those of a voice, of shapes that go together and finite."""
    if set(arrays) != {"speech_tokens", "embedding", "mel", "recording"}:
        return False
    tokens, embedding, mel = arrays["speech_tokens"], arrays["embedding"], arrays["mel"]
    kinds = (tokens.dtype, embedding.dtype, mel.dtype, arrays["recording"].dtype)
    if kinds != (np.int32, np.float32, np.float32, np.int16):
        return False
    shapes_fit = tokens.ndim == embedding.ndim == arrays["recording"].ndim == 1 and mel.ndim == 2
    if not shapes_fit or not len(tokens) or len(mel) % len(tokens):
        return False
    return bool(np.isfinite(embedding).all() and np.isfinite(mel).all() and tokens.min() >= 0)
