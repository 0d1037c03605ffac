"""`earshot serve --ranks`: one model over several machines, started by `mlx.launch`; only rank 0 serves."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.commands.console import remark
from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.ranks import Ranks
    from engine.ranks.group import LostRankError
    from engine.serving import Server, Worker

LOST = 3  # the exit code once a rank is gone
_LOST_FILE = "EARSHOT_LOST_FILE"  # is there once a rank was lost: the launcher itself does not tell
_LAUNCH = f"""
import os, sys
from mlx._distributed_utils.launch import main
main()
sys.exit({LOST} if os.path.exists(os.environ["{_LOST_FILE}"]) else 0)
"""
_FIRST_PORT, _LAST_PORT = 32_400, 60_000
FOLLOWER_LOST = 4  # the exit code of another rank when rank 0 is gone


def started_by_launcher() -> bool:
    """Whether this process is a rank already."""
    return "MLX_RANK" in os.environ


def launch(ranks: str, backend: str) -> NoReturn:
    """Become the launcher, which starts this command once for each rank. Raises RequestError for no ranks at all."""
    how = [*_where(ranks), "--backend", backend]
    if ranks.isdigit() and backend == "ring":
        how += ["--starting-port", str(_free_ports(int(ranks)))]
    os.environ[_LOST_FILE] = os.path.join(tempfile.mkdtemp(prefix="earshot-ranks-"), "lost")
    how += ["--env", f"{_LOST_FILE}={os.environ[_LOST_FILE]}"]
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execv(sys.executable, [sys.executable, "-c", _LAUNCH, *how, "--", *command])


def leave_lost(ranks: Ranks, worker: Worker, server: Server, lost: LostRankError) -> NoReturn:
    """Rank 0: tell whoever waits for an answer that another rank is gone, and end: the engine's thread may wait in a
    sum for ever.
    """
    worker.fail(lost)
    server.stop()
    with contextlib.suppress(KeyError, OSError):
        Path(os.environ[_LOST_FILE]).touch()
    remark(f"earshot: {lost}")
    ranks.leave(LOST)


def _where(ranks: str) -> list[str]:
    if ranks.isdigit():
        if not 2 <= int(ranks) <= 64:
            raise RequestError("A model is shared by 2 to 64 ranks.")
        return ["-n", ranks]
    if Path(ranks).is_file():
        return ["--hostfile", ranks]
    return ["--hosts", ranks]


def _free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens at."""
    for first in range(_FIRST_PORT, _LAST_PORT, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise RequestError("There are no free ports on this machine.")


def follow_until_the_end(folder: Path, ranks: Ranks) -> NoReturn:
    """What the other ranks do: their part of the model, until rank 0 ends."""
    from engine.checkpoints.load import loading_part
    from engine.ranks import follow

    steps = loading_part(folder, ranks)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            llm = end.value
            break
    remark(f"Machine {ranks.rank + 1} of {ranks.size} has its part of the model.")
    ranks.leave(0 if follow(llm, ranks) else FOLLOWER_LOST)
