"""The system's permission for the microphone, with a stand-in for the system."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from app.audio import permission
from app.audio.permission import Access, MicrophonePermission

Status = Qt.PermissionStatus


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the system knows, and on which system in which program."""
    system = SimpleNamespace(status=Status.Undetermined, asked=0, sys=SimpleNamespace(platform="darwin"))

    def ask(_permission: Any, _context: Any, answered: Any) -> None:
        system.asked += 1
        answered(_permission)

    application = SimpleNamespace(checkPermission=lambda _permission: system.status, requestPermission=ask)
    monkeypatch.setattr(permission, "QCoreApplication", SimpleNamespace(instance=lambda: application))
    monkeypatch.setattr(permission, "sys", system.sys)
    return system


@pytest.mark.parametrize(
    ("platform", "frozen", "status", "access"),
    [
        ("darwin", False, Status.Undetermined, Access.GRANTED),
        ("darwin", False, Status.Denied, Access.DENIED),
        ("darwin", False, Status.Granted, Access.GRANTED),
        ("darwin", True, Status.Undetermined, Access.UNASKED),
        ("darwin", True, Status.Denied, Access.DENIED),
        ("linux", False, Status.Granted, Access.GRANTED),
        ("linux", False, Status.Undetermined, Access.UNASKED),
    ],
)
def test_only_a_start_without_a_bundle_on_a_mac_leaves_the_question_to_core_audio(
    system: Any, platform: str, frozen: bool, status: Status, access: Access
) -> None:
    system.sys.platform, system.sys.frozen, system.status = platform, frozen, status
    assert MicrophonePermission().access() is access


def test_the_app_in_its_bundle_asks_by_qt(system: Any) -> None:
    system.sys.frozen = True
    answered: list[bool] = []
    MicrophonePermission().ask(lambda: answered.append(True))
    assert answered == [True]
    assert system.asked == 1
