"""How loud a recording is: heard once, kept, and nothing where it cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.transcribe.waveforms import PEAKS, Waveforms
from app.worker import Worker
from engine.samples import write_wav


def test_a_waveform_is_as_loud_as_the_recording_and_kept_beside_the_queue(tmp_path: Path, qtbot: QtBot) -> None:
    sound = np.concatenate([np.full(80_000, 0.1), np.full(80_000, 0.8)]).astype(np.float32)
    write_wav(tmp_path / "a.wav", sound, 16_000)
    waveforms = Waveforms(tmp_path, Worker("waveforms", 60.0))
    for again in (False, True):
        with qtbot.waitSignal(waveforms.ready, timeout=20_000) as ready:
            waveforms.want("k", tmp_path / "a.wav")
        key, peaks = ready.args
        assert key == "k"
        assert len(peaks) <= PEAKS
        assert peaks[5] == pytest.approx(0.1, abs=0.05)
        assert peaks[-5] == pytest.approx(0.8, abs=0.1)
        if not again:
            (tmp_path / "a.wav").unlink()  # it is not heard a second time
    assert (tmp_path / "k.peaks").stat().st_mode & 0o777 == 0o600
    waveforms.close()


def test_what_cannot_be_read_has_no_waveform_and_does_no_harm(tmp_path: Path, qtbot: QtBot) -> None:
    write_wav(tmp_path / "b.wav", np.full(16_000, 0.5, np.float32), 16_000)
    waveforms = Waveforms(tmp_path, Worker("waveforms", 60.0))
    with qtbot.waitSignal(waveforms.ready, timeout=20_000) as ready:
        waveforms.want("gone", tmp_path / "gone.wav")
        waveforms.want("b", tmp_path / "b.wav")
    assert ready.args is not None
    assert ready.args[0] == "b"
    waveforms.close()
