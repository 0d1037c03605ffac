"""The flow once more in PyTorch, to be trained: names and outputs are the engine's, and a test holds the two together.

PyTorch trains it several times faster than MLX does, on a CUDA GPU and on a CPU. Sources: as in `engine/speaking/`
flow.py, token_encoder.py and dit.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.speaking.dit import DiTConfig
from engine.speaking.flow import FlowConfig, schedule
from engine.speaking.token_encoder import TokenEncoderConfig
from starter.networks.torch_networks import EncoderBlock

_FREQUENCIES = 256
_SAME = 1e-6  # σ of arXiv 2210.02747


class _Attention(nn.Module):
    """Attention with learned biases for content and relative position (arXiv 1901.02860)."""

    def __init__(self, size: int, heads: int, key_bias: bool) -> None:
        super().__init__()
        self.linear_q = nn.Linear(size, size)
        self.linear_k = nn.Linear(size, size, bias=key_bias)
        self.linear_v = nn.Linear(size, size)
        self.linear_out = nn.Linear(size, size)
        self.linear_pos = nn.Linear(size, size, bias=False)
        self.pos_bias_u = nn.Parameter(torch.randn(heads, size // heads) * 0.1)
        self.pos_bias_v = nn.Parameter(torch.randn(heads, size // heads) * 0.1)
        self.heads = heads

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(-3, -2)

    def forward(self, x: Tensor, positions: Tensor, bias: Tensor | None) -> Tensor:
        query, key, value = self._split(self.linear_q(x)), self._split(self.linear_k(x)), self._split(self.linear_v(x))
        scale, place = query.shape[-1] ** -0.5, self._split(self.linear_pos(positions))
        seen = _shifted(((query + self.pos_bias_v[:, None]) * scale) @ place.transpose(-1, -2))
        if bias is not None:
            seen = seen + bias
        out = F.scaled_dot_product_attention(query + self.pos_bias_u[:, None], key, value, attn_mask=seen.to(key.dtype))
        return self.linear_out(out.transpose(1, 2).reshape(x.shape))


def _shifted(by_distance: Tensor) -> Tensor:
    """(B, H, T, 2 T - 1) by distance to (B, H, T, T) by key: entry (i, j) is column T - 1 - i + j."""
    B, heads, T, _ = by_distance.shape
    padded = F.pad(by_distance, (1, 0)).reshape(B, heads, -1)
    return padded[:, :, T:].reshape(B, heads, T, -1)[..., :T]


class _ConformerLayer(nn.Module):
    def __init__(self, config: TokenEncoderConfig) -> None:
        super().__init__()
        size = config.output_size
        self.self_attn = _Attention(size, config.attention_heads, config.key_bias)
        self.feed_forward = nn.ModuleDict(
            {"w_1": nn.Linear(size, config.linear_units), "w_2": nn.Linear(config.linear_units, size)}
        )
        self.norm_mha = nn.LayerNorm(size, eps=1e-12)
        self.norm_ff = nn.LayerNorm(size, eps=1e-12)

    def forward(self, x: Tensor, positions: Tensor, bias: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.norm_mha(x), positions, bias)
        return x + self.feed_forward["w_2"](F.silu(self.feed_forward["w_1"](self.norm_ff(x))))


class _Embedding(nn.Module):
    """Linear, norm, times the root of the width."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Linear(input_size, size), nn.LayerNorm(size))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x) * math.sqrt(x.shape[-1])


