"""Words and glyphs stand out from every ground they are drawn on, computed from the colours."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from app.widgets.controls import theme

THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
GROUNDS = ("window", "sidebar", "card", "bubble", "raised")
WORDS_ON = {
    "text": (*GROUNDS, "accent_soft", "groove", "hit", "hit_now", "segment_on"),
    "second": GROUNDS,
    "accent_text": (*GROUNDS, "accent_soft"),
    "good": (*GROUNDS, "good_soft"),
    "trouble": (*GROUNDS, "trouble_soft"),
    "unheard": ("window",),
    "on_accent": ("accent_fill",),
}
GLYPHS_ON = {"faint": ("window", "bubble", "raised"), "listening": ("window",), "accent": ("window",)}
SENTENCE, GLYPH = 4.5, 3.0


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG defines it, 0 to 1."""
    channels = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    """How many times lighter the lighter one is, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_greatest_contrast_there_is() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("values", THEMES.values(), ids=THEMES.keys())
@pytest.mark.parametrize(("least", "pairs"), [(SENTENCE, WORDS_ON), (GLYPH, GLYPHS_ON)], ids=["words", "glyphs"])
def test_what_is_drawn_stands_out(values: theme.Colours, least: float, pairs: dict[str, tuple[str, ...]]) -> None:
    weak = {
        (ink, ground): round(found, 2)
        for ink, grounds in pairs.items()
        for ground in grounds
        if (found := contrast(getattr(values, ink), getattr(values, ground))) < least
    }
    assert weak == {}


@pytest.mark.parametrize("values", THEMES.values(), ids=THEMES.keys())
def test_names_of_speakers_stand_out_on_their_own_ground_and_on_the_page(values: theme.Colours) -> None:
    assert len(values.speakers) == 4
    for words, soft in values.speakers:
        assert min(contrast(words, soft), contrast(words, values.window)) >= SENTENCE
