"""A voice of Piper: what its network is given, and what is said when a file is missing."""

from __future__ import annotations

import ctypes.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from starter.checks.piper_voice import PiperVoice

SIGNS = {"_": [0], "^": [1], "$": [2], " ": [3], "h": [4], "a": [5], "ɪ": [6], "ˈ": [7], ".": [8]}
ABOUT = {
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "en-us"},
    "inference": {"noise_scale": 0.5, "length_scale": 1, "noise_w": 0.25},
    "phoneme_id_map": SIGNS,
}


class FakeSession:
    """Instead of onnxruntime's: says the ids it is given."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def run(self, _: None, given: dict[str, Any]) -> list[np.ndarray]:
        assert given["input_lengths"].tolist() == [given["input"].shape[1]]
        assert given["scales"].tolist() == [0.5, 1.0, 0.25]
        return [given["input"][:, None].astype(np.float32)]


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PiperVoice:
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("needs espeak-ng's library")
    runtime = ModuleType("onnxruntime")
    runtime.InferenceSession, runtime.SessionOptions = FakeSession, FakeSession  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    (tmp_path / "joe.onnx").write_bytes(b"")
    (tmp_path / "joe.onnx.json").write_text(json.dumps(ABOUT))
    return PiperVoice(tmp_path / "joe.onnx")


def test_every_known_sign_is_read_with_a_pause_after_it(voice: PiperVoice) -> None:
    assert voice("Hi.").tolist() == [1, 0, 4, 0, 7, 0, 5, 0, 6, 0, 8, 0, 2]
    assert voice.rate_hz == 22050


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"joe\.onnx"):
        PiperVoice(tmp_path / "joe.onnx")
