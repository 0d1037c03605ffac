"""What a tool did, in one line as people would say it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QDate, QLocale

from app.shown.talk import ToolState, ToolView
from app.translations import sentence

ICONS = {
    "calculator": "calculator",
    "date_and_time": "clock",
    "convert_units": "convert",
    "set_timer": "timer",
    "list_timers": "timer",
    "cancel_timer": "timer",
    "web_search": "globe",
}
_SET = re.compile(r"Timer (\d+)(?: \((.*)\))? set for ([^;]+);\D+(\d\d:\d\d)(:\d\d)\.")
_MOMENT = re.compile(r"\w+, (\d+ \w+ \d+, \d\d:\d\d) \((.*)\)")
_LISTED = re.compile(r"Timer \d+(?: \((.*?)\))?: ([^.]+) left\.")
_CANCELLED = re.compile(r"Timer \d+(?: \((.*)\))? cancelled\.")
_DURATION = re.compile(r"(\d+) (hour|minute|second)")
_FROM_UNIT = re.compile(r"from_unit: ([^,]+)")
_CONVERTED = re.compile(r"(\S+) (\S+) = (.+)")


@dataclass(frozen=True)
class SetTimer:
    """The timer that a call set."""

    number: int
    label: str
    duration: str
    rings_at: str  # hours, minutes and seconds

    @property
    def is_one_of(self) -> tuple[int, str]:
        """What tells it from any other: numbers start again with every start."""
        return self.number, self.rings_at


def timer_set_by(tool: ToolView) -> SetTimer | None:
    """The timer that this call set; None where it did something else."""
    found = _SET.match(tool.result) if tool.name == "set_timer" else None
    if found is None:
        return None
    number, label, duration, minute, second = found.groups()
    return SetTimer(int(number), label or "", _short_duration(duration), minute + second)


def _short_duration(words: str) -> str:
    forms = {"hour": sentence("{count} h"), "minute": sentence("{count} min"), "second": sentence("{count} s")}
    return " ".join(forms[unit].format(count=count) for count, unit in _DURATION.findall(words))


def said_by(tool: ToolView) -> tuple[str, str]:
    """What the card says: plain words, then those that count."""
    title = tool.title or tool.name
    if tool.name == "unreadable":
        return sentence("A tool could not be used here"), ""
    if tool.state is ToolState.ASKING:
        return sentence("Earshot wants to use {tool}").format(tool=title), ""
    if tool.state is ToolState.RUNNING:
        return f"{title}…", ""
    if tool.state is ToolState.FAILED:
        return f"{title}: ", _first_line(tool.result) or sentence("failed")
    return _said_when_done(tool, title)


def _said_when_done(tool: ToolView, title: str) -> tuple[str, str]:
    timer = timer_set_by(tool)
    if timer is not None:
        words = sentence("{name} · {duration} · rings {time}")
        name = timer.label or sentence("Timer")
        return words.format(name=name, duration=timer.duration, time=timer.rings_at[:5]), ""
    converted = _CONVERTED.fullmatch(tool.result) if tool.name == "convert_units" else None
    if converted is not None:
        unit = _FROM_UNIT.search(tool.arguments)
        return f"{converted[1]} {unit[1] if unit else converted[2]} = ", converted[3]
    if tool.name == "calculator":
        return f"{_first_line(tool.arguments)} = ", _first_line(tool.result)
    if tool.name == "web_search":
        return sentence("Looked up “{words}”").format(words=_first_line(tool.arguments)), ""
    said = _MOMENTS[tool.name](tool.result) if tool.name in _MOMENTS else None
    if said is not None:
        return said
    if tool.name in ICONS:
        return _first_line(tool.result) or title, ""
    return f"{title}: ", _first_line(tool.result) or sentence("done")


def _moment(result: str) -> tuple[str, str] | None:
    """Monday, 30 November 2026 (Tokyo): 10:52"""
    if (found := _MOMENT.fullmatch(result)) is None:
        return None
    moment = dt.datetime.strptime(found[1], "%d %B %Y, %H:%M")
    day = QLocale().toString(QDate(moment.year, moment.month, moment.day), QLocale.FormatType.LongFormat)
    return f"{day} ({found[2]}): ", f"{moment:%H:%M}"


def _running_timers(result: str) -> tuple[str, str]:
    words = sentence("{name}: {time} left")
    timers = [
        words.format(name=label or sentence("Timer"), time=_short_duration(left))
        for label, left in _LISTED.findall(result)
    ]
    return " · ".join(timers) or sentence("No timer is running"), ""


def _cancelled_timer(result: str) -> tuple[str, str] | None:
    found = _CANCELLED.fullmatch(result)
    return (sentence("Cancelled “{name}”").format(name=found[1] or sentence("Timer")), "") if found else None


_MOMENTS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "date_and_time": _moment,
    "list_timers": _running_timers,
    "cancel_timer": _cancelled_timer,
}


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
