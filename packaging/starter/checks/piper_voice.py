"""A voice of Piper (VITS, arXiv 2106.06103) from its published file: an engine that no training of the ear has heard.

Needs onnxruntime and espeak-ng's library.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import engine  # noqa: F401  (keeps onnxruntime from reporting)

import numpy as np  # isort: skip
from numpy.typing import NDArray

from starter.speech.phonemes import Phonemes

_BEGIN, _END, _BETWEEN = "^", "$", "_"


class PiperVoice:
    """Speaks single texts, on the processor."""

    def __init__(self, path: Path) -> None:
        """`path` is NAME.onnx; NAME.onnx.json lies beside it. Raises FileNotFoundError when one is missing."""
        about = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
        if not path.is_file():
            raise FileNotFoundError(path)
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._ids: dict[str, list[int]] = about["phoneme_id_map"]
        self._british = about["espeak"]["voice"].startswith("en-gb")
        spoken = about["inference"]
        self._scales = np.array([spoken["noise_scale"], spoken["length_scale"], spoken["noise_w"]], np.float32)
        self.rate_hz: int = about["audio"]["sample_rate"]
        self._phonemes = Phonemes()

    def __call__(self, text: str) -> NDArray[np.float32]:
        """Samples (n,) at `rate_hz`."""
        ids = self.symbols(self._phonemes.ipa(text, self._british))
        given = {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": self._scales}
        made: NDArray[np.float32] = self._session.run(None, given)[0].reshape(-1)
        return made.astype(np.float32)

    def symbols(self, ipa: str) -> list[int]:
        """What the network reads: every sign that it knows, a pause after each."""
        found = [*self._ids[_BEGIN], *self._ids[_BETWEEN]]
        for sign in ipa.replace("^", ""):
            if sign in self._ids:
                found += [*self._ids[sign], *self._ids[_BETWEEN]]
        return [*found, *self._ids[_END]]
