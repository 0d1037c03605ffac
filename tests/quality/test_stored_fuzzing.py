"""Thousands of damaged files of Earshot's own: the window opens and says so, within time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import Reader, assert_sound
from tests.fuzzing.stored import READERS


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_files_are_read_or_refused(reader: Reader, tmp_path: Path) -> None:
    assert_sound([reader], 2_000, tmp_path)
