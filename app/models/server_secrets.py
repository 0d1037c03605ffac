"""The secrets of tool servers: taken out of their lines, into the keychain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from app.keychain import Keychain
from app.models.server_lines import hide_secrets, secrets_in, server_of
from app.settings import Settings
from app.translations import sentence
from app.worker import Worker
from engine.conversation.replying.tools.mcp_server import McpServer
from engine.errors import StorageError

log = logging.getLogger(__name__)

Hidden = Callable[[list[str] | None, Exception | None], None]


class ServerSecrets:
    """Keeps each secret under a name of its own. The settings list the names from before a secret is kept until after
    it was forgotten, so that none is left behind in the keychain.
    """

    def __init__(self, settings: Settings, keychain: Keychain, worker: Worker) -> None:
        self._settings, self._keychain, self._worker = settings, keychain, worker

    def hide(self, lines: Sequence[str], done: Hidden) -> None:
        """Keep what is secret in these lines; `done` gets the lines without. Nothing waits for a line without secrets.

        An error is a KeychainMissingError where the user has to be asked, another StorageError, or a TimeoutError.
        """
        hidden = [hide_secrets(line) for line in lines]
        secrets = {id: secret for _, found in hidden for id, secret in found.items()}
        without = [line for line, _ in hidden]
        if not secrets:
            done(without, None)
            return
        self._settings.change(kept_secrets=(*self._settings.now.kept_secrets, *secrets))

        def keep() -> None:
            for id, secret in secrets.items():
                self._keychain.keep(_name(id), secret)

        self._worker.run(keep, lambda _kept, error: done(without if error is None else None, error))

    def server_of(self, line: str, name: str) -> McpServer:
        """The server of a line, with its secrets. The keychain may take a while. Raises EngineError."""
        return server_of(line, name, self._read)

    def _read(self, id: str) -> str:
        secret = self._keychain.read(_name(id))
        if not secret:
            raise StorageError(
                sentence("One of its secrets is no longer in the keychain: remove the server and add it again.")
            )
        return secret

    def forget_unused(self) -> None:
        """Forget the secrets of servers that were removed."""
        now = self._settings.now
        used = {id for line in now.tool_servers for id in secrets_in(line)}
        unused = [id for id in now.kept_secrets if id not in used]

        def forget() -> None:
            for id in unused:
                self._keychain.forget(_name(id))

        def forgotten(_result: None, error: Exception | None) -> None:
            if error is not None:
                log.warning("secrets of removed servers are still in the keychain: %s", error)
            else:
                left = tuple(id for id in self._settings.now.kept_secrets if id not in unused)
                self._settings.change(kept_secrets=left)

        if unused:
            self._worker.run(forget, forgotten)


def _name(id: str) -> str:
    return f"tool server {id}"
