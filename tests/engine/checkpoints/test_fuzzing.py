"""Damaged model folders and voices: read or refused in a sentence, within limits. tests/quality has the long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import assert_sound
from tests.fuzzing.checkpoints import MODEL_READERS, SPEAKING_READERS, VOICE_READER


@pytest.mark.slow
def test_a_damaged_folder_is_read_or_refused(tmp_path: Path) -> None:
    assert_sound([*MODEL_READERS, *SPEAKING_READERS, VOICE_READER], 15, tmp_path)
