"""Notices that the system's list of sound devices changed. PortAudio reads it once, so this asks the system itself."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from pathlib import Path

_CARDS = Path("/proc/asound/cards")
_SYSTEM_OBJECT = 1  # kAudioObjectSystemObject
_WATCHED = (b"dev#", b"dIn ", b"dOut")  # all devices, the default input, the default output
_ROOM = 1024


class _Address(ctypes.Structure):
    """AudioObjectPropertyAddress."""

    _fields_ = (("selector", ctypes.c_uint32), ("scope", ctypes.c_uint32), ("element", ctypes.c_uint32))


def fingerprint() -> bytes:
    """Bytes that change when a device comes or goes, or another one becomes the default. Takes microseconds."""
    if sys.platform == "darwin":
        core_audio = ctypes.CDLL(ctypes.util.find_library("CoreAudio") or "CoreAudio")
        return of_core_audio(core_audio.AudioObjectGetPropertyData)
    try:
        return _CARDS.read_bytes()
    except OSError:
        return b""


def of_core_audio(get_property: Callable[..., int]) -> bytes:
    """The same from Core Audio's AudioObjectGetPropertyData: the numbers of the devices."""
    found = b""
    for selector in _WATCHED:
        address = _Address(int.from_bytes(selector), int.from_bytes(b"glob"), 0)
        size, numbers = ctypes.c_uint32(_ROOM), (ctypes.c_uint8 * _ROOM)()
        system, nothing = ctypes.c_uint32(_SYSTEM_OBJECT), ctypes.c_uint32(0)
        if get_property(system, ctypes.byref(address), nothing, None, ctypes.byref(size), numbers) == 0:
            found += selector + bytes(numbers[: size.value])
    return found
