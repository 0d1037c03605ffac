"""One Earshot at a time: a second start wakes the first."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import logging
import os
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

_TIMEOUT_MS = 300
_LONGEST_S = 10.0  # until the first one listens: it may have been started at the same instant


class SingleInstance(QObject):
    """Whoever holds the lock is the first; others hand their files over. The system lets go of it when a process ends,
    however it ends.
    """

    woken = Signal(list)  # paths given to the second start

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        digest = hashlib.sha256(f"{getpass.getuser()} {data}".encode()).hexdigest()[:16]
        self._name = f"earshot-{digest}"
        self._places = [data / ".lock", Path(tempfile.gettempdir()) / f"{self._name}.lock"]
        self._handle: int | None = None
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def acquire(self, paths: list[str]) -> bool:
        """Become the first instance; False when there is one, which was woken and given `paths`."""
        ends = time.monotonic() + _LONGEST_S
        while not self._lock():
            if self._hand_over(paths):
                return False
            if time.monotonic() > ends:
                log.error("another Earshot runs, but takes no files")
                return False
            time.sleep(0.05)
        QLocalServer.removeServer(self._name)  # left by a crash
        self._server.listen(self._name)
        return True

    def _lock(self) -> bool:
        handle = self._open()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _open(self) -> int:
        """The lock file, which is never removed: beside the data, or where that may only be read, elsewhere."""
        beside, elsewhere = self._places
        try:
            beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return os.open(elsewhere, os.O_RDWR | os.O_CREAT, 0o600)

    def _hand_over(self, paths: list[str]) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_TIMEOUT_MS):
            return False
        socket.write(b"".join(os.fsencode(path) + b"\0" for path in paths) + b"\0")  # a name may hold lines
        socket.waitForBytesWritten(_TIMEOUT_MS)
        socket.disconnectFromServer()
        return True

    def close(self) -> None:
        """Let another one be the first."""
        self._server.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _on_connection(self) -> None:
        socket = self._server.nextPendingConnection()
        received = bytearray()

        def read() -> None:
            received.extend(bytes(socket.readAll().data()))
            if received == b"\0" or received.endswith(b"\0\0"):
                socket.readyRead.disconnect(read)
                self.woken.emit([os.fsdecode(path) for path in bytes(received).split(b"\0") if path])

        socket.readyRead.connect(read)
        socket.disconnected.connect(socket.deleteLater)
        if socket.bytesAvailable():
            read()
