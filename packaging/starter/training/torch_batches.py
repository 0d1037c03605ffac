"""Batches on the device, made ready beside the steps of a training: copied, their sounds disturbed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue

import numpy as np
import torch
from torch import Tensor

from starter.speech.spoken_corpus import BLOCK
from starter.speech.torch_sounds import SoundStore, heard
from starter.speech.torch_surroundings import Surroundings
from starter.training.rows import Batch, Source

_PREPARED = 3  # batches on the device ahead of their step
_WRITTEN = ("ids", "places", "learned", "targets", "wanted")


@dataclass(frozen=True)
class Part:
    """A batch on the device: what is to be written, the letters of sounds, their log-mels and how many frames each has.

    Counts of letters and of the encoder's features stay on the CPU, where PyTorch's CTC asks for them.
    """

    written: dict[str, Tensor]
    letters: tuple[Tensor, ...]
    counts: Tensor
    log_mels: Tensor | None
    frames: Tensor | None

    @classmethod
    def of(
        cls,
        batch: Batch,
        store: SoundStore | None,
        device: torch.device,
        strength: float,
        around: Surroundings | None = None,
    ) -> Part:
        """Copies the batch and disturbs its sounds."""

        def moved(names: tuple[str, ...]) -> dict[str, Tensor]:
            found = {name: torch.from_numpy(np.asarray(batch[name])) for name in names if name in batch}
            if device.type == "cuda":
                return {name: value.pin_memory().to(device, non_blocking=True) for name, value in found.items()}
            return {name: value.to(device) for name, value in found.items()}

        letters, counts = (), torch.zeros(0)
        if "letters" in batch:
            letters = (moved(("letters",))["letters"].long(), torch.from_numpy(batch["letter_counts"]).long())
            counts = torch.from_numpy(((batch["length"] + 479) // 160 - 1) // 2 // 2).long()
        if "blocks" not in batch or store is None:
            return cls(moved(_WRITTEN), letters, counts, None, None)
        source = store.gathered(moved(("places_of_sound",))["places_of_sound"])
        played = moved(("samples", "tempo", "lead", "length")).values()
        with torch.no_grad():
            log_mels, frames = heard(source, *played, int(batch["blocks"]) * BLOCK, strength, around)
        return cls(moved(_WRITTEN), letters, counts, log_mels, frames)

    def tensors(self) -> Iterator[Tensor]:
        """All that lie on the device."""
        yield from self.written.values()
        yield from self.letters[:1]
        yield from (one for one in (self.log_mels, self.frames) if one is not None)


class Prepared:
    """Batches of a source, made ready by a thread and a stream of their own in the gaps between steps' work."""

    def __init__(
        self,
        source: Source,
        store: SoundStore,
        device: torch.device,
        strength: Callable[[], float],
        around: Surroundings | None = None,
    ) -> None:
        """`strength` says how much the sounds of the next batch are disturbed, `around` by what."""
        self._source, self._store, self._device, self._strength = source, store, device, strength
        self._around = around
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._queue: Queue[tuple[Batch, Part, torch.cuda.Event | None] | BaseException] = Queue(_PREPARED)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._queue.put(self._prepared(self._source.next()))
        except BaseException as error:  # handed to whoever asks for the next batch
            self._queue.put(error)

    def _prepared(self, batch: Batch) -> tuple[Batch, Part, torch.cuda.Event | None]:
        strength = self._strength()
        if self._stream is None:
            return batch, Part.of(batch, self._store, self._device, strength, self._around), None
        with torch.cuda.stream(self._stream):
            part = Part.of(batch, self._store, self._device, strength, self._around)
            return batch, part, self._stream.record_event()

    def next(self) -> tuple[Batch, Part]:
        """The next one; waits for it. Raises what went wrong in its making."""
        found = self._queue.get()
        if isinstance(found, BaseException):
            raise found
        batch, part, made = found
        if made is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(made)
            for tensor in part.tensors():
                tensor.record_stream(current)
        return batch, part

    def close(self) -> None:
        """End the workers."""
        self._ended.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._source.close()
