"""Of two starts one is the first, even at the same instant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.single_instance import SingleInstance

_STARTS = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.single_instance import SingleInstance
application = QCoreApplication([])
print("ready", flush=True)
for line in sys.stdin:
    instance = SingleInstance(Path(line.rstrip("\\n")))
    print("first" if instance.acquire([]) else "second", flush=True)
    sys.stdin.readline()
    instance.close()
    print("closed", flush=True)
"""


@pytest.mark.slow
def test_of_starts_at_one_instant_one_is_the_first(tmp_path: Path) -> None:
    starts = [
        subprocess.Popen([sys.executable, "-c", _STARTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        assert [answer(start) for start in starts] == ["ready"] * 3
        for number in range(20):
            for start in starts:
                tell(start, str(tmp_path / str(number)))
            assert sorted(answer(start) for start in starts) == ["first", "second", "second"], number
            for start in starts:
                tell(start, "")
            assert [answer(start) for start in starts] == ["closed"] * 3
    finally:
        for start in starts:
            start.kill()
            start.communicate()


def tell(start: subprocess.Popen[str], line: str) -> None:
    assert start.stdin is not None
    start.stdin.write(f"{line}\n")
    start.stdin.flush()


def answer(start: subprocess.Popen[str]) -> str:
    assert start.stdout is not None
    return start.stdout.readline().strip()


def test_whoever_comes_after_the_first_has_ended_is_the_first(tmp_path: Path, qtbot: QtBot) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert first.acquire([])
    first.close()
    assert second.acquire([])
    second.close()


def test_a_folder_that_cannot_be_made_does_not_keep_earshot_from_starting(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").write_text("")
    first, second = SingleInstance(tmp_path / "file" / "data"), SingleInstance(tmp_path / "file" / "data")
    assert first.acquire([])
    assert not second.acquire([])
    first.close()
