"""What a back-end is, and which one fits this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import mlx.core as mx

from engine.errors import RequestError
from engine.hearing import Hearing
from engine.language import LanguageModel
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder

if TYPE_CHECKING:
    from engine.backends.cpu.packed_product import Packed

NAMES = ("auto", "plain", "cpu", "cuda")
_VARIABLE = "EARSHOT_BACKEND"


class Backend(Protocol):
    """Puts what suits a machine into networks that were loaded and merged (`fuse`)."""

    @property
    def name(self) -> str:
        """One of NAMES."""

    @property
    def beside(self) -> bool:
        """Whether speech is better made on a thread of its own, beside the writing."""

    @property
    def first_alone(self) -> bool:
        """Whether the writing had better wait for the first piece, for both need the same device."""

    @property
    def half(self) -> bool:
        """Whether flow and vocoder multiply in half precision."""

    def packs(self, weight_bytes: int) -> bool:
        """Whether it reads packed matrices beside the expanded ones, for a model of so many bytes."""

    def attach_hearing(self, hearing: Hearing) -> None:
        """Into the networks that hear."""

    def attach_language(self, llm: LanguageModel, packed: Mapping[str, Packed], weight_bytes: int) -> None:
        """Into the language model. `packed` are the matrices, by path, that were expanded."""

    def attach_flow(self, flow: Flow) -> None:
        """Into the flow."""

    def attach_vocoder(self, vocoder: Vocoder) -> None:
        """Into the vocoder."""


def choose(name: str = "auto") -> Backend:
    """A back-end by name; "auto" takes the one in the environment variable EARSHOT_BACKEND, or the one that fits best.

    Raises RequestError for an unknown name, and for one that does not work on this machine.
    """
    wanted = os.environ.get(_VARIABLE, "") if name == "auto" else name
    if wanted in ("", "auto"):
        wanted = _fitting()
    if wanted not in NAMES:
        raise RequestError(
            "'{wanted}' is not a back-end that Earshot knows; choose {known}.", wanted=wanted, known=", ".join(NAMES)
        )
    if wanted == "plain":
        from engine.backends.plain import Plain

        return Plain()
    if wanted != _fitting():
        raise RequestError(
            "The back-end '{wanted}' does not work on this machine; choose plain or {fitting}.",
            wanted=wanted,
            fitting=_fitting(),
        )
    if wanted == "cuda":
        from engine.backends.cuda import Cuda

        return Cuda()
    from engine.backends.cpu import Cpu

    return Cpu()


def _fitting() -> str:
    if mx.default_device() == mx.Device(mx.cpu):
        return "cpu"
    return "cuda" if mx.cuda.is_available() else "plain"
