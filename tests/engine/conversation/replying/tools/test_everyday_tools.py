"""Clock, units, timers and dropped files."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.conversation.replying.tools import ToolError
from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.clock import clock_tools, find_zone
from engine.conversation.replying.tools.files import GivenFiles, file_tools
from engine.conversation.replying.tools.timers import RunningTimer, TimerService, duration, timer_tools
from engine.conversation.replying.tools.units import convert_units
from engine.conversation.replying.tools.web_search import WebSearchSettings
from engine.events import ToolCall

NOON = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)


def test_the_clock_tells_the_time_here_and_elsewhere() -> None:
    (clock,) = clock_tools(lambda: NOON)
    assert clock.call() == "Saturday, 21 November 2026, 12:05 (UTC)"
    assert clock.call(timezone="Tokyo") == "Saturday, 21 November 2026, 21:05 (Tokyo)"
    assert clock.call(timezone="america/new york") == "Saturday, 21 November 2026, 07:05 (america/new york)"


@pytest.mark.parametrize("name", ["Atlantis", "../../etc/passwd", "", "x" * 5000])
def test_an_unknown_time_zone_is_a_sentence(name: str) -> None:
    with pytest.raises(ToolError):
        find_zone(name)


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (5, "km", "miles", "5 km = 3.106856 mi"),
        (1, "foot", "inches", "1 ft = 12 in"),
        (100, "Fahrenheit", "celsius", "100 °F = 37.77778 °C"),
        (-40, "°C", "°F", "-40 °C = -40 °F"),
        (0, "K", "°C", "0 K = -273.15 °C"),
        (1, "mile", "km", "1 mi = 1.609344 km"),
        (2.5, "hours", "minutes", "2.5 h = 150 min"),
        (36, "kilometers per hour", "m/s", "36 km/h = 10 m/s"),
        (1, "GB", "MB", "1 GB = 1000 MB"),
        (8, "bit", "byte", "8 bit = 1 B"),
        (3, "公里", "米", "3 km = 3000 m"),
        (1e-9, "m", "nm", "1e-9 m = 1 nm"),
        (5, "mW", "W", "5 mW = 0.005 W"),
        (5, "MW", "kW", "5 MW = 5000 kW"),
    ],
)
def test_units_convert_exactly(value: float, source: str, target: str, result: str) -> None:
    assert convert_units(value, source, target) == result


def test_units_that_measure_different_things_do_not_convert() -> None:
    with pytest.raises(ToolError, match="measures length"):
        convert_units(1, "km", "kg")
    with pytest.raises(ToolError, match="do not know the unit"):
        convert_units(1, "smoot", "km")


def test_a_timer_rings_once_and_is_gone() -> None:
    rang: list[RunningTimer] = []
    done = threading.Event()
    service = TimerService(on_ring=lambda timer: (rang.append(timer), done.set()))  # type: ignore[func-returns-value]
    timer = service.start(1, "tea")
    assert service.running == (timer,)
    assert done.wait(60)
    assert rang == [timer]
    assert service.running == ()
    service.close()


def test_timers_are_set_listed_and_cancelled_by_tools() -> None:
    service = TimerService(now=lambda: NOON)
    set_timer, list_timers, cancel_timer = (each.call for each in timer_tools(service))
    assert set_timer(minutes=5, label="tea") == "Timer 1 (tea) set for 5 minutes; it rings at 12:10:00."
    assert set_timer(hours=1) == "Timer 2 set for 1 hour; it rings at 13:05:00."
    assert list_timers() == "Timer 1 (tea): 5 minutes left. Timer 2: 1 hour left."
    assert cancel_timer(number=1) == "Timer 1 (tea) cancelled."
    assert [timer.number for timer in service.running] == [2]
    with pytest.raises(ToolError, match="no timer 1"):
        cancel_timer(number=1)
    service.close()
    assert list_timers() == "No timer is running."


@pytest.mark.parametrize("seconds", [0, -5, 10**9])
def test_a_timer_needs_a_sensible_time(seconds: int) -> None:
    with pytest.raises(ToolError, match="between one second and seven days"):
        TimerService().start(seconds)


def test_a_listener_that_fails_does_not_break_the_timers() -> None:
    def fails() -> None:
        raise RuntimeError

    service = TimerService(on_change=fails)
    service.start(60)
    assert len(service.running) == 1
    service.close()


def test_durations_read_like_words() -> None:
    assert [duration(s) for s in (0, 1, 90, 3600, 7325)] == [
        "0 seconds",
        "1 second",
        "1 minute 30 seconds",
        "1 hour",
        "2 hours 2 minutes 5 seconds",
    ]


def test_only_files_the_user_handed_over_are_read(tmp_path: Path) -> None:
    secret, note = tmp_path / "secret.txt", tmp_path / "note.txt"
    secret.write_text("no")
    note.write_text("milk and eggs", encoding="utf-8")
    files = GivenFiles()
    assert files.add(note) == "note.txt"
    (read_file,) = file_tools(files)
    assert read_file.call(name="note.txt") == "milk and eggs"
    for name in ("secret.txt", str(secret), "../secret.txt", "note.txt/../secret.txt"):
        with pytest.raises(ToolError, match="not given you"):
            read_file.call(name=name)


def test_a_handed_over_file_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    secret, note = tmp_path / "secret.txt", tmp_path / "note.txt"
    secret.write_text("no")
    note.write_text("yes")
    files = GivenFiles()
    files.add(note)
    note.unlink()
    note.symlink_to(secret)
    with pytest.raises(ToolError, match="no longer where it was"):
        files.read("note.txt")


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = GivenFiles()
    for folder in ("a", "b"):
        (tmp_path / folder / "x.txt").write_text(folder)
        files.add(tmp_path / folder / "x.txt")
    assert files.names == ("x.txt", "x 2.txt")
    assert files.read("x 2.txt") == "b"


@pytest.mark.parametrize("data", [b"\0\1\2", b"\xff\xfe bad", b"caf\xe9"])
def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    files = GivenFiles()
    files.add(tmp_path / "x")
    with pytest.raises(ToolError, match="not a text file"):
        files.read("x")


def test_web_search_is_there_only_when_the_user_turned_it_on() -> None:
    assert "web_search" not in builtin_tools(TimerService(), GivenFiles())
    registry = builtin_tools(web_search=WebSearchSettings())
    assert [each.name for each in registry if each.network] == ["web_search"]


def test_the_built_in_calculator_answers_a_call() -> None:
    result = builtin_tools().run(ToolCall("1", "calculator", {"expression": "12*7"}), allowed=["calculator"])
    assert (result.text, result.failed) == ("84", False)
