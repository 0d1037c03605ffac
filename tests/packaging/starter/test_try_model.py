"""What a training ends with: its model has to load, to speak and to transcribe as Earshot does."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engine.resources import resource
from starter.checks.try_model import heard_of, try_model


@pytest.mark.slow
def test_a_model_is_heard_by_itself_and_reads_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    try_model(resource("starter"))
    said = capsys.readouterr().out
    assert said.count("says its recording, heard as: 'Good morning.") == 2
    assert float(said.rpartition("read aloud: ")[2].removesuffix(" s\n")) > 0.5


@pytest.mark.parametrize("samples", [np.zeros(960), np.full(960, np.nan), np.zeros(0)])
def test_a_voice_without_sound_is_refused(samples: np.ndarray) -> None:
    speaking = SimpleNamespace(synthesizer=lambda _: lambda _: samples.astype(np.float32))
    voice = SimpleNamespace(name="Female", speech_tokens=np.zeros(1, np.int32))
    with pytest.raises(ValueError, match="Female makes no sound"):
        heard_of(SimpleNamespace(speaking=speaking), voice)  # type: ignore[arg-type]
