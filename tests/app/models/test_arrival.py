"""A model that was downloaded: it appears at once, and is offered for use."""

from __future__ import annotations

from collections.abc import Callable

from app.shown.talk import NoticeAction
from tests.app.conftest import Running


def test_a_finished_download_appears_at_once_and_is_offered_for_use(start: Callable[..., Running]) -> None:
    app = start()
    refreshed: list[bool] = []
    app.controller._models._catalogue.installed = lambda current: refreshed.append(True) or ()  # type: ignore
    app.controller.downloads.arrived.emit("Step-Audio-2-mini")
    app.wait(lambda: refreshed)
    assert "Step-Audio-2-mini" in app.controller.notice.text
    assert app.controller.notice.action is NoticeAction.USE
    app.controller.act_on_notice()
    app.wait(lambda: app.engine.loads[-1].name == "Step-Audio-2-mini")