class _LookAhead(nn.Module):
    def __init__(self, size: int, reach: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(size, size, reach + 1)
        self.conv2 = nn.Conv1d(size, size, 3)
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        ahead = F.leaky_relu(self.conv1(F.pad(x.transpose(1, 2), (0, self.reach))), 0.01)
        return x + self.conv2(F.pad(ahead, (2, 0))).transpose(1, 2)


class _Doubling(nn.Module):
    def __init__(self, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, 2 * stride + 1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        repeated = x.repeat_interleave(self.stride, dim=1).transpose(1, 2)
        return self.conv(F.pad(repeated, (2 * self.stride, 0))).transpose(1, 2)


class _TokenEncoder(nn.Module):
    """Embedded speech tokens (B, T, input_size) to (B, 2 T, output_size)."""

    def __init__(self, config: TokenEncoderConfig) -> None:
        super().__init__()
        size = config.output_size
        self.embed = _Embedding(config.input_size, size)
        self.pre_lookahead_layer = _LookAhead(size, config.pre_lookahead_len)
        self.encoders = nn.ModuleList(_ConformerLayer(config) for _ in range(config.num_blocks))
        self.up_layer = _Doubling(size, config.up_stride)
        self.up_embed = _Embedding(size, size)
        self.up_encoders = nn.ModuleList(_ConformerLayer(config) for _ in range(config.num_up_blocks))
        self.after_norm = nn.LayerNorm(size)
        self._tables: dict[int, Tensor] = {}

    def _positions(self, x: Tensor) -> Tensor:
        """(2 T - 1, D): sinusoids of the distances T - 1 … 1 - T."""
        T, size = x.shape[1:]
        if T not in self._tables:
            rates = torch.exp(torch.arange(0, size, 2, dtype=torch.float32) * (-math.log(10000.0) / size))
            angles = torch.arange(T - 1, -T, -1, dtype=torch.float32)[:, None] * rates
            self._tables[T] = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(x.device)
        return self._tables[T]

    def forward(self, x: Tensor, biases: tuple[Tensor, Tensor] | None) -> Tensor:
        x = self.pre_lookahead_layer(self.embed(x))
        for layer in self.encoders:
            x = layer(x, self._positions(x), None if biases is None else biases[0])
        x = self.up_embed(self.up_layer(x))
        for layer in self.up_encoders:
            x = layer(x, self._positions(x), None if biases is None else biases[1])
        return self.after_norm(x)


class _TimeEmbedder(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(_FREQUENCIES, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, t: Tensor) -> Tensor:
        half = _FREQUENCIES // 2
        rates = torch.exp(torch.arange(half, device=t.device) * (-math.log(10000.0) / half))
        angles = (t * 1000.0)[:, None] * rates
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))


class _HeadAttention(nn.Module):
    """Attention over all frames, without positions; queries and keys are normalised per head."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.num_heads * config.head_dim
        self.to_q, self.to_k, self.to_v = (nn.Linear(size, inner) for _ in range(3))
        self.q_norm, self.k_norm = nn.LayerNorm(config.head_dim), nn.LayerNorm(config.head_dim)
        self.proj = nn.Linear(inner, size)
        self.heads = config.num_heads

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        B, T, _ = x.shape
        q, k, v = (layer(x).view(B, T, self.heads, -1) for layer in (self.to_q, self.to_k, self.to_v))
        q, k, v = (part.transpose(1, 2).to(v.dtype) for part in (self.q_norm(q), self.k_norm(k), v))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(v.dtype))
        return self.proj(out.transpose(1, 2).reshape(B, T, -1))


class _Convolutions(nn.Module):
    """Two causal convolutions of three frames, norm and Mish between them, at their places of the published list."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.block = nn.ModuleDict(
            {"1": nn.Conv1d(size, size, 3), "3": nn.LayerNorm(size), "6": nn.Conv1d(size, size, 3)}
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.block["1"](F.pad(x.transpose(1, 2), (2, 0))).transpose(1, 2)
        inner = F.mish(self.block["3"](inner)).transpose(1, 2)
        return self.block["6"](F.pad(inner, (2, 0))).transpose(1, 2)


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class _Block(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, int(config.hidden_size * config.mlp_ratio)
        self.attn = _HeadAttention(config)
        self.conv = _Convolutions(size)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(size, inner), "fc2": nn.Linear(inner, size)})
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(size, 9 * size))

    def forward(self, x: Tensor, time: Tensor, bias: Tensor | None) -> Tensor:
        part = self.adaLN_modulation(time).view(len(time), 9, 1, -1).unbind(1)
        x = x + part[2] * self.attn(_modulated(x, part[0], part[1]), bias)
        x = x + part[8] * self.conv(_modulated(x, part[6], part[7]))
        inner = F.gelu(self.mlp["fc1"](_modulated(x, part[3], part[4])), approximate="tanh")
        return x + part[5] * self.mlp["fc2"](inner)


