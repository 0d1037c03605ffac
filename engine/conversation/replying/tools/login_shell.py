"""The folders of programs that a user's login shell knows; an app opened from the Dock knows only the system's."""

from __future__ import annotations

import logging
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache

log = logging.getLogger(__name__)

_ASKED_S = 2.0  # start-up files of shells may do anything
_MARK = "earshot-path:"
_TOLD = ("HOME", "LOGNAME", "USER", "SHELL", "TERM", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "PATH")


def login_folders() -> tuple[str, ...]:
    """What the user's login shell has in PATH; asked once, and only by an app that may have been opened without one.

    Nothing where the shell says nothing in time.
    """
    if sys.platform != "darwin" and not getattr(sys, "frozen", False):
        return ()
    return _asked(_shell())


@cache
def _asked(shell: str) -> tuple[str, ...]:
    told = {name: os.environ[name] for name in _TOLD if name in os.environ}  # nothing of a bundled Python's
    return folders_of(shell, told, _ASKED_S)


def folders_of(shell: str, environment: Mapping[str, str], timeout_s: float) -> tuple[str, ...]:
    """PATH of a shell that is started as at a login, with all its start-up files; empty where that takes longer."""
    command = [shell, "-l", "-i", "-c", f'printf "\\n{_MARK}%s\\n" "$PATH"']
    try:
        asked = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interactive shell would take the terminal
        )
    except OSError as error:
        log.info("the login shell %s could not be asked: %s", shell, error)
        return ()
    try:
        told = asked.communicate(timeout=timeout_s)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        log.info("the login shell %s took longer than %.0f s", shell, timeout_s)
        os.killpg(asked.pid, signal.SIGKILL)
        asked.communicate()
        return ()
    path = next((line.removeprefix(_MARK) for line in told.splitlines() if line.startswith(_MARK)), "")
    return tuple(folder for folder in path.split(os.pathsep) if folder.startswith("/"))


def _shell() -> str:
    """The shell of the environment, or else the one in the user's entry."""
    return os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
