"""The estimator on a CUDA device: one Euler step as matrix products with one kernel of ours in each gap.

The same numbers as `dit` gives, in half the kernels. Rows are (2 T, C): all frames with the conditions, then all
without. The products take `dtype`; sums, norms and the mel itself are float32.
"""

from __future__ import annotations

import mlx.core as mx

from engine.backends.cuda import kernels, tensor_cores
from engine.speaking.dit import Attention, CausalConvBlock, DiT, DiTBlock, Modulations
from engine.speaking.euler import Parts

Pair = tuple[mx.array, mx.array]


def triples(modulations: Modulations, index: int) -> list[mx.array]:
    """Gate, shift and scale (3, C) around each of the 3 · depth + 1 norms at one of the times of `Modulations`."""
    blocks, final = modulations.blocks[index], modulations.final[index]
    depth = blocks.shape[0]
    found = [mx.stack([mx.zeros_like(blocks[0, 0]), blocks[0, 0], blocks[0, 1]])]
    for place in range(depth):
        here = blocks[place]
        following = blocks[place + 1, :2] if place + 1 < depth else final
        found += [
            mx.stack([here[2], here[6], here[7]]),
            mx.stack([here[8], here[3], here[4]]),
            mx.concatenate([here[5:6], following]),
        ]
    found = [mx.contiguous(triple.astype(mx.float32)) for triple in found]
    mx.eval(found)
    return found


class _Product:
    """x @ weightᵀ in the type of the products; the bias (float32) is added by the kernel that follows.

    `own` says whether a kernel of ours multiplies, which the sizes must allow, or MLX.
    """

    def __init__(self, weight: mx.array, bias: mx.array, dtype: mx.Dtype, own: bool = False) -> None:
        self.weight = mx.contiguous(weight.astype(dtype))
        self.bias = mx.contiguous(bias.astype(mx.float32))
        self._own = own
        mx.eval(self.weight, self.bias)

    def __call__(self, x: mx.array) -> mx.array:
        return tensor_cores.multiply(x, self.weight, self.bias) if self._own else x @ self.weight.T

    def gelu(self, x: mx.array) -> mx.array:
        """GELU of the product and the bias."""
        if self._own:
            return tensor_cores.multiply(x, self.weight, self.bias, gelu=True)
        return kernels.gelu(self(x), self.bias)


