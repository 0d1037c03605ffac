"""Sizes and times in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def gigabytes(size: int) -> str:
    """A size as people read it: 812 MB, 5.3 GB, 16.6 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0):.0f} MB"


def share_of(part: int, whole: int) -> str:
    """A part of something larger: "6.1 of 24 GB", "44 MB of 24 GB"."""
    words = f"{part / 1e9:.1f}" if part >= 1e9 else gigabytes(part)
    largest = f"{whole / 1e9:.0f} GB" if whole >= 1e10 else gigabytes(whole)
    return QCoreApplication.translate("Sizes", "{part} of {whole}").format(part=words, whole=largest)


def time_left(seconds: float) -> str:
    """How long something still takes, roughly."""
    if seconds < 90:
        return QCoreApplication.translate("Sizes", "about a minute left")
    if seconds < 5400:
        return QCoreApplication.translate("Sizes", "{minutes} min left").format(minutes=round(seconds / 60))
    return QCoreApplication.translate("Sizes", "{hours} h left").format(hours=f"{seconds / 3600:.1f}")


def model_title(name: str) -> str:
    """A published model as people call it: "Step-Audio 2 mini Think"."""
    return name.replace("Step-Audio-2-mini", "Step-Audio 2 mini").replace("mini-", "mini ")
