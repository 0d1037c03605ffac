"""Runs a program with an empty home folder and tells what it reached and what it left there.

The system calls are watched from outside (strace), so that a look-up made in C is seen like one made in Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = (".local/share/Earshot/", ".local/state/Earshot/", ".cache/Earshot/")

_TRACE = ("strace", "-f", "-qq", "-s", "200", "--seccomp-bpf", "-e", "trace=network,openat", "-e", "signal=none")
_ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
_NAME_PORT = re.compile(r"sin6?_port=htons\((?:53|853|5353)\)")
_NAME_FILES = re.compile(
    r'"/etc/(?:resolv\.conf|hosts)"|libnss_(?:dns|resolve|mdns)|systemd/resolve|avahi|sendto\([^"]*"hosts'
)


def missing_tool() -> str:
    """Why programs cannot be watched here, or nothing."""
    if not shutil.which("strace"):
        return "strace is not installed: it watches what a program reaches (Debian: see packaging/requirements)"
    tried = subprocess.run([*_TRACE, "-o", os.devnull, "true"], capture_output=True, text=True)
    return f"strace may not watch programs here: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True)
class Guard:
    """A home folder and the record of what programs did that ran in it."""

    home: Path
    trace: Path

    @contextmanager
    def running(self, *command: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """A program of this Python while it is watched; it reads from a pipe and is killed at the end."""
        process = subprocess.Popen(
            [*_TRACE, "-A", "-o", str(self.trace), sys.executable, *command],
            cwd=self.home.parent, env=self.environment(more), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.communicate()

    def run(self, *command: str, timeout_s: float = 120.0, **more: str) -> str:
        """Run a program of this Python to its end; returns what it printed. It must succeed."""
        with self.running(*command, **more) as process:
            printed, _ = process.communicate(timeout=timeout_s)
        assert process.returncode == 0, printed
        return printed

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Nothing of this process: what a new user has. The system's sound server keeps its own files elsewhere."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PULSE_RUNTIME_PATH": str(self.home.parent / "pulse"),
            "PULSE_STATE_PATH": str(self.home.parent / "pulse"),
            **more,
        }

    def strange_files(self) -> list[str]:
        """What lies below the home folder and is not Earshot's."""
        files = [str(path.relative_to(self.home)) for path in self.home.rglob("*") if not path.is_dir()]
        return sorted(file for file in files if not file.startswith(OURS))

    def reached(self) -> list[str]:
        """The system calls that looked a name up or named an address that is not this machine's."""
        lines = self.trace.read_text(errors="replace").splitlines() if self.trace.exists() else []
        return [line for line in lines if _leaves(line)]


def guard(folder: Path) -> Guard:
    """A guard with an empty home below `folder`."""
    (folder / "home").mkdir()
    return Guard(folder / "home", folder / "trace.txt")


def _leaves(line: str) -> bool:
    if _NAME_FILES.search(line) or _NAME_PORT.search(line):
        return True
    return any(not ip_address(address).is_loopback for address in _ADDRESS.findall(line))
