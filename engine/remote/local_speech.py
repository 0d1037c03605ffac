"""Turns speech tokens that another machine wrote into sound on this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.checkpoints import catalogue
from engine.errors import CheckpointError
from engine.speaking.voice_networks import VoiceNetworks


def installed_speech() -> list[Path]:
    """The token2wav folders of the models here."""
    folders = (model.folder / "token2wav" for model in catalogue.installed() if model.speaks)
    return [folder for folder in folders if (folder / "hift.pt").exists()]


def fitting(folders: Sequence[Path], fingerprint: str) -> Path | None:
    """The folder whose speech tokens mean what they mean to the model with this fingerprint."""
    return next((folder for folder in folders if fingerprint and _fingerprint(folder) == fingerprint), None)


def _fingerprint(folder: Path) -> str:
    try:
        return VoiceNetworks(folder).fingerprint
    except CheckpointError:
        return ""
