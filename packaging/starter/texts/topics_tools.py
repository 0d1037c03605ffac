"""Time, timers and units: conversations in which a tool does the work, and what is said without the tool."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from engine.conversation.replying.tools.timers import duration
from engine.conversation.replying.tools.units import convert_units
from starter.texts.dialogues import Call, Dialogue, Draw, Turn
from starter.texts.spoken_numbers import (
    clock_words,
    date_words,
    decimal_words,
    duration_words,
    is_rounded,
    sentence,
    words,
)
from starter.texts.topics_arithmetic import offered_tools

_CITIES = [
    "London",
    "Paris",
    "Berlin",
    "Madrid",
    "Rome",
    "Vienna",
    "Prague",
    "Warsaw",
    "Athens",
    "Moscow",
    "Istanbul",
    "Cairo",
    "Nairobi",
    "Lagos",
    "Dubai",
    "Karachi",
    "Kolkata",
    "Bangkok",
    "Singapore",
    "Shanghai",
    "Tokyo",
    "Seoul",
    "Sydney",
    "Melbourne",
    "Auckland",
    "Honolulu",
    "Denver",
    "Chicago",
    "Toronto",
    "Lisbon",
    "Dublin",
    "Oslo",
    "Stockholm",
    "Helsinki",
    "Budapest",
    "Zurich",
    "Brussels",
    "Amsterdam",
    "Copenhagen",
    "Jakarta",
    "Manila",
    "Lima",
    "Bogota",
    "Havana",
] + ["New York", "Los Angeles", "Hong Kong", "Mexico City", "Buenos Aires"]
_UNITS = {
    "length": (("kilometers", "km"), ("miles", "miles"), ("meters", "m"), ("feet", "feet"), ("inches", "inches"), ("centimeters", "cm"), ("yards", "yards")),
    "mass": (("kilograms", "kg"), ("pounds", "pounds"), ("grams", "g"), ("ounces", "ounces")),
    "volume": (("liters", "liters"), ("gallons", "gallons"), ("cups", "cups"), ("pints", "pints")),
    "temperature": (("degrees Celsius", "celsius"), ("degrees Fahrenheit", "fahrenheit")),
    "time": (("hours", "hours"), ("minutes", "minutes"), ("seconds", "seconds"), ("days", "days"), ("weeks", "weeks")),
    "speed": (("miles per hour", "mph"), ("kilometers per hour", "km/h")),
}  # fmt: skip
_LABELS = [
    "tea",
    "eggs",
    "pasta",
    "pizza",
    "bread",
    "rice",
    "cake",
    "laundry",
    "homework",
    "coffee",
    "dinner",
    "lunch",
    "break",
    "nap",
    "workout",
    "yoga",
    "call",
    "meeting",
    "soup",
    "cookies",
    "chicken",
    "potatoes",
    "bath",
    "parking",
]
_NO_CLOCK = "I have no clock here. Please allow the date and time tool."
_NO_UNITS = "I have no unit tool here, so I cannot convert that."
_NO_TIMERS = "I have no timers here. Please allow the timer tools."


def _moment(draw: Draw) -> datetime:
    return datetime(2024, 1, 1) + timedelta(minutes=draw.integer(0, 6 * 365 * 24 * 60))


def clock(draw: Draw, offered: tuple[str, ...] | None = None) -> Dialogue:
    """The time or the date, here or elsewhere, then perhaps in another city."""
    offered = offered_tools(draw, ("date_and_time",)) if offered is None else offered
    kind = draw.choice(("time", "time", "date", "day", "city", "city", "city"))
    turns = [_city_turn(draw, offered)] if kind == "city" else [_now_turn(draw, kind, offered)]
    while kind in ("city", "time") and len(turns) < 3 and draw.chance.random() < 0.35:
        turns.append(_city_turn(draw, offered, following=True))
    return Dialogue("clock", tuple(turns), tools=offered)


def _now_turn(draw: Draw, kind: str, offered: tuple[str, ...]) -> Turn:
    moment = _moment(draw)
    if kind == "time":
        question = draw.phrasing(("What time is it?", "What's the time?", "Can you tell me the time?", "Tell me the time, please.", "What time is it now?", "What is the time?", "Please tell me what time it is.", "Tell me what time it is.", "How late is it?", "Give me the time.", "What's the time now?", "Do you know what time it is?"))  # fmt: skip
        answer = f"It is {clock_words(moment)}."
    elif kind == "date":
        question = draw.phrasing(("What is the date today?", "What's today's date?", "What is today's date?", "Tell me the date.", "What is the date?", "Can you tell me the date?", "What date is it?", "What's the date?", "Which day of the month is it?", "Please tell me today's date.", "Which date is it today?"))  # fmt: skip
        answer = f"Today is {date_words(moment)}."
    else:
        question = draw.phrasing(("What day is it today?", "What day is it?", "Which day of the week is it?", "What weekday is it?", "Which day is it today?", "What day of the week is it today?", "Do you know what day it is?", "Please tell me which day it is.", "What day do we have today?", "Tell me what day it is."))  # fmt: skip
        answer = f"Today is {moment:%A}."
    if "date_and_time" not in offered:
        return Turn(question, _NO_CLOCK)
    zone = draw.choice(("UTC", "CET", "CEST", "EST", "EDT", "PST", "PDT", "GMT", "BST", "CST", "JST"))
    call = Call("date_and_time", {}, f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M} ({zone})")
    return Turn(question, answer, "I ask the clock.", calls=(call,))


def _city_turn(draw: Draw, offered: tuple[str, ...], following: bool = False) -> Turn:
    moment, city = _moment(draw), draw.choice(_CITIES)
    asks: tuple[str, ...] = (
        "And in {c}?",
        "What about {c}?",
        "And what time is it in {c}?",
        "And the time in {c}?",
        "And what about {c}?",
        "Now {c}.",
        "How about {c}?",
    )
    if not following:
        asks = ("What time is it in {c}?", "What's the time in {c}?", "Tell me the time in {c}.", "What time is it now in {c}?", "What is the time in {c}?", "Tell me what time it is in {c}.", "How late is it in {c}?", "Can you tell me the time in {c}?", "What time do they have in {c}?", "Give me the time in {c}.", "The time in {c}, please.", "Do you know what time it is in {c}?")  # fmt: skip
    question = draw.phrasing(asks).format(c=city)
    if "date_and_time" not in offered:
        return Turn(question, _NO_CLOCK)
    call = Call("date_and_time", {"timezone": city}, f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M} ({city})")
    return Turn(question, f"In {city} it is {clock_words(moment)}.", "I ask the clock.", calls=(call,))


def conversion(draw: Draw, offered: tuple[str, ...] | None = None) -> Dialogue:
    """Units: the tool converts, the answer is rounded to two places; then perhaps another number."""
    offered = offered_tools(draw, ("convert_units",)) if offered is None else offered
    kind = draw.choice(("length", "length", "mass", "volume", "temperature", "temperature", "time", "speed"))
    source, target = draw.chance.sample(_UNITS[kind], 2)
    turns = [_conversion_turn(draw, source, target, offered, False)]
    while len(turns) < 3 and draw.chance.random() < 0.3:
        turns.append(_conversion_turn(draw, source, target, offered, True))
    return Dialogue("conversion", tuple(turns), tools=offered)


def _conversion_turn(
    draw: Draw, source: tuple[str, str], target: tuple[str, str], offered: tuple[str, ...], following: bool
) -> Turn:
    while True:
        value = draw.integer(2, draw.choice((12, 30, 100, 200)))
        if draw.allows("convert", value, source[1], target[1]):
            break
    asks: tuple[str, ...] = (
        "And {v}?",
        "What about {v} {s}?",
        "And {v} {s}?",
        "And how much is {v}?",
        "And what about {v}?",
        "Now {v} {s}.",
        "How about {v}?",
    )
    if not following:
        asks = ("How many {t} are {v} {s}?", "What is {v} {s} in {t}?", "Convert {v} {s} to {t}.", "How much is {v} {s} in {t}?", "Please convert {v} {s} into {t}.", "Can you convert {v} {s} to {t}?", "{V} {s} in {t}.", "What are {v} {s} in {t}?", "How many {t} make {v} {s}?", "Change {v} {s} to {t}.", "{V} {s} is how many {t}?", "Give me {v} {s} in {t}.", "Tell me {v} {s} in {t}.")  # fmt: skip
    ask = draw.phrasing(asks)
    question = ask.format(v=words(value), V=sentence(words(value)), s=source[0], t=target[0])
    typed = ask.format(v=value, V=value, s=source[0], t=target[0])
    if "convert_units" not in offered:
        return Turn(question, _NO_UNITS, typed=typed)
    result = convert_units(value, source[1], target[1])
    number = result.partition(" = ")[2].split(" ")[0]
    about = "about " if is_rounded(number) else ""
    answer = sentence(f"{words(value)} {source[0]} is {about}{decimal_words(number)} {target[0]}.")
    arguments = {"value": value, "from_unit": source[1], "to_unit": target[1]}
    call = Call("convert_units", arguments, result)
    return Turn(question, answer, "I use the unit tool.", calls=(call,), typed=typed)


def timers(draw: Draw, offered: tuple[str, ...] | None = None) -> Dialogue:
    """Setting, listing and cancelling timers."""
    offered = offered_tools(draw, ("set_timer", "list_timers", "cancel_timer")) if offered is None else offered
    turns = [draw.choice((_set_turn, _set_turn, _set_turn, _list_turn, _cancel_turn))(draw, offered)]
    while len(turns) < 3 and draw.chance.random() < 0.35:
        if turns[-1].calls and turns[-1].calls[0].name == "set_timer" and draw.chance.random() < 0.5:
            turns.append(_cancel_it_turn(draw, turns[-1].calls[0], offered))
        else:
            turns.append(draw.choice((_set_turn, _list_turn, _cancel_turn))(draw, offered))
    return Dialogue("timers", tuple(turns), tools=offered)


def _length(draw: Draw) -> dict[str, int]:
    kind = draw.choice(("minutes", "minutes", "minutes", "seconds", "hours", "both"))
    if kind == "minutes":
        return {"minutes": draw.integer(1, draw.choice((10, 30, 59)))}
    if kind == "seconds":
        return {"seconds": draw.integer(5, 59)}
    if kind == "hours":
        return {"hours": draw.integer(1, 12)}
    return draw.choice(
        (
            {"hours": draw.integer(1, 5), "minutes": draw.integer(1, 59)},
            {"minutes": draw.integer(1, 20), "seconds": draw.integer(1, 59)},
        )
    )


def _said(length: dict[str, int], written: Callable[[int], str] = words) -> str:
    pieces = [f"{written(count)} {name if count != 1 else name[:-1]}" for name, count in length.items()]
    return " and ".join(pieces)


def _set_turn(draw: Draw, offered: tuple[str, ...]) -> Turn:
    while True:
        length = _length(draw)
        if draw.allows("timer", tuple(length.items())):
            break
    seconds = length.get("hours", 0) * 3600 + length.get("minutes", 0) * 60 + length.get("seconds", 0)
    label = draw.choice(_LABELS) if draw.chance.random() < 0.4 else ""
    asks: tuple[str, ...] = ("Set a timer for {t}.", "Start a timer for {t}.", "Please set a timer for {t}.", "Set a {t} timer.", "Can you set a timer for {t}?", "Wake me in {t}.", "Set the timer to {t}.", "Remind me in {t}.", "Make a timer for {t}.", "Timer for {t}.", "Please start a {t} timer.", "Could you start a timer for {t}?", "Give me a timer of {t}.", "I need a timer for {t}.")  # fmt: skip
    if label:
        asks = ("Set a timer for {t} for the {l}.", "Set a {l} timer for {t}.", "Start a timer for {t} called {l}.", "Please set a timer for {t} for the {l}.", "Start a {l} timer for {t}.", "Set the {l} timer to {t}.", "Make a {l} timer for {t}.", "Can you set a {l} timer for {t}?", "Please start a timer for the {l} for {t}.", "Set a timer called {l} for {t}.", "I need a {l} timer for {t}.")  # fmt: skip
    said, digits = _said(length), _said(length, str)
    ask = draw.phrasing(asks)
    if "{t} timer" in ask:
        said, digits = (re.sub(r"(hour|minute|second)s", r"\1", text) for text in (said, digits))
    question, typed = ask.format(t=said, l=label), ask.format(t=digits, l=label)
    if "set_timer" not in offered:
        return Turn(question, _NO_TIMERS, typed=typed)
    number, rings = draw.integer(1, 9), _moment(draw) + timedelta(seconds=draw.integer(0, 59))
    name = f"Timer {number}" + (f" ({label})" if label else "")
    result = f"{name} set for {duration(seconds)}; it rings at {rings:%H:%M:%S}."
    arguments = length | ({"label": label} if label else {})
    answer = f"Your {label} timer is set for {_said(length)}." if label else f"The timer is set for {_said(length)}."
    return Turn(question, answer, "I set a timer.", calls=(Call("set_timer", arguments, result),), typed=typed)


def _list_turn(draw: Draw, offered: tuple[str, ...]) -> Turn:
    question = draw.phrasing(("Which timers are running?", "What timers do I have?", "How much time is left?", "Show me my timers.", "How long until the timer rings?", "List my timers.", "Is a timer running?", "When does the timer ring?", "How long does the timer still run?", "Which timers are set?", "Tell me which timers are running.", "How much time do I have left?", "Are any timers running?"))  # fmt: skip
    if "list_timers" not in offered:
        return Turn(question, _NO_TIMERS)
    count = draw.choice((0, 1, 1, 1, 2))
    lines, said = [], []
    for number in sorted(draw.chance.sample(range(1, 9), count)):
        label = draw.choice(_LABELS) if draw.chance.random() < 0.4 else ""
        seconds = draw.integer(1, draw.choice((120, 3600, 7200)))
        lines.append(f"Timer {number}" + (f" ({label})" if label else "") + f": {duration(seconds)} left.")
        said.append(
            f"{'Your ' + label + ' timer' if label else 'Timer ' + words(number)} has {duration_words(seconds)} left."
        )
    result = " ".join(lines) or "No timer is running."
    return Turn(question, " ".join(said) or result, "I look at the timers.", calls=(Call("list_timers", {}, result),))


def _cancel_it_turn(draw: Draw, was_set: Call, offered: tuple[str, ...]) -> Turn:
    """The timer that was just set is cancelled without its number, which the tool has told."""
    label = was_set.arguments.get("label")
    asks = ("Cancel it.", "Cancel that timer.", "Cancel the timer.", "I don't need it anymore.", "Please cancel it again.", "Delete that timer.", "Stop that timer.")  # fmt: skip
    if label:
        asks = ("Cancel the {l} timer.", "Stop the {l} timer.", "Cancel it.", "Please cancel the {l} timer.", "I don't need the {l} timer anymore.", "Cancel that timer.", "Delete the {l} timer.")  # fmt: skip
    question = draw.phrasing(asks).format(l=label)
    if "cancel_timer" not in offered:
        return Turn(question, _NO_TIMERS)
    named = was_set.result.partition(" set for ")[0]
    number = int(named.split()[1])
    call = Call("cancel_timer", {"number": number}, f"{named} cancelled.")
    return Turn(question, f"Timer {words(number)} is cancelled.", "I cancel the timer.", calls=(call,))


def _cancel_turn(draw: Draw, offered: tuple[str, ...]) -> Turn:
    number = draw.integer(1, 9)
    ask = draw.phrasing(("Cancel timer {n}.", "Stop timer {n}.", "Please cancel timer {n}.", "Cancel timer number {n}.", "Stop timer number {n}.", "Turn off timer {n}.", "Can you cancel timer {n}?", "End timer {n}.", "I don't need timer {n} anymore.", "Remove timer {n}.", "Delete timer {n}."))  # fmt: skip
    question, typed = ask.format(n=words(number)), ask.format(n=number)
    if "cancel_timer" not in offered:
        return Turn(question, _NO_TIMERS, typed=typed)
    if draw.chance.random() < 0.2:
        result, answer = f"There is no timer {number}.", f"There is no timer {words(number)}."
    else:
        label = draw.choice(_LABELS) if draw.chance.random() < 0.4 else ""
        result = f"Timer {number}" + (f" ({label})" if label else "") + " cancelled."
        answer = f"Timer {words(number)} is cancelled."
    call = Call("cancel_timer", {"number": number}, result)
    return Turn(question, answer, "I cancel the timer.", calls=(call,), typed=typed)
