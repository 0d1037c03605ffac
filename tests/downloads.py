"""Downloads that are stopped and killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

from engine.checkpoints.download import downloading
from tests.hub import FILES, NAME, LocalHub


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stop_at(tmp_path: Path, hub: LocalHub, done: int) -> None:
    """Begin a download and stop it when so many bytes are there."""
    steps = downloading(NAME, tmp_path, hub=hub.address)
    while next(steps).done < done:
        pass
    steps.close()


def start_download(folder: Path, hub: LocalHub) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "engine", "models", "download", NAME, "-o", str(folder)]
    environment = os.environ | {"HF_ENDPOINT": hub.address}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_downloads(folder: Path, hub: LocalHub, *, kills: int, size: int, seed: int = 14) -> float:
    """Kill a download at seeded moments; it must end in the right bytes, with few of them sent twice.

    Returns how many times the size was sent.
    """
    chance = random.Random(seed)
    content = chance.randbytes(size)
    shards = {f"model-{number:05d}.safetensors": content[number::10] for number in range(10)}
    hub.revisions = [FILES | shards]
    whole = sum(map(len, hub.revisions[0].values()))
    moments = deque((number + chance.uniform(0.2, 0.8)) * whole / kills for number in range(kills))
    running: list[subprocess.Popen[str]] = []

    def kill_at_the_next_moment(served: int) -> None:
        hub.closing.wait(0.001)  # a line of some 60 MB/s
        if moments and served >= moments[0]:
            moments.popleft()
            running[-1].kill()

    hub.sent = kill_at_the_next_moment
    killed = 0
    while True:
        running.append(start_download(folder, hub))
        error = running[-1].communicate(timeout=60)[1]
        if running[-1].returncode != -signal.SIGKILL:
            break
        killed += 1
    assert running[-1].returncode == 0, error
    assert killed == kills
    assert content_of(folder / NAME) == hub.revisions[0]
    assert hub.served <= 1.2 * whole
    assert [path.name for path in folder.iterdir()] == [NAME]
    return hub.served / whole
