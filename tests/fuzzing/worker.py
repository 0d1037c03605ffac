"""A process of its own that reads one input after the other and says how each went; it may hang or die."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

_SHOWN = 700  # characters of a traceback
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Limits:
    """What reading one input may take."""

    seconds: float = 30.0
    memory_base: int = 500_000_000
    memory_times: float = 2.0  # times the bytes of the input

    def memory(self, size: int) -> int:
        """Bytes that an input of `size` bytes may take."""
        return int(self.memory_base + self.memory_times * size)


@dataclass(frozen=True)
class Outcome:
    """How reading one input went: `fault` is empty if it was read or refused in a sentence."""

    fault: str = ""
    refusal: str = ""
    memory: int = 0
    seconds: float = 0.0


class Worker:
    """Runs readers in another process, which is started when it is needed, and again after it hung or died."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, read: Callable[[Path], object], path: Path, refuses: Sequence[type[Exception]]) -> Outcome:
        """Read one file or folder; every exception that is in `refuses` is a good answer."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        names = [_name(kind) for kind in refuses]
        size = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        request = {"read": _name(read), "path": str(path), "refuses": names, "memory": self._limits.memory(size)}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], self._limits.seconds)[0]:
            self._stop()
            return Outcome(f"still reads after {self._limits.seconds:.0f} s")
        answer = process.stdout.readline()
        if answer:
            return Outcome(**json.loads(answer))
        code = process.wait()
        last_words = self._last_words()
        self._stop()
        return Outcome(f"the process died ({code}): {last_words}")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzzing.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
                cwd=_ROOT,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == "ready\n", self._last_words()
        return self._process

    def _last_words(self) -> str:
        assert self._said is not None
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[:_SHOWN]  # where it stood; a list of modules follows

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        assert self._said is not None
        self._said.close()
        self._process = self._said = None


def _name(thing: Callable[..., object]) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _named(name: str) -> Callable[..., object]:
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    assert callable(found)
    return found


def _try_to_read(read: str, path: str, refuses: Sequence[str], memory: int) -> Outcome:
    function, kinds = _named(read), tuple(_named(kind) for kind in refuses)
    before, began = _start_of_peak(), time.monotonic()
    with _AddressSpace(memory):
        fault, refusal = "", ""
        try:
            function(Path(path))
        except BaseException as error:
            good = isinstance(error, kinds) and not _out_of_memory(error)
            said = str(error) if good else "".join(traceback.format_exception(error))[-_SHOWN:]
            fault, refusal = ("", said) if good else (said, "")
            del error
    taken = _peak() - before
    if not fault and taken > memory:
        fault = f"took {taken / 1e6:.0f} MB, may take {memory / 1e6:.0f} MB"
    return Outcome(fault, refusal, taken, time.monotonic() - began)


def _out_of_memory(error: BaseException | None) -> bool:
    """Whether a refusal comes from the limit: without it the memory would have been taken."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _AddressSpace:
    """Room for `more` bytes beyond what the process has, and some for what libraries reserve but never touch."""

    SLACK = 1_000_000_000

    def __init__(self, more: int) -> None:
        self._more = more

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_AS)
        if sys.platform == "linux":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * _PAGE + self._more + self.SLACK, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_AS, self._before)


def _start_of_peak() -> int:
    """Bytes in memory now; from here on `_peak` counts, where the system can start it anew."""
    if sys.platform != "linux":
        return _peak()
    Path("/proc/self/clear_refs").write_text("5")
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _peak() -> int:
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    faulthandler.enable()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(_try_to_read(**json.loads(line)))), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
