"""Times and lengths as the pages of recordings show them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def stamp(seconds: float, hours: bool = False) -> str:
    """A time as 00:07, or 1:02:07 where hours are needed."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{minutes}" if hours or whole >= 3600 else minutes


def length_words(seconds: float) -> str:
    """A length as people say it: 1 h 52 min, 52 min, 31 s."""
    whole = int(seconds + 0.5)
    if whole >= 3600:
        words = QCoreApplication.translate("Times", "{hours} h {minutes} min")
        return words.format(hours=whole // 3600, minutes=whole // 60 % 60)
    if whole >= 60:
        return QCoreApplication.translate("Times", "{minutes} min").format(minutes=int(seconds / 60 + 0.5))
    return QCoreApplication.translate("Times", "{seconds} s").format(seconds=whole)
