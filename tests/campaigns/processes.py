"""Processes that are killed: forked from one that has imported everything, so that a start costs little."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from random import Random
from typing import Any

_HANGS_S = 120.0
_LOG_SHOWN = 3000  # characters


@dataclass(frozen=True)
class Moment:
    """When a process is killed: so many seconds after its work began; or then at the latest, but before it opens,
    renames or removes a file of its folder for the nth time.
    """

    seconds: float
    touches: int | None = None


def draw_moment(chance: Random, seconds: float, touches: int) -> Moment:
    """Any moment up to so many seconds or touches, half of them each."""
    if chance.random() < 0.5:
        return Moment(chance.uniform(0.0, seconds))
    return Moment(2 * seconds, chance.randint(1, touches))


class Watched:
    """What a process has of the one that watches it."""

    def __init__(self, pipe: Connection, moment: Moment | None, folder: Path) -> None:
        self._pipe, self._moment, self._folder = pipe, moment, str(folder)
        self._touched = 0

    def begin(self) -> None:
        """The work begins: from here on the process may be killed."""
        if self._moment is not None and self._moment.touches is not None:
            sys.addaudithook(self._on_event)
        self._pipe.send("working")

    def report(self, value: Any) -> None:
        """Say what was found."""
        self._pipe.send(value)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.remove") or not _lies_in(self._folder, arguments[0]):
            return
        self._touched += 1
        if self._touched == self._moment.touches:  # type: ignore[union-attr]
            os.kill(os.getpid(), signal.SIGKILL)


Work = Callable[..., None]  # given Watched, the folder, and what else was said


def kill_at(moment: Moment, work: Work, folder: Path, *arguments: Any) -> float:
    """Run `work` in a process of its own and kill that; returns when, in seconds since 1970."""
    process, said = _start(moment, work, folder, arguments)
    try:
        _wait_for(said, process, folder)
        process.join(moment.seconds)
        killed_at = time.time()
    finally:
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL, f"it ended before it was killed\n{_log_of(folder)}"
    return killed_at


def run_to_end(work: Work, folder: Path, *arguments: Any) -> Any:
    """Run `work` in a process of its own; returns what it reports last."""
    process, said = _start(None, work, folder, arguments)
    try:
        value = _wait_for(said, process, folder)
        while value == "working":
            value = _wait_for(said, process, folder)
        process.join(_HANGS_S)
        assert process.exitcode == 0, f"it ended with {process.exitcode}\n{_log_of(folder)}"
        return value
    finally:
        process.kill()
        process.join()


def _start(moment: Moment | None, work: Work, folder: Path, arguments: tuple[Any, ...]) -> tuple[Any, Connection]:
    context = _context()
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sending, moment, work, folder, arguments), daemon=True)  # type: ignore[attr-defined]
    process.start()
    sending.close()
    return process, receiving


def _context() -> BaseContext:
    """Forked where a process may fork that has loaded the system's libraries; a Mac's may not."""
    if sys.platform == "darwin":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.campaigns.preloaded"])
    return context


def _run(pipe: Connection, moment: Moment | None, work: Work, folder: Path, arguments: tuple[Any, ...]) -> None:
    log = os.open(_log_path(folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        work(Watched(pipe, moment, folder), folder, *arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _wait_for(said: Connection, process: Any, folder: Path) -> Any:
    began = time.monotonic()
    while time.monotonic() - began < _HANGS_S:
        if said.poll(0.2):
            try:
                return said.recv()
            except EOFError:
                break
        if not process.is_alive() and not said.poll(0):
            break
    raise AssertionError(f"it said nothing more\n{_log_of(folder)}")


def _log_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")


def _log_of(folder: Path) -> str:
    return _log_path(folder).read_text(errors="replace")[-_LOG_SHOWN:]


def _lies_in(folder: str, path: Any) -> bool:
    return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(folder)
