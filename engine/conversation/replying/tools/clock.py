"""Date and time, here and elsewhere."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import datetime

from engine.conversation.replying.tools.registry import Tool, ToolError, tool


def clock_tools(now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> list[Tool]:
    """The tool date_and_time, reading `now` (a time with its zone)."""

    def date_and_time(timezone: str = "") -> str:
        """Tell the current date and time.

        timezone: a city or time zone such as Tokyo or Europe/Paris; leave it out for the user's own
        """
        moment = now()
        if timezone.strip():
            moment = moment.astimezone(find_zone(timezone))
        return f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M} ({timezone.strip() or moment.tzname()})"

    return [tool(date_and_time)]


def find_zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of a name as people write it: "Europe/Paris", "new york", "UTC". Raises ToolError if unknown."""
    wanted = name.strip().lower().replace(" ", "_")
    zones = sorted(zoneinfo.available_timezones())
    for zone in zones:
        if wanted in (zone.lower(), zone.lower().rpartition("/")[2]):
            return zoneinfo.ZoneInfo(zone)
    raise ToolError(
        "I do not know the time zone {name}. Use a name such as Europe/Paris or Asia/Shanghai.", name=name[:60]
    )
