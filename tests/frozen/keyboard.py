"""A screen that nobody sees, with keyboard and mouse: Xvfb, and what is pressed through X11's XTEST extension."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Array, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p

SPACE, CONTROL, Q = 0x20, 0xFFE3, 0x71  # as in <X11/keysymdef.h>
_PARENT = 2  # RevertToParent
_MAP_STATE, _IS_VIEWABLE = 23, 2  # place of the int in XWindowAttributes, on 64-bit systems; its value
_SEEN_S = 60.0
_DRAG_STEPS, _DRAG_STEP_S = 20, 0.05


@contextmanager
def screen() -> Iterator[str]:
    """A running Xvfb; its name for DISPLAY."""
    with screen_of_process() as (display, _pid):
        yield display


@contextmanager
def screen_of_process() -> Iterator[tuple[str, int]]:
    """The same, and the id of its process."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}", server.pid
    finally:
        server.terminate()
        server.wait(20)


class Keyboard:
    """Presses keys in the window of a title, and drags with the mouse."""

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
            (self._test.XTestFakeMotionEvent, (c_void_p, c_int, c_int, c_int, c_ulong), c_int),
            (self._test.XTestFakeButtonEvent, (c_void_p, c_uint, c_int, c_ulong), c_int),
        ):
            function.argtypes, function.restype = list(kinds), answers
        self._display = self._x.XOpenDisplay(display.encode())
        if not self._display:
            raise RuntimeError(f"the screen {display} cannot be reached")

    def focus(self, title: str) -> None:
        """Wait for the window and give it the keyboard, as a window manager would."""
        self._x.XSetInputFocus(self._display, self._shown(title), _PARENT, 0)
        self._x.XSync(self._display, 0)

    def drag(self, source: str, target: str) -> None:
        """Drag from the middle of one window to the middle of another one and let go there."""
        begins, ends = self._middle(self._shown(source)), self._middle(self._shown(target))
        self._move(begins)
        self._button(1)
        for step in range(1, _DRAG_STEPS + 1):
            part = step / _DRAG_STEPS
            self._move(
                (round(begins[0] + part * (ends[0] - begins[0])), round(begins[1] + part * (ends[1] - begins[1])))
            )
            time.sleep(_DRAG_STEP_S)  # both programs answer each other in between
        self._button(0)

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

    def _move(self, place: tuple[int, int]) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, *place, 0)
        self._x.XSync(self._display, 0)

    def _button(self, down: int) -> None:
        self._test.XTestFakeButtonEvent(self._display, 1, down, 0)
        self._x.XSync(self._display, 0)

    def _shown(self, title: str) -> int:
        """The window of a title, as soon as there is one."""
        ends = time.monotonic() + _SEEN_S
        while (window := self._window(title)) is None:
            if time.monotonic() > ends:
                raise RuntimeError(f"no window {title} is shown")
            time.sleep(0.1)
        return window

    def _middle(self, window: int) -> tuple[int, int]:
        left, top, width, height = self._attributes(window)[:4]
        return left + width // 2, top + height // 2

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
        return bool(self._attributes(window)[_MAP_STATE] == _IS_VIEWABLE)

    def _attributes(self, window: int) -> Array[c_int]:
        """Its XWindowAttributes; the first four are left, top, width and height."""
        attributes = (c_int * 64)()
        ask = self._x.XGetWindowAttributes
        ask.argtypes = [c_void_p, c_ulong, c_void_p]
        ask(self._display, window, attributes)
        return attributes
