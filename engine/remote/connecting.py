"""Which kind of server answers at an address, and the model that it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import RemoteError
from engine.remote.address import Address
from engine.remote.earshot.model import connect_to_earshot
from engine.remote.local_speech import installed_speech
from engine.remote.model import RemoteModel
from engine.remote.vllm.model import connect_to_vllm

# Given an address, a token and the token2wav folders here: the model, or None where another kind of server answers.
# Raises RemoteError.
Kind = Callable[[Address, str, Sequence[Path]], RemoteModel | None]
KINDS: tuple[Kind, ...] = (connect_to_earshot, connect_to_vllm)


def connect(address: str, token: str = "", speech_folders: Sequence[Path] | None = None) -> RemoteModel:
    """The model that is served at an address.

    `speech_folders` are token2wav folders of this machine, those of its models by default: one that belongs to the
    model makes the sound here. Raises RequestError for what is no address, RemoteError when nobody answers there who
    has a model.
    """
    where = Address.of(address)
    folders = installed_speech() if speech_folders is None else speech_folders
    for kind in KINDS:
        if (model := kind(where, token, folders)) is not None:
            return model
    raise RemoteError(
        "{place} answers, but has no model for Earshot: start `earshot serve` there, or update it.", place=where.place
    )