class _Final(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(config.hidden_size, 2 * config.hidden_size))
        self.linear = nn.Linear(config.hidden_size, config.out_channels)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(time).view(len(time), 2, 1, -1).unbind(1)
        return self.linear(_modulated(x, shift, scale))


class _Estimator(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.t_embedder = _TimeEmbedder(config.hidden_size)
        self.in_proj = nn.Linear(config.in_channels, config.hidden_size)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.depth))
        self.final_layer = _Final(config)

    def forward(self, x: Tensor, mu: Tensor, t: Tensor, speaker: Tensor, cond: Tensor, bias: Tensor | None) -> Tensor:
        spread = speaker[:, None].expand(-1, x.shape[1], -1)
        hidden, time = self.in_proj(torch.cat([x, mu, spread, cond], dim=-1)), self.t_embedder(t)
        for block in self.blocks:
            hidden = block(hidden, time, bias)
        return self.final_layer(hidden, time)


class FlowNetwork(nn.Module):
    """Speech tokens and a voice to mel; the forward passes take additive attention biases at 25 and 50 Hz or None."""

    def __init__(self, config: FlowConfig) -> None:
        """Random weights; what the estimator's blocks add is nothing at first (adaLN-Zero)."""
        super().__init__()
        self.config = config
        self.input_embedding = nn.Embedding(config.vocab_size, config.input_size)
        self.spk_embed_affine_layer = nn.Linear(config.spk_embed_dim, config.output_size)
        self.encoder = _TokenEncoder(config.encoder)
        self.encoder_proj = nn.Linear(config.encoder.output_size, config.output_size)
        self.decoder = nn.ModuleDict({"estimator": _Estimator(config.estimator)})
        estimator = self.estimator
        finals = [estimator.final_layer.adaLN_modulation[1], estimator.final_layer.linear]
        for layer in [*(block.adaLN_modulation[1] for block in estimator.blocks), *finals]:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    @property
    def estimator(self) -> _Estimator:
        return self.decoder["estimator"]

    def start_at(self, mean_mel: Tensor) -> None:
        """Let output and first guess begin at the mean mel (80,)."""
        with torch.no_grad():
            self.estimator.final_layer.linear.bias.copy_(mean_mel)
            self.encoder_proj.bias.copy_(mean_mel)

    def speaker(self, embedding: Tensor) -> Tensor:
        """Speaker embedding (B, 192) to (B, 80)."""
        return self.spk_embed_affine_layer(F.normalize(embedding, dim=-1))

    def conditioning(self, tokens: Tensor, biases: tuple[Tensor, Tensor] | None) -> Tensor:
        """Speech tokens (B, L) to mu (B, 2 L, 80)."""
        return self.encoder_proj(self.encoder(self.input_embedding(tokens), biases))

    def weights(self) -> dict[str, Tensor]:
        """Weights under the names and in the layouts of the engine's class."""
        return {name: _swapped(weight).contiguous() for name, weight in self.state_dict().items()}

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Start from weights as `weights` gives them. Raises RuntimeError when names or shapes differ."""
        self.load_state_dict({name: _swapped(weight).float() for name, weight in weights.items()})


def compiled() -> None:
    """Let the blocks of flow and ear be compiled, once for all of them and anew for every length."""
    for kind in (_ConformerLayer, _Block, EncoderBlock):
        kind.forward = torch.compile(kind.forward, dynamic=False)  # type: ignore[method-assign]


def _swapped(weight: Tensor) -> Tensor:
    """Convolutions are (out, in, k) here and (out, k, in) in the engine."""
    return weight.transpose(1, 2) if weight.ndim == 3 else weight


def bias_of(seen: NDArray[np.bool_], rate: int, device: torch.device) -> Tensor:
    """An additive attention bias (1, 1, rate L, rate L) of what sees what (L, L)."""
    wide = torch.from_numpy(seen.repeat(rate, 0).repeat(rate, 1)).to(device)
    return torch.where(wide, 0.0, -1e9)[None, None]


@dataclass(frozen=True)
class FlowBatch:
    """Rows to learn from: tokens (B, L), mel (B, 2 L, 80), embedding (B, 192), and how many frames of each row are the
    voice recording's, voice_frames (B,); additive attention biases at 25 and 50 Hz, or None where all is seen.
    """

    tokens: Tensor
    mel: Tensor
    embedding: Tensor
    voice_frames: Tensor
    biases: tuple[Tensor, Tensor] | None = None

    @property
    def given(self) -> Tensor:
        """(B, 2 L, 1), True where a frame is the voice recording's."""
        return (torch.arange(self.mel.shape[1], device=self.mel.device) < self.voice_frames[:, None])[..., None]

    @property
    def bias(self) -> Tensor | None:
        """What the estimator's attention adds."""
        return None if self.biases is None else self.biases[1]

    def conditions(self, net: FlowNetwork) -> tuple[Tensor, Tensor, Tensor]:
        """The encoder's first guess (B, 2 L, 80), the speaker (B, 80) and the voice recording's mel (B, 2 L, 80)."""
        guess = net.conditioning(self.tokens, self.biases)
        return guess, net.speaker(self.embedding), torch.where(self.given, self.mel, 0.0)

    def loss(self, error: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """The error with a little of the first guess's own, and the error alone."""
        return error + 0.02 * (guess - self.mel).square().mean(), error.detach()


def flow_loss(net: FlowNetwork, batch: FlowBatch, dropped: float = 0.2) -> tuple[Tensor, Tensor]:
    """Conditional flow matching (arXiv 2210.02747): mean squared error of the velocity, over the part to be made and,
    weighing a quarter, over the voice recording. As loss and error; a share `dropped` of the rows has no conditions.
    """
    mel, device = batch.mel, batch.mel.device
    noise = torch.randn_like(mel)
    t = 1 - torch.cos(torch.rand(len(mel), device=device) * (0.5 * math.pi))
    at = t[:, None, None]
    kept = (torch.rand(len(mel), 1, 1, device=device) >= dropped).float()
    guess, speaker, cond = batch.conditions(net)
    x = (1 - (1 - _SAME) * at) * noise + at * mel
    made = net.estimator(x, guess * kept, t, speaker * kept[:, 0], cond * kept, batch.bias)
    weight = torch.where(batch.given, 0.25, 1.0)
    error = ((made - (mel - (1 - _SAME) * noise)).square() * weight).sum() / (weight.sum() * 80)
    return batch.loss(error, guess)


def solved(
    net: FlowNetwork, conditions: tuple[Tensor, Tensor, Tensor], bias: Tensor | None, noise: Tensor, steps: int
) -> Tensor:
    """The mel (B, 2 L, 80) that so many Euler steps of a synthesis arrive at from noise (B, 2 L, 80).

    `conditions` are mu (B, 2 L, 80), speaker (B, 80) and the voice recording's mel (B, 2 L, 80); without guidance what
    the flow makes without them is not asked for, and a step costs half.
    """
    rate = net.config.guidance
    if rate:
        conditions = tuple(torch.cat([one, torch.zeros_like(one)]) for one in conditions)
    x, times = noise, schedule(steps)
    for index in range(steps):
        rows = torch.cat([x, x]) if rate else x
        t = torch.full((len(rows),), float(times[index]), device=x.device)
        made = net.estimator(rows, conditions[0], t, conditions[1], conditions[2], bias)
        if rate:
            toward, free = made.chunk(2)
            made = (1 + rate) * toward - rate * free
        x = x + float(times[index + 1] - times[index]) * made
    return x


def solved_loss(net: FlowNetwork, batch: FlowBatch, steps: int, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean absolute error of the mel that the Euler steps of a synthesis arrive at, followed back through all of them.

    For one voice that always says a text the same way, its mel is all but given by the tokens. As loss and error.
    """
    conditions = batch.conditions(net)
    noise = torch.randn_like(batch.mel) if noise is None else noise
    x = solved(net, conditions, batch.bias, noise, steps)
    weight = torch.where(batch.given, 0.0, 1.0)
    return batch.loss(((x - batch.mel).abs() * weight).sum() / (weight.sum() * 80), conditions[0])
