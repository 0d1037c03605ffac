"""The system's own list of devices, without a sound card and without a Mac."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from app.audio import device_list


class CoreAudio:
    """Answers as AudioObjectGetPropertyData does: numbers of four bytes for each property of the system object."""

    def __init__(self) -> None:
        self.devices, self.inputs, self.outputs = [41, 52], [41], [52]
        self.broken: set[bytes] = set()

    def __call__(self, system: Any, address: Any, _size: Any, _qualifier: Any, size: Any, out: Any) -> int:
        assert system.value == 1
        wanted = address._obj.selector.to_bytes(4)
        assert address._obj.scope.to_bytes(4) == b"glob"
        if wanted in self.broken:
            return -50
        numbers = {b"dev#": self.devices, b"dIn ": self.inputs, b"dOut": self.outputs}[wanted]
        packed = (ctypes.c_uint32 * len(numbers))(*numbers)
        ctypes.memmove(out, packed, ctypes.sizeof(packed))
        size._obj.value = ctypes.sizeof(packed)
        return 0


def test_a_device_that_comes_or_another_default_changes_the_fingerprint() -> None:
    system = CoreAudio()
    first = device_list.of_core_audio(system)
    assert device_list.of_core_audio(system) == first
    system.outputs = [41]
    second = device_list.of_core_audio(system)
    system.devices = [41, 52, 63]
    third = device_list.of_core_audio(system)
    assert len({first, second, third}) == 3


def test_what_the_system_does_not_tell_is_left_out() -> None:
    system = CoreAudio()
    system.broken = {b"dIn "}
    assert b"dIn " not in device_list.of_core_audio(system)
    assert b"dOut" in device_list.of_core_audio(system)


def test_on_linux_the_cards_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_list.sys, "platform", "linux")
    monkeypatch.setattr(device_list, "_CARDS", tmp_path / "cards")
    assert device_list.fingerprint() == b""
    (tmp_path / "cards").write_text(" 0 [PCH ]: HDA-Intel")
    assert device_list.fingerprint() == b" 0 [PCH ]: HDA-Intel"
