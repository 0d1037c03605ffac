"""Three hours of speech, transcribed in memory that stays flat."""

from __future__ import annotations

from pathlib import Path

from tests.engine.transcription.test_memory import check_growth


def test_three_hours_full_of_speech_grow_by_less_than_150_mb(tiny_model: Path, tmp_path: Path) -> None:
    check_growth(tiny_model, 180, tmp_path)
