from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.commands import console
from engine.events import Progress


class _Terminal:
    """A stderr that says it is a terminal."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        pass

    @property
    def screen(self) -> str:
        """What the last line shows, without colours: nothing once the bar's own line was erased and left."""
        last = re.split(r"\x1b\[2K", self.written)[-1]
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", last).strip()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    terminal = _Terminal()
    monkeypatch.setattr(console, "sys", SimpleNamespace(stderr=terminal))  # pytest sets sys.stderr before each test
    monkeypatch.setenv("COLUMNS", "90")
    return terminal


def test_the_bar_shows_title_and_figures_and_goes_away(terminal: _Terminal) -> None:
    with console.progress_bar("meeting.m4a") as bar:
        bar.show(Progress("transcribe", 750, 3723, "seconds"))
        assert terminal.screen.startswith("meeting.m4a")
        assert "12:30 of 1:02:03" in terminal.screen
    assert terminal.screen == ""


def test_the_bar_tells_how_long_it_will_take(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bar = console.Bar("x", quiet=False)
    bar.show(Progress("transcribe", 600, 3600, "seconds"))  # an earlier run had come this far
    for now in (110.0, 120.0):
        bar.show(Progress("transcribe", 600 + 50 * (now - 100), 3600, "seconds"))
    assert terminal.screen.endswith("26:40 of 1:00:00 00:40")


def test_a_new_stage_is_not_measured_by_the_one_before(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bar = console.Bar("x", quiet=False)
    for now in (101.0, 102.0, 103.0):
        bar.show(Progress("speakers", 1000 * (now - 100), 3600, "seconds"))
    for now in (104.0, 105.0, 106.0):
        bar.show(Progress("transcribe", 100 * (now - 103), 3600, "seconds"))
    assert terminal.screen.endswith("00:33")
    bar.close()


def test_the_bar_makes_room_for_what_is_printed(terminal: _Terminal) -> None:
    bar = console.Bar("x", quiet=False)
    bar.show(Progress("rounds", 1, 3))
    with bar.hidden():
        assert terminal.screen == ""
    assert "1 of 3" in terminal.screen


def test_nothing_is_drawn_where_it_is_not_wanted(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with console.progress_bar("x", quiet=True) as bar:
        bar.show(Progress("rounds", 1, 3))
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    with console.progress_bar("x") as bar:
        bar.show(Progress("rounds", 1, 3))
    assert terminal.written == ""


@pytest.mark.parametrize(
    ("progress", "figures"),
    [
        (Progress("x", 7, 0, "seconds"), "0:07"),
        (Progress("x", 3.14e9, 16.63e9, "bytes"), "3.1 of 16.6 GB"),
        (Progress("x", 1e8, 0, "bytes"), "0.1 GB"),
        (Progress("x", 4, 9), "4 of 9"),
    ],
)
def test_figures_fit_their_unit(progress: Progress, figures: str) -> None:
    assert console.figures(progress) == figures


def test_work_is_run_to_its_value() -> None:
    def work() -> Generator[Progress, None, str]:
        yield Progress("x", 1, 2)
        return "done"

    assert console.run_to_end(work(), console.Bar("x", quiet=True)) == "done"


def test_ctrl_c_waits_for_an_import_to_end() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), console.ctrl_c_waits():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        reached = True
    assert reached


def test_the_source_folder_knows_its_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", console.version())
    assert Path(__file__).exists()
