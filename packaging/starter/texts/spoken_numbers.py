"""Decimals, days, dates and times as they are said in American English: 3.25 → three point two five."""

from __future__ import annotations

from datetime import datetime

from engine.conversation.prompting.numbers_in_words import digits_one_by_one, ordinal, words, year_words

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def decimal_words(text: str, places: int = 2) -> str:
    """A number written with digits in words, rounded half up to so many places: "3.106856" → three point one one."""
    negative = text.startswith("-")
    value = round(abs(float(text)) * 10**places + 1e-9)
    whole, fraction = divmod(value, 10**places)
    digits = str(fraction).zfill(places).rstrip("0")
    said = words(whole) + (" point " + digits_one_by_one(digits) if digits else "")
    return f"minus {said}" if negative and value else said


def is_rounded(text: str, places: int = 2) -> bool:
    """Whether `decimal_words` leaves something away."""
    return len(text.partition(".")[2]) > places


def clock_words(moment: datetime) -> str:
    """The time of day: four twenty in the morning, twelve o'clock, five past is said "four oh five"."""
    hour = moment.hour % 12 or 12
    if moment.minute == 0:
        said = f"{words(hour)} o'clock"
    elif moment.minute < 10:
        said = f"{words(hour)} oh {words(moment.minute)}"
    else:
        said = f"{words(hour)} {words(moment.minute)}"
    return f"{said} {_part_of_day(moment.hour)}"


def _part_of_day(hour: int) -> str:
    if hour < 12:
        return "in the morning"
    if hour < 18:
        return "in the afternoon"
    return "in the evening"


def date_words(moment: datetime) -> str:
    """Saturday, the twenty-first of November, twenty twenty-six."""
    return f"{moment:%A}, the {ordinal(moment.day)} of {moment:%B}, {year_words(moment.year)}"


def duration_words(seconds: int) -> str:
    """A duration: 3723 → one hour two minutes and three seconds."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "hour"), (rest // 60, "minute"), (rest % 60, "second"))
    said = [f"{words(count)} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "no time"


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
