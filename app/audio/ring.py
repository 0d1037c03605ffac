"""A buffer between one thread that writes and one that reads, without a lock."""

from __future__ import annotations

import numpy as np

from engine.events import Samples


class Ring:
    """Float32 samples in preallocated memory. One writer, one reader: each changes its own counter only, and integers
    are replaced whole, so neither ever waits for the other.
    """

    def __init__(self, capacity: int) -> None:
        self._samples = np.zeros(capacity, np.float32)
        self._capacity = capacity
        self.written = 0  # samples ever written
        self.taken = 0  # samples ever read or dropped

    @property
    def available(self) -> int:
        """Samples that can be read."""
        return self.written - self.taken

    @property
    def free(self) -> int:
        """Samples that can be written."""
        return self._capacity - self.available

    def write(self, samples: Samples) -> int:
        """Put in as many as fit; returns how many."""
        count = min(len(samples), self.free)
        start = self.written % self._capacity
        first = min(count, self._capacity - start)
        self._samples[start : start + first] = samples[:first]
        self._samples[: count - first] = samples[first:count]
        self.written += count
        return count

    def read_into(self, out: Samples) -> int:
        """Fill the start of `out` with what there is; returns how many. The rest of `out` is left as it was."""
        count = self.peek_into(out)
        self.taken += count
        return count

    def peek_into(self, out: Samples) -> int:
        """The same, but what was copied stays in the ring; for the reader."""
        count = min(len(out), self.available)
        start = self.taken % self._capacity
        first = min(count, self._capacity - start)
        out[:first] = self._samples[start : start + first]
        out[first:count] = self._samples[: count - first]
        return count

    def read(self) -> Samples:
        """Everything there is, as a new array."""
        out = np.empty(self.available, np.float32)
        return out[: self.read_into(out)]
