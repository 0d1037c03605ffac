"""Secrets in the keychain, or with the user's consent in a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.keychain import Keychain, KeychainMissingError, system_keychain
from engine.errors import StorageError
from tests.app.fakes import FakeKeychain


def test_a_secret_is_kept_in_the_keychain_and_nowhere_else(tmp_path: Path) -> None:
    system = FakeKeychain()
    keychain = Keychain(tmp_path / "secrets.json", lambda: True, lambda: system)
    assert keychain.read("token") == ""
    keychain.keep("token", "one")
    keychain.keep("token", "two")
    assert keychain.read("token") == "two"
    assert system.kept == {"token": "two"}
    assert list(tmp_path.iterdir()) == []
    keychain.forget("token")
    keychain.forget("token")
    assert system.kept == {}
    assert keychain.read("token") == ""


def test_without_a_keychain_nothing_is_written_unless_the_user_agrees(tmp_path: Path) -> None:
    agreed: list[bool] = []
    keychain = Keychain(tmp_path / "secrets.json", lambda: bool(agreed), lambda: None)
    with pytest.raises(KeychainMissingError, match="This computer has no keychain"):
        keychain.keep("token", "one")
    assert list(tmp_path.iterdir()) == []
    agreed.append(True)
    keychain.keep("token", "one")
    keychain.keep("other", "two")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert Keychain(tmp_path / "secrets.json", lambda: False, lambda: None).read("token") == "one"
    keychain.forget("token")
    assert keychain.read("token") == ""
    assert keychain.read("other") == "two"


def test_a_secret_leaves_the_file_once_there_is_a_keychain(tmp_path: Path) -> None:
    file, system = tmp_path / "secrets.json", FakeKeychain()
    Keychain(file, lambda: True, lambda: None).keep("token", "of the file")
    keychain = Keychain(file, lambda: True, lambda: system)
    assert keychain.read("token") == "of the file"
    keychain.keep("token", "of the keychain")
    assert "of the" not in file.read_text()
    assert keychain.read("token") == "of the keychain"


def test_a_locked_keychain_is_a_sentence_and_its_secrets_go_into_no_file(tmp_path: Path) -> None:
    system = FakeKeychain()
    system.locked = True
    keychain = Keychain(tmp_path / "secrets.json", lambda: True, lambda: system)
    for act in (lambda: keychain.keep("token", "x"), lambda: keychain.read("token"), lambda: keychain.forget("token")):
        with pytest.raises(StorageError, match="did not answer: unlock it"):
            act()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", '{"version": 2, "secrets": {}}', '{"version": 1, "secrets": []}'])
def test_a_file_that_is_not_understood_is_left_alone(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    keychain = Keychain(file, lambda: True, lambda: None)
    with pytest.raises(StorageError, match=r"secrets\.json cannot be read"):
        keychain.keep("token", "x")
    assert file.read_text() == content


def test_a_system_without_a_secret_service_has_no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert system_keychain() is None
