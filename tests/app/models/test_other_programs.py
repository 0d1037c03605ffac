"""The switch for other programs: a real server on loopback over the window's engine thread."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pytestqt.qtbot import QtBot

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, Request
from app.engine_side.served import ServedHost
from app.keychain import Keychain
from app.models.other_programs import OtherPrograms, TokenFile, TokenInKeychain
from app.settings import Settings
from app.worker import Worker
from tests.app.fakes import FakeKeychain

_PATIENCE_MS = 30_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def programs(thread: EngineThread, settings: Settings, tmp_path: Path) -> Iterator[OtherPrograms]:
    worker, tokens = Worker("server", 60), TokenFile(tmp_path / "token")
    made = OtherPrograms(settings, ServedHost(thread), tmp_path / "voices", tokens, worker, port=0)
    yield made
    made.close()
    worker.close(20)


def switch_on(programs: OtherPrograms, settings: Settings, qtbot: QtBot) -> None:
    settings.change(other_programs=True)
    qtbot.waitUntil(lambda: programs.view.on, timeout=_PATIENCE_MS)


def get(programs: OtherPrograms, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "Diary/1.0 (of a friend)"}
    return httpx.get(f"{programs.view.address}/models", headers=headers, trust_env=False, timeout=30)


def test_it_is_off_until_it_is_switched_on(programs: OtherPrograms, settings: Settings, tmp_path: Path) -> None:
    programs.begin()
    assert not settings.now.other_programs
    assert not programs.view.on
    assert not (tmp_path / "token").exists()


def test_switched_on_it_serves_whoever_shows_the_token(
    programs: OtherPrograms, settings: Settings, thread: EngineThread, qtbot: QtBot, tmp_path: Path
) -> None:
    switch_on(programs, settings, qtbot)
    token = programs.view.token
    assert programs.view.address.startswith("http://127.0.0.1:")
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert "No model is loaded" in get(programs, token).json()["error"]["message"]
    request = Request("load", lambda work, request: work.load(Path("mini")), FIRST, alone=True)
    with qtbot.waitSignal(thread.ended, check_params_cb=lambda which, error: which is request):
        thread.submit(request)
    assert get(programs, token).json()["data"][0]["id"] == "mini"
    assert get(programs, "nobody's").status_code == 401
    programs.look()
    assert programs.view.clients == ("Diary/1.0",)


def test_a_renewed_token_shuts_out_who_has_the_old_one(
    programs: OtherPrograms, settings: Settings, qtbot: QtBot
) -> None:
    switch_on(programs, settings, qtbot)
    old = programs.view.token
    programs.renew_token()
    qtbot.waitUntil(lambda: programs.view.token != old, timeout=_PATIENCE_MS)
    assert get(programs, old).status_code == 401
    assert get(programs, programs.view.token).status_code != 401


def test_switched_off_nobody_is_served(programs: OtherPrograms, settings: Settings, qtbot: QtBot) -> None:
    switch_on(programs, settings, qtbot)
    address = programs.view.address
    settings.change(other_programs=False)
    assert not programs.view.on

    def gone() -> bool:
        try:
            httpx.get(address, trust_env=False, timeout=5)
        except httpx.TransportError:
            return True
        return False

    qtbot.waitUntil(gone, timeout=_PATIENCE_MS)


def test_what_is_in_the_way_is_said(
    thread: EngineThread, programs: OtherPrograms, settings: Settings, qtbot: QtBot, tmp_path: Path
) -> None:
    switch_on(programs, settings, qtbot)
    port = int(programs.view.address.removesuffix("/v1").rsplit(":", 1)[1])
    worker = Worker("another server", 60)
    second = OtherPrograms(
        settings, ServedHost(thread), tmp_path / "voices", TokenFile(tmp_path / "token"), worker, port=port
    )
    second.begin()
    qtbot.waitUntil(lambda: bool(second.view.problem), timeout=_PATIENCE_MS)
    assert f"Port {port}" in second.view.problem
    assert not second.view.on
    worker.close(20)


def test_the_token_is_kept_in_the_keychain(tmp_path: Path) -> None:
    system, file = FakeKeychain(), tmp_path / "token"
    tokens = TokenInKeychain(Keychain(tmp_path / "secrets", lambda: False, lambda: system), TokenFile(file))
    token = tokens.kept()
    assert list(system.kept.values()) == [token]
    assert tokens.kept() == token
    renewed = tokens.renewed()
    assert renewed != token
    assert tokens.kept() == renewed
    assert not file.exists()


def test_without_a_keychain_the_token_is_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    tokens = TokenInKeychain(Keychain(tmp_path / "secrets", lambda: False, lambda: None), TokenFile(file))
    token = tokens.kept()
    assert file.read_text().strip() == token
    assert tokens.kept() == token
    assert tokens.renewed() == tokens.kept() != token


def test_a_locked_keychain_is_said(thread: EngineThread, settings: Settings, qtbot: QtBot, tmp_path: Path) -> None:
    system = FakeKeychain()
    system.locked = True
    tokens = TokenInKeychain(Keychain(tmp_path / "secrets", lambda: False, lambda: system), TokenFile(tmp_path / "t"))
    worker = Worker("server", 60)
    programs = OtherPrograms(settings, ServedHost(thread), tmp_path / "voices", tokens, worker, port=0)
    settings.change(other_programs=True)
    qtbot.waitUntil(lambda: bool(programs.view.problem), timeout=_PATIENCE_MS)
    assert "keychain" in programs.view.problem
    programs.close()
    worker.close(20)
