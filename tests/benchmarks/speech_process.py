"""The processes of the speech benchmark's contestants: started together, asked one after the other, never waited for
longer than there is time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_CONTESTANT = Path(__file__).with_name("speech_contestant.py")


class NoAnswerError(Exception):
    """A contestant gave no answer; the text says why. `gone`: it will give no more."""

    def __init__(self, text: str, *, gone: bool = True) -> None:
        super().__init__(text)
        self.gone = gone


class Budget:
    """Seconds that may pass in all; None for as many as it takes."""

    def __init__(self, seconds: float | None) -> None:
        self._started = time.monotonic()
        self._seconds = seconds

    @property
    def passed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def left_s(self) -> float | None:
        """None without a limit, else 0 or more."""
        return None if self._seconds is None else max(0.0, self._seconds - self.passed_s)

    @property
    def spent(self) -> bool:
        return self.left_s == 0.0


class Contestant:
    """A contestant's process."""

    def __init__(
        self,
        name: str,
        kind: str,
        python: str,
        folder: Path,
        inputs: Path,
        budget: Budget,
        *,
        openblas: bool = False,
    ) -> None:
        self.name, self.kind = name, kind
        self.device = self.versions = ""
        self._budget = budget
        command = [sys.executable if python == "same" else python, str(_CONTESTANT), kind, str(folder), str(inputs)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
        self._process = subprocess.Popen(
            command + (["--openblas"] if openblas else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._answers: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self) -> None:
        """Wait until it is ready. Raises NoAnswerError."""
        answer = self.answer()
        self.device, self.versions = answer["device"], answer["versions"]

    def ask(self, *words: object) -> dict[str, Any]:
        """Send one command, wait for its answer. Raises NoAnswerError."""
        self.send(*words)
        return self.answer()

    def send(self, *words: object) -> None:
        """Send one command. Raises NoAnswerError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise NoAnswerError(f"{self.name} ended; its own message is above") from error

    def answer(self) -> dict[str, Any]:
        """The next answer. Raises NoAnswerError when the process ended, failed or took half of the time left."""
        left = self._budget.left_s
        try:
            line = self._answers.get(timeout=None if left is None else left / 2)
        except queue.Empty:
            raise NoAnswerError(f"no answer of {self.name} within half of the time that was left") from None
        if line is None:
            raise NoAnswerError(f"{self.name} ended; its own message is above")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NoAnswerError(f"{self.name}: {answer['error']}", gone=False)
        return answer

    def close(self) -> None:
        """End the process, if need be by force."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._answers.put(line)
        self._answers.put(None)
