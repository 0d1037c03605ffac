"""The ranks that were started together, and how rank 0 tells the others what it does next.

Matrices are summed by MLX (`mx.distributed`: TCP's ring, Thunderbolt's jaccl, NVIDIA's nccl). What is read next is told
over sockets of our own: it is known long before the numbers are, so every rank lays out its work ahead of them; and a
socket closes when a process dies, which a sum that waits for it does not notice.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import mlx.core as mx
import numpy as np

from engine.errors import EngineError, RequestError

Message = tuple[int, ...]
_TOKEN_BYTES = 16
_PATIENCE = 60.0  # seconds for all ranks to find each other
_HEAD = struct.Struct("<I")
LOST = 3  # the exit code of rank 0 when another is gone
_LONGEST = 1 << 16  # values of a message
_NOTICED = 2.0  # seconds until a line to a machine that is gone is known to be closed


class LostRankError(EngineError):
    """Another machine of the group went away; nothing can be computed any more."""


@dataclass(eq=False)
class Ranks:
    """This process among `size` of them, of which it is number `rank`."""

    group: mx.distributed.Group
    lines: list[socket.socket]  # rank 0: one for each other rank; the others: one to rank 0
    lost: LostRankError | None = None

    def __post_init__(self) -> None:
        self.when_lost: Callable[[LostRankError], None] = self._end
        self._one_is_gone = threading.Event()
        if self.rank == 0:
            self.watch()

    @property
    def rank(self) -> int:
        """Number of this process; 0 leads."""
        return int(self.group.rank())

    @property
    def size(self) -> int:
        """How many processes there are."""
        return int(self.group.size())

    def sum(self, array: mx.array) -> mx.array:
        """The sum of all ranks' arrays of one shape, in the arrays' own precision."""
        return mx.distributed.all_sum(array, group=self.group)

    def from_leader(self, array: mx.array) -> mx.array:
        """Rank 0's array on all ranks; the others give any array of its shape and type."""
        return self.sum(array if self.rank == 0 else mx.zeros_like(array))

    def side_by_side(self, array: mx.array) -> mx.array:
        """The ranks' arrays (B, V) joined along their last axis, (B, size × V)."""
        rows = mx.distributed.all_gather(array[None], group=self.group)
        return rows.transpose(1, 0, 2).reshape(array.shape[0], -1)

    def tell(self, message: Message) -> None:
        """Rank 0: tell all others. Raises LostRankError when one of them is gone."""
        if self.lost is not None:
            raise self.lost
        packed = _HEAD.pack(len(message)) + struct.pack(f"<{len(message)}q", *message)
        for rank, line in enumerate(self.lines, start=1):
            try:
                line.sendall(packed)
            except OSError:
                raise self._note_lost(rank) from None

    def told(self) -> Message | None:
        """The others: what rank 0 tells next; None once it is gone."""
        head = _received(self.lines[0], _HEAD.size)
        if head is None:
            return None
        count = _HEAD.unpack(head)[0]
        body = _received(self.lines[0], 8 * count) if count <= _LONGEST else None
        return None if body is None else struct.unpack(f"<{count}q", body)

    def watch(self) -> None:
        """Rank 0: from now on, call `when_lost`, on a thread of its own and once, as soon as another rank is gone.

        The thread that computes may by then wait in a sum for ever, so what is called is to end the process.
        """
        once = threading.Lock()
        for rank, line in enumerate(self.lines, start=1):
            threading.Thread(target=self._watch, args=(rank, line, once), daemon=True).start()

    def _watch(self, rank: int, line: socket.socket, once: threading.Lock) -> None:
        if _received(line, 1) is None and once.acquire(blocking=False):
            self.when_lost(self._note_lost(rank))

    def _note_lost(self, rank: int) -> LostRankError:
        self.lost = self.lost or _lost(rank)
        self._one_is_gone.set()
        return self.lost

    def explained(self, error: BaseException) -> BaseException:
        """Rank 0: why a computation failed. A sum notices that a machine is gone, but not which; its line tells."""
        if isinstance(error, RuntimeError) and self._one_is_gone.wait(_NOTICED) and self.lost is not None:
            return self.lost
        return error

    def _end(self, lost: LostRankError) -> None:
        sys.stderr.write(f"{lost}\n")
        self.leave(LOST)

    def leave(self, code: int) -> NoReturn:
        """End this process at once. A sum that waits for a rank that is gone could not be ended otherwise."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def join() -> Ranks | None:
    """The group that this process was started in by `mlx.launch`; None for a process that was started alone.

    Raises RequestError if the ranks do not find each other.
    """
    if "MLX_RANK" not in os.environ:
        return None
    try:
        group = mx.distributed.init(strict=True, backend=_backend())
    except (RuntimeError, ValueError) as error:
        raise RequestError(
            "The machines cannot find each other ({reason}). Check their addresses and cables.", reason=error
        ) from None
    if group.size() == 1:
        return None
    return Ranks(group, _connect(group))


def _backend() -> str:
    if "MLX_JACCL_COORDINATOR" in os.environ:
        return "jaccl-ring" if "MLX_JACCL_RING" in os.environ else "jaccl"
    return "nccl" if "NCCL_HOST_IP" in os.environ else "ring"


def _leaders_address() -> str:
    """Where rank 0 can be reached, as the launcher told every rank."""
    if coordinator := os.environ.get("MLX_JACCL_COORDINATOR"):
        return coordinator.rpartition(":")[0]
    if address := os.environ.get("NCCL_HOST_IP"):
        return address
    with open(os.environ["MLX_HOSTFILE"], encoding="utf-8") as file:
        return str(json.load(file)[0][0]).rpartition(":")[0]


def _connect(group: mx.distributed.Group) -> list[socket.socket]:
    """The lines between rank 0 and the others, who learn its port and a password over the group itself."""
    known = mx.zeros((1 + _TOKEN_BYTES,), mx.int32)
    listening: socket.socket | None = None
    if group.rank() == 0:
        listening = socket.create_server((_leaders_address(), 0))
        known = mx.array([listening.getsockname()[1], *secrets.token_bytes(_TOKEN_BYTES)], mx.int32)
    port, *rest = np.array(mx.distributed.all_sum(known, group=group)).tolist()
    token = bytes(rest)
    try:
        if listening is None:
            return [_call(port, token, group.rank())]
        with listening:
            return _answer(listening, token, group.size() - 1)
    except OSError as error:
        raise RequestError(
            "The machines cannot reach each other ({reason}). Check their firewalls.", reason=error
        ) from None


def _call(port: int, token: bytes, rank: int) -> socket.socket:
    line = socket.create_connection((_leaders_address(), port), timeout=_PATIENCE)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(token + _HEAD.pack(rank))
    line.settimeout(None)
    return line


def _answer(listening: socket.socket, token: bytes, count: int) -> list[socket.socket]:
    lines: dict[int, socket.socket] = {}
    listening.settimeout(_PATIENCE)
    while len(lines) < count:
        line, _ = listening.accept()
        line.settimeout(_PATIENCE)
        greeting = _received(line, _TOKEN_BYTES + _HEAD.size)
        if greeting is None or not secrets.compare_digest(greeting[:_TOKEN_BYTES], token):
            line.close()  # somebody else
            continue
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.settimeout(None)
        lines[_HEAD.unpack(greeting[_TOKEN_BYTES:])[0]] = line
    return [lines[rank] for rank in sorted(lines)]


def _received(line: socket.socket, count: int) -> bytes | None:
    """Exactly `count` bytes; None if the other side is gone."""
    found = bytearray()
    while len(found) < count:
        try:
            part = line.recv(count - len(found))
        except OSError:
            return None
        if not part:
            return None
        found += part
    return bytes(found)


def _lost(rank: int) -> LostRankError:
    return LostRankError(
        "Machine {number} of the group is gone, so the answer ends here. Start the server again once it is back.",
        number=rank + 1,
    )
