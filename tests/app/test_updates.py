"""A newer Earshot is looked for only when asked, at the place the copy came from, and said where one talks."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from pytestqt.qtbot import QtBot

from app import build, updates
from app.settings import Settings
from app.updates import OddAnswerError, Updates, newer, releases
from app.widgets.controls.check_box import CheckBox
from app.widgets.settings.pages import GeneralPage
from app.worker import Worker
from tests.app.user import Sit

PLACE = "https://releases.invalid/earshot"


def told(version: object) -> bytes:
    return json.dumps({"version": version, "file": "Earshot.dmg"}).encode()


def test_only_a_newer_version_counts() -> None:
    assert newer(told("0.10.0"), "0.9.9") == "0.10.0"
    assert newer(told("0.2.0"), "0.2.0") == ""
    assert newer(told("0.1.9"), "0.2.0") == ""


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{", told(None), told([1]), told("new"), told("1.2.x")])
def test_anything_else_is_no_version(answer: bytes) -> None:
    with pytest.raises(OddAnswerError):
        newer(answer, "0.2.0")


@pytest.mark.parametrize("written", ["", "http://releases.invalid", "file:///etc"])
def test_a_copy_without_a_safe_place_does_not_offer_to_look(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARSHOT_RESOURCES", str(tmp_path))
    assert releases() == ""
    (tmp_path / "releases.txt").write_text(written)
    assert releases() == ""
    (tmp_path / "releases.txt").write_text(f"{PLACE}\n")
    assert releases() == PLACE


@pytest.fixture
def asked() -> list[str]:
    """The places that were asked."""
    return []


@pytest.fixture
def looking(qtbot: QtBot, tmp_path: Path, asked: list[str]) -> Updates:
    """Updates of version 0.2.0, which find 0.3.0."""

    def fetch(address: str) -> bytes:
        asked.append(address)
        return told("0.3.0")

    settings = Settings(tmp_path / "settings.json")
    return Updates(settings, Worker("updates", 20.0), PLACE, version=lambda: "0.2.0", fetch=fetch)


def test_nobody_is_asked_until_it_is_turned_on(qtbot: QtBot, looking: Updates, asked: list[str]) -> None:
    looking.look()
    looking._settings.change(notifications=False)
    looking._worker.close(20)
    assert asked == []


def test_turned_on_it_says_what_there_is_now_and_at_each_start(
    qtbot: QtBot, looking: Updates, asked: list[str]
) -> None:
    with qtbot.waitSignal(looking.told) as first:
        looking._settings.change(look_for_updates=True)
    assert first.args == ["Earshot 0.3.0 is available at releases.invalid."]
    with qtbot.waitSignal(looking.told):
        looking.look()
    assert asked == [PLACE, PLACE]


def test_being_offline_or_a_wrong_answer_is_no_trouble(qtbot: QtBot, looking: Updates) -> None:
    def offline(_address: str) -> bytes:
        raise httpx.ConnectError("no network")

    said: list[str] = []
    looking.told.connect(said.append)
    for fetch, look in (
        (offline, lambda: looking._settings.change(look_for_updates=True)),
        (lambda _address: b"<html>", looking.look),
    ):
        looking._fetch = fetch
        done: list[bool] = []
        look()
        looking._worker.run(lambda: None, lambda _result, _error, done=done: done.append(True))
        qtbot.waitUntil(lambda done=done: bool(done))
    assert said == []


def test_the_request_tells_nothing_and_long_answers_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []
    answers = [told("0.3.0"), b"a" * 100_000]

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=answers.pop(0))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(httpx, "stream", client.stream)
    assert updates.fetch(PLACE) == told("0.3.0")
    assert str(seen[0].url) == f"{PLACE}/latest.json"
    assert seen[0].headers["user-agent"] == "Earshot"
    with pytest.raises(OddAnswerError):
        updates.fetch(PLACE)


def test_a_place_that_leads_to_the_newest_release_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = "https://files.invalid/v0.3.0/latest.json"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url == newest:
            return httpx.Response(200, content=told("0.3.0"))
        return httpx.Response(302, headers={"location": newest})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(httpx, "stream", client.stream)
    assert updates.fetch(PLACE) == told("0.3.0")


@pytest.mark.parametrize("place", ["", PLACE])
def test_the_settings_offer_it_only_where_a_copy_can_look(
    place: str, sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "releases", lambda: place)
    monkeypatch.setattr(Updates, "look", lambda self: None)
    user = sit()
    user.window.menus.settings.trigger()
    general = user.settings.findChild(GeneralPage)
    box = next(box for box in general.findChildren(CheckBox) if "newer Earshot" in box.text())
    assert box.isVisibleTo(general) == bool(place)
    if place:
        box.click()
        assert user.app.settings.now.look_for_updates
