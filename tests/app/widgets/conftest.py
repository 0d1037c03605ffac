"""One look and one language for every widget test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app import theme, translations


@pytest.fixture(scope="session", autouse=True)
def look(qapp: QApplication) -> theme.Theme:
    """The application's fonts and light colours, in English."""
    translations.install(qapp, "en")
    return theme.Theme(qapp, Qt.ColorScheme.Light)


@pytest.fixture
def dark(look: theme.Theme) -> Iterator[theme.Theme]:
    """Dark colours during one test."""
    look.force(Qt.ColorScheme.Dark)
    yield look
    look.force(Qt.ColorScheme.Light)
