"""One Earshot at a time: a second start wakes the first."""

from __future__ import annotations

import getpass
import hashlib
import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_TIMEOUT_MS = 300


class SingleInstance(QObject):
    """Whoever holds it is the first; others hand their files over."""

    woken = Signal(list)  # paths given to the second start

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        digest = hashlib.sha256(f"{getpass.getuser()} {data}".encode()).hexdigest()[:16]
        self._name = f"earshot-{digest}"
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def acquire(self, paths: list[str]) -> bool:
        """Become the first instance; False when there is one, which was woken and given `paths`."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(_TIMEOUT_MS):
            socket.write(b"".join(os.fsencode(path) + b"\0" for path in paths) + b"\0")  # a name may hold lines
            socket.waitForBytesWritten(_TIMEOUT_MS)
            socket.disconnectFromServer()
            return False
        QLocalServer.removeServer(self._name)  # left by a crash
        self._server.listen(self._name)
        return True

    def close(self) -> None:
        """Let another one be the first."""
        self._server.close()

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
