"""Damaged files of Earshot's own are read or refused within limits. tests/quality has the long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import assert_sound
from tests.fuzzing.stored import READERS


@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    assert_sound(READERS, 20, tmp_path)
