"""Colours can be read, fonts have the sizes asked for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.controls import theme

GROUNDS = ("window", "sidebar", "card", "bubble", "raised")
TEXTS = ("text", "second", "accent_text")


def luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2 contrast of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("values", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_has_a_contrast_of_at_least_four_and_a_half(values: theme.Colours, ground: str, text: str) -> None:
    assert contrast(getattr(values, text), getattr(values, ground)) >= 4.5


@pytest.mark.parametrize("values", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_words_on_soft_and_full_accent_and_states_on_cards_can_be_read(values: theme.Colours) -> None:
    assert contrast(values.accent_text, values.accent_soft) >= 4.5
    assert contrast(values.text, values.accent_soft) >= 4.5
    assert contrast(QColor("#ffffff"), values.accent_fill) >= 4.5
    for state in (values.good, values.trouble):
        assert contrast(state, values.card) >= 4.5
        assert contrast(state, values.window) >= 4.5


@pytest.mark.parametrize("values", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_icons_on_the_talk_button_stand_out(values: theme.Colours) -> None:
    for ground in (values.accent, values.listening):
        assert contrast(values.on_accent, ground) >= 2.7
    assert contrast(values.accent, values.window) >= 3.0


@pytest.mark.parametrize("size", [theme.ANSWER_PX, theme.TEXT_PX, theme.SMALL_PX])
def test_fonts_are_as_large_in_pixels_as_asked(qapp: QApplication, size: float) -> None:
    screen = QGuiApplication.primaryScreen()
    assert theme.font(size).pointSizeF() * screen.logicalDotsPerInchY() / 72 == pytest.approx(size, abs=0.05)


def test_tabular_digits_have_one_width(qapp: QApplication) -> None:
    metrics = QFontMetricsF(theme.font(theme.SMALL_PX, tabular=True))
    assert len({round(metrics.horizontalAdvance(digit * 20), 2) for digit in "0123456789"}) == 1


def test_widgets_take_dark_colours_when_the_scheme_turns_dark(qapp: QApplication, qtbot: QtBot) -> None:
    look = theme.Theme(qapp, Qt.ColorScheme.Light)
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    assert theme.colours(widget) is theme.LIGHT
    look.force(Qt.ColorScheme.Dark)
    qtbot.waitUntil(lambda: theme.colours(widget) is theme.DARK)
    look.force(Qt.ColorScheme.Light)
    qtbot.waitUntil(lambda: theme.colours(widget) is theme.LIGHT)
