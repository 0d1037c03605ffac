"""The sound of an answer that another machine speaks while it writes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from engine.errors import RemoteError, RequestError
from engine.events import Samples

TOKEN_SAMPLES = 960  # at 24 kHz, of each speech token
_LOOKED_S = 0.02  # how often whoever waits for sound looks whether it is still wanted


class ReceivedSound:
    """The sound that belongs to the speech tokens of one answer. Filled by one thread, taken by another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: list[Samples] = []
        self._length = 0
        self._ended = False
        self._problem: RemoteError | None = None
        self.tokens: list[int] = []
        self.unwanted: Callable[[], bool] = lambda: False  # whether nobody wants to hear it any more

    def add(self, samples_24k: Samples) -> None:
        """More of it has come."""
        with self._changed:
            self._pieces.append(samples_24k)
            self._length += len(samples_24k)
            self._changed.notify_all()

    def end(self, problem: RemoteError | None = None) -> None:
        """No more will come."""
        with self._changed:
            self._ended, self._problem = True, problem
            self._changed.notify_all()

    def take(self, first_token: int, tokens: list[int]) -> Samples:
        """The sound of tokens, once it is there; silence where the server left something out, or was told to stop.

        Raises RequestError for tokens that are not of this answer, and what ended it too soon.
        """
        if self.tokens[first_token : first_token + len(tokens)] != tokens:
            raise RequestError(
                "Only the newest answer of a vLLM server can be heard again. To speak others, have a model with "
                "token2wav on this machine."
            )
        start, end = (TOKEN_SAMPLES * place for place in (first_token, first_token + len(tokens)))
        with self._changed:
            while not (self._ended or self._length >= end or self.unwanted()):
                self._changed.wait(_LOOKED_S)
            if self._length < end and self._problem is not None:
                raise self._problem
            self._pieces = [np.concatenate([np.zeros(0, np.float32), *self._pieces])]
            samples = self._pieces[0][start:end]
        return np.pad(samples, (0, end - start - len(samples)))
