"""A tool's card says in one line what people would say."""

from __future__ import annotations

import pytest

from app.shown.talk import ToolState, ToolView
from app.widgets.talk.tool_words import said_by, timer_set_by

DONE, FAILED, RUNNING, ASKING = ToolState.DONE, ToolState.FAILED, ToolState.RUNNING, ToolState.ASKING
TEA = "Timer 1 (tea) set for 1 minute; it rings at 10:52:00."
UNITS = "value: 10, from_unit: miles, to_unit: km"


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (ToolView("convert_units", UNITS, "10 mi = 16.09 km", DONE), "10 miles = 16.09 km"),
        (ToolView("convert_units", "nonsense", "10 mi = 16.09 km", DONE), "10 mi = 16.09 km"),
        (ToolView("calculator", "12*7\n", "84", DONE), "12*7 = 84"),
        (ToolView("set_timer", "60", TEA, DONE), "tea · 1 min · rings 10:52"),
        (ToolView("set_timer", "x", "Timer 2 set for 1 hour 5 seconds; it rings at 09:00:05.", DONE),
         "Timer · 1 h 5 s · rings 09:00"),
        (ToolView("web_search", "tea time", "1. Tea\nTea is", DONE), "Looked up “tea time”"),
        (ToolView("date_and_time", "Asia/Tokyo", "Monday, 30 November 2026, 10:51 (Asia/Tokyo)", DONE),
         "Monday, November 30, 2026 (Asia/Tokyo): 10:51"),
        (ToolView("date_and_time", "", "Who knows", DONE), "Who knows"),
        (ToolView("list_timers", "", "Timer 1 (tea): 1 minute 5 seconds left. Timer 2: 3 hours left.", DONE),
         "tea: 1 min 5 s left · Timer: 3 h left"),
        (ToolView("list_timers", "", "No timer is running.", DONE), "No timer is running"),
        (ToolView("cancel_timer", "1", "Timer 1 (tea) cancelled.", DONE), "Cancelled “tea”"),
        (ToolView("shout", "tea", "TEA\nand more", DONE, "shout from small"), "shout from small: TEA"),
        (ToolView("shout", "a\nb", "", RUNNING, "shout from small"), "shout from small…"),
        (ToolView("shout", "tea", "", ASKING, "shout from small"), "Earshot wants to use shout from small"),
        (ToolView("calculator", "1/0", "Division by zero.", FAILED, "Calculator"), "Calculator: Division by zero."),
        (ToolView("unreadable", "{", "Broken.", FAILED), "A tool could not be used here"),
    ],
)  # fmt: skip
def test_a_card_says(tool: ToolView, words: str) -> None:
    assert "".join(said_by(tool)) == words


def test_a_timer_is_known_by_its_number_and_its_time() -> None:
    timer = timer_set_by(ToolView("set_timer", "60", TEA, DONE))
    assert timer is not None
    assert timer.is_one_of == (1, "10:52:00")
    assert timer_set_by(ToolView("calculator", "60", TEA, DONE)) is None
    assert timer_set_by(ToolView("set_timer", "60", "No.", FAILED)) is None
