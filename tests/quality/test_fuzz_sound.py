"""Thousands of damaged sound files of every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import Reader, assert_sound
from tests.fuzzing.sound import READERS


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_sound_is_read_or_refused_in_a_sentence(reader: Reader, tmp_path: Path) -> None:
    assert_sound([reader], 2_000, tmp_path)
