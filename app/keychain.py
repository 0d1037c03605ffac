"""The user's secrets: in the system's keychain, never in the settings."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from app.translations import sentence
from engine.errors import StorageError
from engine.regular_files import read_regular
from engine.storage import json_bytes, replacing

log = logging.getLogger(__name__)

_SERVICE = "Earshot"  # what the system's own app for keychains lists our secrets under
_VERSION = 1
_LARGEST_FILE = 1_000_000
_T = TypeVar("_T")


class KeychainMissingError(StorageError):
    """This machine has no keychain, and the user has not agreed to a file instead."""


class SystemKeychain(Protocol):
    """What is used of `keyring`'s back-ends."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret of this name; None if there is none."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a secret."""


def system_keychain() -> SystemKeychain | None:
    """The keychain of this system; None where there is none, as on a Linux without a desktop.

    Only those that encrypt: `keyring` itself might choose another one that happens to be installed.
    """
    from keyring.backends import SecretService, kwallet, macOS

    known = (macOS.Keyring,) if sys.platform == "darwin" else (SecretService.Keyring, kwallet.DBusKeyring)
    return next((each() for each in known if each.viable), None)


class Keychain:
    """Keeps secrets by name. From any thread but the window's: the system may ask the user to unlock it.

    Where there is no keychain they go into a file that only the user can read, provided that `may_use_file` says so.
    """

    def __init__(
        self,
        file: Path,
        may_use_file: Callable[[], bool],
        find: Callable[[], SystemKeychain | None] = system_keychain,
    ) -> None:
        self._file, self._may_use_file, self._find = file, may_use_file, find
        self._lock = threading.Lock()

    def read(self, name: str) -> str:
        """The secret of this name; "" if there is none. Raises StorageError when the keychain stays locked."""
        with self._lock:
            system = self._find()
            secret = _ask(lambda: system.get_password(_SERVICE, name)) if system is not None else None
            return secret or self._in_file().get(name, "")

    def keep(self, name: str, secret: str) -> None:
        """Keep a secret instead of what was kept under its name.

        Raises KeychainMissingError where there is no keychain and no consent to a file, StorageError when the secret
        cannot be written.
        """
        with self._lock:
            system = self._find()
            if system is not None:
                _ask(lambda: system.set_password(_SERVICE, name, secret))
                self._drop_from_file(name)
            elif self._may_use_file():
                self._write({**self._in_file(), name: secret})
            else:
                raise KeychainMissingError(
                    sentence(
                        "This computer has no keychain. Earshot can keep secrets in a file that only you can read, "
                        "unencrypted, if you allow it."
                    )
                )

    def forget(self, name: str) -> None:
        """Forget a secret; a name that is not kept is ignored. Raises StorageError."""
        with self._lock:
            system = self._find()
            if system is not None and _ask(lambda: system.get_password(_SERVICE, name)) is not None:
                _ask(lambda: system.delete_password(_SERVICE, name))
            self._drop_from_file(name)

    def _drop_from_file(self, name: str) -> None:
        kept = self._in_file()
        if kept.pop(name, None) is not None:
            self._write(kept)

    def _in_file(self) -> dict[str, str]:
        try:
            stored = json.loads(read_regular(self._file, _LARGEST_FILE))
            if stored["version"] != _VERSION:
                raise ValueError(stored["version"])
            return {str(name): str(secret) for name, secret in stored["secrets"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            words = sentence("{file} cannot be read: move it away, and enter the secrets in it anew.")
            raise StorageError(words.format(file=self._file.name)) from error

    def _write(self, secrets: dict[str, str]) -> None:
        with replacing(self._file, private=True) as file:
            file.write(json_bytes({"version": _VERSION, "secrets": secrets}, indent=1))


def _ask(task: Callable[[], _T]) -> _T:
    """What the keychain answers. Its back-ends fail in many ways; the log gets no more than the kind."""
    try:
        return task()
    except Exception as error:
        log.warning("the keychain failed: %s", type(error).__name__)
        raise StorageError(sentence("The keychain did not answer: unlock it and try again.")) from error
