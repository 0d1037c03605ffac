"""A screen that nobody sees, and a keyboard for it: Xvfb, and keys pressed through X11's XTEST extension."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p

SPACE, CONTROL, Q, ONE = 0x20, 0xFFE3, 0x71, 0x31  # as in <X11/keysymdef.h>
_PARENT = 2  # RevertToParent
_MAP_STATE, _IS_VIEWABLE = 23, 2  # place of the int in XWindowAttributes, on 64-bit systems; its value
_SEEN_S = 60.0


@contextmanager
def screen() -> Iterator[str]:
    """A running Xvfb; its name for DISPLAY."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(20)


class Keyboard:
    """Presses keys in the window of a title."""

    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._test = ctypes.CDLL("libXtst.so.6")
        for function, kinds, answers in (
            (self._x.XOpenDisplay, (c_char_p,), c_void_p),
            (self._x.XDefaultRootWindow, (c_void_p,), c_ulong),
            (self._x.XKeysymToKeycode, (c_void_p, c_ulong), ctypes.c_ubyte),
            (self._x.XSetInputFocus, (c_void_p, c_ulong, c_int, c_ulong), c_int),
            (self._x.XSync, (c_void_p, c_int), c_int),
            (self._x.XFree, (c_void_p,), c_int),
            (self._x.XFetchName, (c_void_p, c_ulong, POINTER(c_char_p)), c_int),
            (self._test.XTestFakeKeyEvent, (c_void_p, c_uint, c_int, c_ulong), c_int),
        ):
            function.argtypes, function.restype = list(kinds), answers
        self._display = self._x.XOpenDisplay(display.encode())
        if not self._display:
            raise RuntimeError(f"the screen {display} cannot be reached")

    def focus(self, title: str) -> None:
        """Wait for the window and give it the keyboard, as a window manager would."""
        ends = time.monotonic() + _SEEN_S
        while (window := self._window(title)) is None:
            if time.monotonic() > ends:
                raise RuntimeError(f"no window {title} is shown")
            time.sleep(0.1)
        self._x.XSetInputFocus(self._display, window, _PARENT, 0)
        self._x.XSync(self._display, 0)

    def press(self, *keys: int) -> None:
        """Keys go down."""
        self._send(keys, 1)

    def release(self, *keys: int) -> None:
        """Keys come up."""
        self._send(keys, 0)

    def _send(self, keys: tuple[int, ...], down: int) -> None:
        for key in keys:
            self._test.XTestFakeKeyEvent(self._display, self._x.XKeysymToKeycode(self._display, key), down, 0)
        self._x.XSync(self._display, 0)

    def _window(self, title: str) -> int | None:
        root, parent, count = c_ulong(), c_ulong(), c_uint()
        children = POINTER(c_ulong)()
        top = self._x.XDefaultRootWindow(self._display)
        query = self._x.XQueryTree
        query.argtypes = [c_void_p, c_ulong, *(POINTER(c_ulong),) * 2, POINTER(POINTER(c_ulong)), POINTER(c_uint)]
        query(self._display, top, byref(root), byref(parent), byref(children), byref(count))
        windows = [children[place] for place in range(count.value)]
        return next((window for window in windows if self._name(window) == title and self._is_shown(window)), None)

    def _name(self, window: int) -> str:
        name = c_char_p()
        if not self._x.XFetchName(self._display, window, byref(name)):
            return ""
        return (name.value or b"").decode(errors="replace")

    def _is_shown(self, window: int) -> bool:
        attributes = (c_int * 64)()  # XWindowAttributes
        ask = self._x.XGetWindowAttributes
        ask.argtypes = [c_void_p, c_ulong, c_void_p]
        ask(self._display, window, attributes)
        return attributes[_MAP_STATE] == _IS_VIEWABLE