class _Block:
    def __init__(self, block: DiTBlock, heads: int, dtype: mx.Dtype, own: bool) -> None:
        self._heads, self._dtype, self._own = heads, dtype, own
        self._join_attention(block.attn)
        self._join_convolutions(block.conv)
        self.widen = self._product(block.mlp.fc1.weight, block.mlp.fc1.bias)
        self.narrow = self._product(block.mlp.fc2.weight, block.mlp.fc2.bias)

    def _product(self, weight: mx.array, bias: mx.array) -> _Product:
        return _Product(weight, bias, self._dtype, self._own)

    def _join_attention(self, attention: Attention) -> None:
        self.enter = self._product(attention.to_qkv.weight, attention.to_qkv.bias)
        self.leave = self._product(attention.proj.weight, attention.proj.bias)
        norms = (attention.q_norm, attention.k_norm)
        self.head_affine = mx.stack([value for norm in norms for value in (norm.weight, norm.bias)])
        mx.eval(self.head_affine)

    def _join_convolutions(self, conv: CausalConvBlock) -> None:
        first, norm, second = conv.block[1], conv.block[3], conv.block[6]
        self.convolve, self.convolve_again = (self._product(each.taps.weight, each.bias) for each in (first, second))
        self.conv_affine = mx.stack([first.bias, norm.weight, norm.bias])
        silence = mx.zeros((4, norm.weight.shape[0]), self._dtype)
        self._silence = (silence, silence)
        mx.eval(self.conv_affine, silence)

    def attend(self, y: mx.array, seen: mx.array | None, old: Pair | None) -> tuple[mx.array, Pair]:
        """Products of the input projections (2 T, 3 H d) to the attended (2 T, H d), and the keys and values kept."""
        sizes = (self._heads, self._dtype)
        query, key, value, *kept = kernels.heads(y, self.enter.bias, self.head_affine, *sizes, old, seen is not None)
        if self._own:
            return tensor_cores.attend(query, key, value, seen), (kept[0], kept[1])
        scores = query @ key.swapaxes(2, 3)
        weights = mx.softmax(scores, axis=-1, precise=True) if seen is None else kernels.shares(scores, seen)
        return (weights @ value).swapaxes(1, 2).reshape(y.shape[0], -1), (kept[0], kept[1])

    def __call__(
        self,
        x: mx.array,
        normed: mx.array,
        numbers: list[mx.array],
        following: mx.Dtype,
        seen: mx.array | None,
        old: Pair | None,
        past: Pair | None,
    ) -> tuple[mx.array, mx.array, Pair, Pair]:
        """x (2 T, C) and its norm, with the block's three triples, to the next block's, whose norm is `following`."""
        kind, dtype = kernels.BRANCH, self._dtype
        past = past or self._silence
        attended, store = self.attend(self.enter(normed), seen, old)
        x, normed, first = kernels.join(kind, x, self.leave(attended), self.leave.bias, numbers[0], dtype, past[0])
        inner, second = kernels.between(self.convolve(normed), self.conv_affine, past[1])
        taps = self.convolve_again(inner)
        x, normed, _ = kernels.join(kernels.CONVOLVED, x, taps, self.convolve_again.bias, numbers[1], dtype)
        hidden = self.widen.gelu(normed)
        x, normed, _ = kernels.join(kind, x, self.narrow(hidden), self.narrow.bias, numbers[2], following)
        return x, normed, store, (first, second)


class CudaEstimator:
    """Takes Euler steps with the weights that a merged DiT has now. `dtype` is that of the matrix products.

    Weights that are held in this type already are not copied. Of float16 kernels of ours multiply, where the device
    and the sizes allow it.
    """

    def __init__(self, dit: DiT, dtype: mx.Dtype) -> None:
        config = dit.config
        self.dtype = dtype
        own = dtype == mx.float16 and tensor_cores.fit(config) and tensor_cores.available()
        self._blocks = [_Block(block, config.num_heads, dtype, own) for block in dit.blocks]
        self._enter = _Product(dit.in_proj.weight[:, : config.out_channels], dit.in_proj.bias, mx.float32)
        self._leave = _Product(dit.final_layer.linear.weight, dit.final_layer.linear.bias, mx.float32)

    @staticmethod
    def fits(dit: DiT) -> bool:
        """Whether the sizes are those the kernels are written for: whole warps."""
        return dit.config.hidden_size % 32 == 0 and dit.config.head_dim % 32 == 0

    def step(
        self,
        x: mx.array,
        conditions: mx.array,
        numbers: list[mx.array],
        pace: mx.array,
        cache: Parts | None = None,
        seen: mx.array | None = None,
    ) -> tuple[mx.array, Parts]:
        """One Euler step of x (T, 80) under conditions (2, T, C) with the `triples` of its time.

        `pace` (2,) is the step's duration and the guidance. Returns the new x and what the next piece needs: where
        something is not `seen`, trimmed already.
        """
        entered = self._enter(x)
        state = conditions.reshape(-1, conditions.shape[2])
        state, normed, _ = kernels.join(kernels.ENTER, state, entered, self._enter.bias, numbers[0], self.dtype)
        keys, values, pasts = [], [], []
        for index, block in enumerate(self._blocks):
            old = (cache[0][index], cache[1][index]) if cache else None
            past = cache[2][index] if cache else None
            following = mx.float32 if block is self._blocks[-1] else self.dtype
            own = numbers[3 * index + 1 : 3 * index + 4]
            state, normed, store, past = block(state, normed, own, following, seen, old, past)
            keys.append(store[0])
            values.append(store[1])
            pasts.append(past)
        return kernels.euler(x, self._leave(normed), self._leave.bias, pace), (keys, values, pasts)
