from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from app.audio import recording_files
from engine import samples
from engine.errors import SoundError
from engine.events import Samples
from tests.sounds import tone, write_with_pyav


def test_a_recording_to_ask_about_is_read_whole(tmp_path: Path) -> None:
    path = write_with_pyav(tmp_path / "a.m4a", tone(2.0), 16_000, "aac")
    assert len(recording_files.read_attachment(path)) / 16_000 == pytest.approx(2.0, abs=0.2)


def test_a_recording_that_does_not_say_its_length_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_with_pyav(tmp_path / "a.aac", tone(2.0), 16_000, "aac")
    monkeypatch.setattr(samples, "probe", lambda _path: samples.SoundInfo(0.0, 16_000, 1, "aac"))
    read_s = 0

    def endless(_path: Path, rate_hz: int) -> Generator[Samples, None, None]:
        nonlocal read_s
        for _ in range(100):
            read_s += 10
            yield np.zeros(10 * rate_hz, np.float32)

    monkeypatch.setattr(samples, "stream", endless)
    with pytest.raises(SoundError, match=r"a\.aac is longer than five minutes: drop it on the Transcribe page"):
        recording_files.read_attachment(path)
    assert read_s == 310
