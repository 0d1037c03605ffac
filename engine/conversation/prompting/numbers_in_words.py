"""Numbers in English words, as they are said in American English: 42 → forty-two, 1984 → nineteen eighty-four."""

from __future__ import annotations

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
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
LARGEST = 999_999_999_999  # what is longer is said digit by digit


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


def year_words(year: int) -> str:
    """A year: 1969 → nineteen sixty-nine, 2005 → two thousand five, 1900 → nineteen hundred."""
    if 2000 <= year < 2010 or not 1000 <= year < 3000:
        return words(year)
    high, low = divmod(year, 100)
    if low == 0:
        return f"{words(high)} hundred"
    return f"{words(high)} oh {words(low)}" if low < 10 else f"{words(high)} {words(low)}"


def digits_one_by_one(digits: str) -> str:
    """Each digit by itself: "555" → five five five."""
    return " ".join(_ONES[int(digit)] for digit in digits if digit.isdecimal())


def amount_words(number: str) -> str:
    """A number as it is written, without its sign: "1,234.50" → one thousand two hundred thirty-four point five zero.

    What begins with a zero, or is longer than LARGEST, is said digit by digit.
    """
    whole, point, fraction = number.replace(",", "").partition(".")
    behind = f" point {digits_one_by_one(fraction)}" if point and fraction else ""
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) > len(str(LARGEST)):
        return digits_one_by_one(whole) + behind
    return words(int(whole or 0)) + behind
