"""Stands for speech networks that are on another machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteNetworks:
    """Tells whose networks they are. See `VoiceNetworks`."""

    fingerprint: str
