from __future__ import annotations

import os
import time
from pathlib import Path

from engine.transcription.journal import SUFFIX, remove_old_journals

DAY = 86_400


def write(path: Path, age_days: float) -> Path:
    path.write_text("what was said")
    when = time.time() - age_days * DAY
    os.utime(path, (when, when))
    return path


def test_journals_that_nobody_went_on_with_are_removed_and_nothing_else(tmp_path: Path) -> None:
    old = [write(tmp_path / f"talk.0123{SUFFIX}", 31), write(tmp_path / f"talk.0123{SUFFIX}.new", 31)]
    kept = [write(tmp_path / f"new.0123{SUFFIX}", 29), write(tmp_path / "talk.txt", 31)]
    remove_old_journals(tmp_path, 30)
    assert [path.exists() for path in (*old, *kept)] == [False, False, True, True]


def test_a_folder_of_journals_that_is_missing_is_no_trouble(tmp_path: Path) -> None:
    remove_old_journals(tmp_path / "nothing", 30)
