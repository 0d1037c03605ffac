"""Numbers, dates and times as they are said in American English: 42 → forty-two, 3.25 → three point two five."""

from __future__ import annotations

from datetime import datetime

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def words(value: int) -> str:
    """A whole number in words: −7 → minus seven, 1692 → one thousand six hundred ninety-two."""
    if value < 0:
        return f"minus {words(-value)}"
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    scale, name = next(pair for pair in _SCALES if value >= pair[0])
    high, low = divmod(value, scale)
    return f"{words(high)} {name}" + (f" {words(low)}" if low else "")


def ordinal(value: int) -> str:
    """Which one of a row: 1 → first, 21 → twenty-first, 30 → thirtieth."""
    text = words(value)
    cut = max(text.rfind(" "), text.rfind("-")) + 1
    last = text[cut:]
    if last in _IRREGULAR:
        return text[:cut] + _IRREGULAR[last]
    return text[:cut] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def decimal_words(text: str, places: int = 2) -> str:
    """A number written with digits in words, rounded half up to so many places: "3.106856" → three point one one."""
    negative = text.startswith("-")
    value = round(abs(float(text)) * 10**places + 1e-9)
    whole, fraction = divmod(value, 10**places)
    digits = str(fraction).zfill(places).rstrip("0")
    said = words(whole) + (" point " + " ".join(_ONES[int(digit)] for digit in digits) if digits else "")
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


def year_words(year: int) -> str:
    """A year: 1969 → nineteen sixty-nine, 2005 → two thousand five, 1900 → nineteen hundred."""
    if 2000 <= year < 2010 or not 1000 <= year < 3000:
        return words(year)
    high, low = divmod(year, 100)
    if low == 0:
        return f"{words(high)} hundred"
    return f"{words(high)} oh {words(low)}" if low < 10 else f"{words(high)} {words(low)}"


def duration_words(seconds: int) -> str:
    """A duration: 3723 → one hour two minutes and three seconds."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "hour"), (rest // 60, "minute"), (rest % 60, "second"))
    said = [f"{words(count)} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "no time"


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
