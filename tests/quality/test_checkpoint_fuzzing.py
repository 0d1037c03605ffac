"""Thousands of damaged model folders and voices: read or refused in a sentence, within time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import Reader, assert_sound
from tests.fuzzing.checkpoints import MODEL_READERS, SPEAKING_READERS, VOICE_READER


@pytest.mark.parametrize("reader", [*MODEL_READERS, *SPEAKING_READERS, VOICE_READER], ids=lambda reader: reader.name)
def test_damaged_files_are_read_or_refused(reader: Reader, tmp_path: Path) -> None:
    assert_sound([reader], 2_000, tmp_path)
