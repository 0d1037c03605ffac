"""Keys and values of what the language model has read: kept, extended, trimmed and forked."""

from __future__ import annotations

import mlx.core as mx

# Places that buffers have room for: few sizes, for what is traced is traced for each of them, and they rarely move.
SIZES = (256, 512, 1024, 2048, 4096, 8192, 12288, 16384)


class Cache:
    """One conversation's keys and values (B, key-value heads, capacity, head width) per layer.

    Only the first `length` places count. `padding` (B,) is the number of empty places before each row's first id when
    prompts of different lengths were put side by side, else None.
    """

    def __init__(self, layers: int, padding: mx.array | None = None) -> None:
        self.length = 0
        self.padding = padding
        self._keys: list[mx.array | None] = [None] * layers
        self._values: list[mx.array | None] = [None] * layers
        self._forked = False  # whether another cache may hold the same buffers
        self._placing: mx.array | None = None  # once it is evaluated, kernels have written what `length` counts

    @property
    def capacity(self) -> int:
        """Places there is room for without growing."""
        return 0 if self._keys[0] is None else int(self._keys[0].shape[2])

    @property
    def nbytes(self) -> int:
        """Bytes of the buffers."""
        return sum(array.nbytes for array in self.arrays())

    def arrays(self) -> list[mx.array]:
        """All buffers that exist, to evaluate them."""
        self._settle()
        return [array for array in (*self._keys, *self._values) if array is not None]

    def extend(self, layer: int, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Put keys and values (B, H, T, W) behind the first `length` places; returns all (B, H, length + T, W).

        Every layer writes to the same places; `advance` moves on once the last one did.
        """
        self._settle()
        end = self.length + keys.shape[2]
        self._keys[layer] = _written(self._keys[layer], keys, self.length)
        self._values[layer] = _written(self._values[layer], values, self.length)
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]  # type: ignore[index]

    def held(self, layer: int) -> tuple[mx.array, mx.array] | None:
        """A layer's keys and values (B, H, length, W) as they are; None while there are none."""
        self._settle()
        keys, values = self._keys[layer], self._values[layer]
        if keys is None or values is None or not self.length:
            return None
        return keys[:, :, : self.length], values[:, :, : self.length]

    def room(self) -> list[tuple[mx.array, mx.array]]:
        """Each layer's keys and values (B, H, capacity, W), which no other cache holds, with room for a place more.

        For kernels that write into them; `placed` is to be told. Raises ValueError while nothing was ever read.
        """
        self._settle()
        if not self.capacity:
            raise ValueError("a cache that has read nothing has no buffers to write into")
        if self._forked or self.length == self.capacity:
            end = self.length + 1
            self._keys = [_moved(array, self.length, end) for array in self._keys if array is not None]
            self._values = [_moved(array, self.length, end) for array in self._values if array is not None]
            self._forked = False
        return list(zip(self._keys, self._values, strict=True))  # type: ignore[arg-type]

    def placed(self, result: mx.array) -> None:
        """Count one place, which kernels have written into `room` once `result` is evaluated."""
        self._placing = result
        self.length += 1

    def _settle(self) -> None:
        """Order what kernels write before all that follows: MLX does not see it, but keeps submissions in order."""
        if self._placing is not None:
            mx.async_eval(self._placing)
            self._placing = None

    def advance(self, count: int) -> None:
        """Count the `count` places just written by every layer."""
        self.length += count

    def trim(self, length: int) -> None:
        """Forget everything after the first `length` places. Raises ValueError if there are fewer."""
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache holds {self.length} places and cannot be trimmed to {length}")
        self.length = length

    def fork(self) -> Cache:
        """A cache that starts equal and goes its own way. Nothing is copied until one of the two is extended."""
        self._settle()
        self._forked = True
        other = Cache(len(self._keys), self.padding)
        other._forked = True
        other.length = self.length
        other._keys = [None if array is None else mx.contiguous(array) for array in self._keys]
        other._values = [None if array is None else mx.contiguous(array) for array in self._values]
        return other

    def take_from(self, other: Cache) -> None:
        """Hold what `other` holds; `other` is not to be used any more."""
        self.length, self.padding, self._forked = other.length, other.padding, other._forked
        self._keys, self._values = other._keys, other._values

    def keep_rows(self, rows: mx.array) -> None:
        """Keep only the given rows (indices into B) of every buffer."""
        self._settle()
        self._keys = [None if array is None else array[rows] for array in self._keys]
        self._values = [None if array is None else array[rows] for array in self._values]
        self.padding = None if self.padding is None else self.padding[rows]


def _written(buffer: mx.array | None, new: mx.array, start: int) -> mx.array:
    B, H, T, W = new.shape
    if buffer is None:
        buffer = mx.zeros((B, H, _rounded(T), W), new.dtype)
    elif start + T > buffer.shape[2]:
        buffer = _moved(buffer, start, start + T)
    buffer[:, :, start : start + T] = new
    return buffer


def _moved(buffer: mx.array, length: int, places: int) -> mx.array:
    """A buffer of its own for the first `length` places, with room for as many as `places`."""
    B, H, _, W = buffer.shape
    empty = mx.zeros((B, H, _rounded(places) - length, W), buffer.dtype)
    return mx.concatenate([buffer[:, :, :length], empty], axis=2) if length else empty


def _rounded(places: int) -> int:
    step = SIZES[-1] - SIZES[-2]
    return next((size for size in SIZES if size >= places), -(-places // step) * step)
