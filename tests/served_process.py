"""`earshot serve` as a process of its own, which can be killed and started again at the same port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOKEN = "earshot-a-token-of-the-tests"


class ServedProcess:
    """A model that is served on loopback. Its token is `TOKEN`."""

    def __init__(self, model: Path, folder: Path) -> None:
        """`folder` is where the token is kept."""
        self._model, self._token = model, folder / "token"
        self._token.write_text(TOKEN)
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.address = ""

    def start(self) -> None:
        """Until it serves."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "engine", "serve", "--port", str(self._port), "--model", str(self._model)),
                *("--token-file", str(self._token)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address, "the server did not start; its message stands above"
        self._port = int(self.address.split(":")[2].partition("/")[0])

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
