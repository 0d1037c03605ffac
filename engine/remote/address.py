"""Where another machine is found, as people write it: studio.local, 10.0.0.5:8765, https://voice.example.org/v1."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.errors import RequestError

DEFAULT_PORT = 8765
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A host and a port. `place` is what people call the machine, `path` what else was written, as "/v1"."""

    host: str
    port: int
    secure: bool = False
    path: str = ""

    @classmethod
    def of(cls, text: str) -> Address:
        """Raises RequestError for what is no address."""
        written = text.strip()
        try:
            parts = urlsplit(written if "://" in written else f"http://{written}")
            secure, host, port = _SECURE[parts.scheme], parts.hostname or "", parts.port
        except (ValueError, KeyError):
            raise _no_address(text) from None
        if not _is_host(host) or parts.username is not None or parts.query or parts.fragment:
            raise _no_address(text)
        if port is None:
            port = 443 if secure else DEFAULT_PORT
        return cls(host, port, secure, parts.path.rstrip("/"))

    @property
    def place(self) -> str:
        """What people call the machine."""
        return self.host

    def http(self, path: str) -> str:
        """The URL of a path there."""
        return f"http{'s' if self.secure else ''}://{self._written}{path}"

    def websocket(self, path: str) -> str:
        """The URL of a WebSocket there."""
        return f"ws{'s' if self.secure else ''}://{self._written}{path}"

    @property
    def _written(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return self.http(self.path)


def is_address(text: str) -> bool:
    """Whether a model is named by an address, not by a folder."""
    return text.partition("://")[0] in _SECURE and "://" in text


def _is_host(host: str) -> bool:
    if _NAME.fullmatch(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _no_address(text: str) -> RequestError:
    return RequestError("{address} is no address: write it like http://studio.local:8765.", address=text)
