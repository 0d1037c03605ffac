"""The two ONNX networks that analyse a voice: speech tokens and speaker embedding. They run once for each voice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.events import Samples
from engine.regular_files import check_regular, open_regular
from engine.speaking.voice_features import kaldi_fbank, log_mel

TOKENIZER_FILE = "speech_tokenizer_v2_25hz.onnx"
SPEAKER_FILE = "campplus.onnx"
_SAMPLED_BYTES = 1 << 16


class VoiceNetworks:
    """The ONNX files of a token2wav folder, opened when a recording is analysed and closed again."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer, self._speaker = folder / TOKENIZER_FILE, folder / SPEAKER_FILE

    @property
    def fingerprint(self) -> str:
        """Tells one model's networks from another's: a hash of sizes, beginnings and ends. Raises CheckpointError."""
        digest = hashlib.sha256()
        for path in (self._tokenizer, self._speaker):
            try:
                with open_regular(path) as file:
                    size = file.seek(0, 2)
                    digest.update(str(size).encode())
                    for place in (0, max(0, size - _SAMPLED_BYTES)):
                        file.seek(place)
                        digest.update(file.read(_SAMPLED_BYTES))
            except OSError:
                raise _missing(path) from None
        return digest.hexdigest()[:32]

    def speech_tokens(self, samples_16k: Samples, vocabulary: int) -> NDArray[np.int32]:
        """Speech tokens (n,) at 25 Hz of up to 30 seconds. Raises CheckpointError when the file does not do that."""
        features = log_mel(samples_16k)[None]
        found = _run(self._tokenizer, features, np.array([features.shape[2]], np.int32))
        tokens = found.reshape(-1)
        expected = features.shape[2] / 4
        fits = tokens.dtype.kind in "iu" and abs(len(tokens) - expected) <= 2 and tokens.size
        if not fits or tokens.min() < 0 or tokens.max() >= vocabulary:
            raise _other_model(self._tokenizer)
        return tokens.astype(np.int32)

    def embedding(self, samples_16k: Samples, size: int) -> NDArray[np.float32]:
        """Speaker embedding (size,). Raises CheckpointError when the file does not give one."""
        found = _run(self._speaker, kaldi_fbank(samples_16k)[None]).reshape(-1)
        if found.shape != (size,) or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise _other_model(self._speaker)
        return found.astype(np.float32)


class SpeakerNetwork:
    """The speaker network of a token2wav folder, kept open to compare many voices. Raises CheckpointError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SPEAKER_FILE
        if not self._path.exists():
            raise CheckpointError(
                "{path} is missing, so speakers cannot be told apart. Download the complete model.", path=self._path
            )
        self._session = _opened(self._path)

    def __call__(self, samples_16k: Samples) -> NDArray[np.float32]:
        """What tells voices apart (D,), of at least half a second (n,)."""
        found = _output(self._path, self._session, kaldi_fbank(samples_16k)[None]).reshape(-1)
        if found.dtype.kind != "f" or not np.isfinite(found).all():
            raise _other_model(self._path)
        return found.astype(np.float32)


def _run(path: Path, *inputs: NDArray[Any]) -> NDArray[Any]:
    """The first output of an ONNX file that is opened for this alone."""
    return _output(path, _opened(path), *inputs)


def _opened(path: Path) -> Any:
    import onnxruntime

    try:
        check_regular(path)
    except OSError:
        raise _missing(path) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class
        raise CheckpointError("{path} is damaged or not an ONNX file. Download the model again.", path=path) from error


def _output(path: Path, session: Any, *inputs: NDArray[Any]) -> NDArray[Any]:
    """The first output; inputs are given in the file's own order."""
    names = [one.name for one in session.get_inputs()]
    if len(names) != len(inputs):
        raise _other_model(path)
    try:
        return np.asarray(session.run(None, dict(zip(names, inputs, strict=True)))[0])
    except Exception as error:
        raise _other_model(path) from error


def _missing(path: Path) -> CheckpointError:
    return CheckpointError("{path} is missing, so no voice can be made. Download the complete model.", path=path)


def _other_model(path: Path) -> CheckpointError:
    return CheckpointError(
        "{path} belongs to another kind of model: it does not take or give what a voice needs.", path=path
    )
