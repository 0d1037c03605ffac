"""Lets other programs use the loaded model while the user wants that: a server on this machine, and who uses it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_side.served import ServedHost
from app.keychain import Keychain, KeychainMissingError
from app.settings import Settings
from app.shown.settings import ProgramsView
from app.translations import told
from app.worker import Worker
from engine.errors import EngineError
from engine.remote.address import DEFAULT_PORT

if TYPE_CHECKING:
    from engine.serving import Server

log = logging.getLogger(__name__)

_NAME = "server token"  # in the keychain
_RECENT_S = 60.0
_LOOKED_MS = 1000
_CLOSING_S = 0.2


class TokenStore(Protocol):
    """Where the token is kept that programs have to show. It may take its time."""

    def kept(self) -> str:
        """The token, made the first time it is asked for. Raises EngineError."""

    def renewed(self) -> str:
        """A new one in its place. Raises EngineError."""


class TokenFile:
    """Keeps the token in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def kept(self) -> str:
        """See `TokenStore`."""
        from engine.serving.tokens import kept_token

        return kept_token(self._path)

    def renewed(self) -> str:
        """See `TokenStore`."""
        from engine.serving.tokens import renewed_token

        return renewed_token(self._path)


class TokenInKeychain:
    """Keeps the token in the system's keychain; where there is none, as `instead` does."""

    def __init__(self, keychain: Keychain, instead: TokenStore) -> None:
        self._keychain, self._instead = keychain, instead

    def kept(self) -> str:
        """See `TokenStore`."""
        return self._keychain.read(_NAME) or self._made(self._instead.kept)

    def renewed(self) -> str:
        """See `TokenStore`."""
        return self._made(self._instead.renewed)

    def _made(self, otherwise: Callable[[], str]) -> str:
        from engine.serving.tokens import new_token

        token = new_token()
        try:
            self._keychain.keep(_NAME, token)
        except KeychainMissingError:
            return otherwise()
        return token


class OtherPrograms(QObject):
    """The server as the settings want it. What may block is done by the worker."""

    changed = Signal()

    def __init__(
        self,
        settings: Settings,
        host: ServedHost,
        voices: Path,
        tokens: TokenStore,
        worker: Worker,
        *,
        port: int = DEFAULT_PORT,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._host, self._voices = settings, host, voices
        self._tokens, self._worker, self._port = tokens, worker, port
        self._server: Server | None = None
        self._asked = 0  # how often it was switched or renewed: late answers are dropped
        self.view = ProgramsView()
        self._look = QTimer(self, interval=_LOOKED_MS)
        self._look.timeout.connect(self.look)
        settings.changed.connect(self._on_setting)

    def begin(self) -> None:
        """Serve, if that is wanted."""
        if self._settings.now.other_programs:
            self._switch_on()

    def _on_setting(self, name: str) -> None:
        if name == "other_programs":
            if self._settings.now.other_programs:
                self._switch_on()
            else:
                self._switch_off()

    def _switch_on(self) -> None:
        if self._server is None:
            self._do(self._start)

    def _start(self) -> tuple[Server, str]:
        """On the worker's thread, where what a server needs is first imported. Raises EngineError."""
        from engine.serving import Access, Server, Voices, routes_of
        from engine.serving.mcp_tools import McpTools
        from engine.serving.transcribing import Transcribing
        from engine.speaking import VoiceLibrary

        token = self._tokens.kept()
        voices, transcribing = Voices(VoiceLibrary(self._voices)), Transcribing(self._host)
        mcp, around = McpTools(self._host, voices, transcribing).routes()
        routes = [*routes_of(self._host, voices, transcribing), *mcp]
        server = Server(routes, Access(token), port=self._port, around=around)
        server.start()
        return server, token

    def _switch_off(self) -> None:
        self._asked += 1
        self._look.stop()
        server, self._server = self._server, None
        if server is not None:
            self._worker.run(server.stop)
        self._show(ProgramsView())

    def renew_token(self) -> None:
        """From now on, accept a new token only."""
        if self._server is not None:
            self._do(lambda: (self._server, self._tokens.renewed()))

    def _do(self, task: Callable[[], tuple[Server | None, str]]) -> None:
        self._asked += 1
        asked = self._asked

        def done(made: tuple[Server | None, str] | None, error: Exception | None) -> None:
            server, token = made or (None, "")
            if asked != self._asked:
                if server is not None and server is not self._server:
                    self._worker.run(server.stop)
            elif server is None:
                self._tell(error)
            else:
                self._server, server.access.token = server, token
                self._show(ProgramsView(True, f"{server.address}/v1", token, self.view.clients))
                self._look.start()

        self._worker.run(task, done)

    def _tell(self, error: Exception | None) -> None:
        if not isinstance(error, EngineError):
            log.error("the server for other programs failed", exc_info=error)
        words = told(error) if isinstance(error, EngineError) else self.tr("This cannot be used at the moment.")
        self._show(replace(self.view, problem=words))

    def look(self) -> None:
        """See who is at it."""
        if self._server is not None:
            self._show(replace(self.view, clients=self._server.access.recent(_RECENT_S)))

    def _show(self, view: ProgramsView) -> None:
        if view != self.view:
            self.view = view
            self.changed.emit()

    def close(self) -> None:
        """End with the app: every connection is closed."""
        self._asked += 1
        self._look.stop()
        if self._server is not None:
            self._server.stop(_CLOSING_S)
            self._server = None
