"""What the welcome page says of the full model, by the memory of this machine."""

from __future__ import annotations

import pytest

from app.shown.models import DownloadView, SizeView
from app.widgets.main_window import MainWindow
from tests.app.widgets.fake_controller import FakeController

GB = 10**9
SIZES = (SizeView(16, int(18.9 * GB), 18 * GB), SizeView(4, int(7.6 * GB), int(6.9 * GB)))


@pytest.mark.parametrize(
    ("usable", "words", "button"),
    [
        (20 * GB, "Step-Audio 2 mini fits · 18 GB", "Get the full model…"),
        (12 * GB, "Step-Audio 2 mini fits as a 4-bit copy · 18 GB", "Get the full model…"),
        (
            4 * GB,
            "Step-Audio 2 mini needs 7.6 GB of memory, and a model may take 4.0 GB on this Mac",
            "Look at the models…",
        ),
    ],
)
def test_it_is_praised_only_where_it_fits(
    window: MainWindow, controller: FakeController, usable: int, words: str, button: str
) -> None:
    controller.downloads.show(DownloadView("Step-Audio-2-mini", total=18 * GB, sizes=SIZES, usable=usable))
    card = window.welcome.model
    assert card._foot.text() == words
    assert card.button.text() == button
