"""Kokoro-82M in PyTorch, for whole batches of utterances of one length: natural voices that the ear learns from.

The architecture is StyleTTS 2 (arXiv 2306.07691) with an iSTFT vocoder (arXiv 2203.02395) and harmonic sources. Weights
come from `natural_weights.py`, under the names of the published modules. There is no padding: `durations` takes rows
with one number of symbols, `samples` rows with one number of frames, so norms over time need no masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

RATE_HZ = 24_000
_HARMONICS, _SOURCE_HOP = 9, 300
_STFT, _STFT_HOP = 20, 5
_HEADS, _LAYERS = 12, 12
_KERNELS, _DILATIONS = (3, 7, 11), (1, 3, 5)
_UPSAMPLED = ((10, 20), (6, 12))
_GATES = (0, 2, 3, 1)  # ONNX orders an LSTM's gates i, o, f, c; PyTorch i, f, c, o


def _styled(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Instance norm over time with a style's gain and shift."""
    wide = x.float()
    mean = wide.mean(-1, keepdim=True)
    spread = (wide - mean).square().mean(-1, keepdim=True)
    return ((wide - mean) * (spread + 1e-5).rsqrt() * (1 + gain) + shift).to(x.dtype)


def _snaked(x: Tensor, gain: Tensor, shift: Tensor, alpha: Tensor) -> Tensor:
    """The same, then Snake (arXiv 2006.08195)."""
    wide = _styled(x.float(), gain, shift)
    return (wide + (alpha * wide).sin().square() / alpha).to(x.dtype)


class Kokoro:
    """The whole network; nothing in it is trained."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], device: torch.device, half: bool = False) -> None:
        """`half` computes what makes samples in float16; norms, sources and spectra stay float32."""
        self.device = device
        self._w = {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in weights.items()}
        self._lstms = {
            name.removesuffix(".W"): self._lstm(name.removesuffix(".W")) for name in weights if name[-2:] == ".W"
        }
        self._dtype = torch.float16 if half else torch.float32
        if half:
            for name in list(self._w):
                if name.startswith("decoder.") and name.endswith((".weight", ".bias")) and ".fc." not in name:
                    self._w[name] = self._w[name].half()
        self._window = torch.hann_window(_STFT, device=device)
        self.snaked, self.styled = _snaked, _styled

    def compile(self) -> None:
        """Fuse what lies between convolutions; takes a while at first, then twice as fast."""
        self.snaked, self.styled = torch.compile(_snaked, dynamic=True), torch.compile(_styled, dynamic=True)

    def _lstm(self, name: str) -> torch.nn.LSTM:
        given, hidden, bias = self._w[f"{name}.W"], self._w[f"{name}.R"], self._w[f"{name}.B"]
        H = hidden.shape[1]
        made = torch.nn.LSTM(given.shape[1], H, batch_first=True, bidirectional=True).to(self.device)

        def ordered(matrix: Tensor) -> Tensor:
            return matrix.view(4, H, -1)[list(_GATES)].reshape(4 * H, -1)

        with torch.no_grad():
            for way, end in ((0, ""), (1, "_reverse")):
                getattr(made, f"weight_ih_l0{end}").copy_(ordered(given[way].T.contiguous()))
                getattr(made, f"weight_hh_l0{end}").copy_(ordered(hidden[way].T.contiguous()))
                getattr(made, f"bias_ih_l0{end}").copy_(ordered(bias[way][: 4 * H])[:, 0])
                getattr(made, f"bias_hh_l0{end}").copy_(ordered(bias[way][4 * H :])[:, 0])
        return made.requires_grad_(False)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        """Matrices lie (in, out)."""
        return x @ self._w[f"{name}.weight"] + self._w[f"{name}.bias"]

    def _conv(self, name: str, x: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
        weight = self._w[f"{name}.weight"]
        return F.conv1d(x.to(weight.dtype), weight, self._w.get(f"{name}.bias"), stride, padding, dilation)

    def _norm(self, name: str, x: Tensor, eps: float) -> Tensor:
        weight, bias = self._w[f"{name}.weight"], self._w[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, eps)

    def _style(self, name: str, style: Tensor) -> tuple[Tensor, Tensor]:
        gain, shift = self._linear(f"{name}.fc", style).chunk(2, dim=-1)
        return gain[..., None], shift[..., None]

    # What is said how long

    @torch.inference_mode()
    def durations(self, symbols: Tensor, style: Tensor, speed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames of each symbol (B, T), what prosody is made of (B, T, 640) and the text (B, T, 512).

        `symbols` (B, T) with 0 at both ends, `style` (B, 256), `speed` (B,).
        """
        prosody = self._prosody(self._bert(symbols), style[:, 128:])
        x, _ = self._lstms["predictor.lstm"](prosody)
        each = self._linear("predictor.duration_proj.linear_layer", x).sigmoid().sum(-1)
        return (each / speed[:, None]).round().clamp(min=1).long(), prosody, self._text(symbols)

    def _bert(self, symbols: Tensor) -> Tensor:
        table, places = self._w["bert.embeddings.word_embeddings.weight"], symbols.shape[1]
        x = table[symbols] + self._w["bert.embeddings.position_embeddings.weight"][:places]
        x = self._norm(
            "bert.embeddings.LayerNorm", x + self._w["bert.embeddings.token_type_embeddings.weight"][0], 1e-12
        )
        x = self._linear("bert.encoder.embedding_hidden_mapping_in", x)
        layer = "bert.encoder.albert_layer_groups.0.albert_layers.0"
        for _ in range(_LAYERS):
            q, k, v = (
                self._linear(f"{layer}.attention.{name}", x).unflatten(-1, (_HEADS, -1)).transpose(1, 2)
                for name in ("query", "key", "value")
            )
            seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = self._norm(f"{layer}.attention.LayerNorm", x + self._linear(f"{layer}.attention.dense", seen), 1e-12)
            inner = F.gelu(self._linear(f"{layer}.ffn", x), approximate="tanh")
            x = self._norm(f"{layer}.full_layer_layer_norm", x + self._linear(f"{layer}.ffn_output", inner), 1e-12)
        return self._linear("bert_encoder", x)

    def _prosody(self, x: Tensor, style: Tensor) -> Tensor:
        beside = style[:, None].expand(-1, x.shape[1], -1)
        for number in (0, 2, 4):
            x, _ = self._lstms[f"predictor.text_encoder.lstms.{number}"](torch.cat([x, beside], dim=-1))
            gain, shift = self._linear(f"predictor.text_encoder.lstms.{number + 1}.fc", style)[:, None].chunk(2, dim=-1)
            x = (1 + gain) * F.layer_norm(x, x.shape[-1:]) + shift
        return torch.cat([x, beside], dim=-1)

    def _text(self, symbols: Tensor) -> Tensor:
        x = self._w["text_encoder.embedding.weight"][symbols]
        for number in range(3):
            x = self._conv(f"text_encoder.cnn.{number}.0", x.transpose(1, 2), padding=2).transpose(1, 2)
            gain, shift = (self._w[f"text_encoder.cnn.{number}.1.{name}"] for name in ("gamma", "beta"))
            x = F.leaky_relu(F.layer_norm(x, gain.shape, gain, shift), 0.2)
        return self._lstms["text_encoder.lstm"](x)[0]

    # How it sounds

    @torch.inference_mode()
    def samples(self, prosody: Tensor, text: Tensor, style: Tensor) -> Tensor:
        """Samples at 24 kHz (B, 600 N) of what `durations` gave, each symbol repeated for its frames: (B, N, …)."""
        x, _ = self._lstms["predictor.shared"](prosody)
        pitch, energy = (self._curve(kind, x.transpose(1, 2), style[:, 128:]) for kind in ("F0", "N"))
        look, text = style[:, :128], text.transpose(1, 2).to(self._dtype)
        beside = [self._conv(f"decoder.{kind}_conv", curve, 2, 1) for kind, curve in (("F0", pitch), ("N", energy))]
        x = self._block("decoder.encode", torch.cat([text, *beside], dim=1), look)
        beside = [self._conv("decoder.asr_res.0", text), *beside]
        for number in range(4):
            x = self._block(f"decoder.decode.{number}", torch.cat([x, *beside], dim=1), look, doubled=number == 3)
        return self._generated(x, look, pitch[:, 0])

    def _curve(self, kind: str, x: Tensor, style: Tensor) -> Tensor:
        """Pitch or loudness (B, 1, 2 N)."""
        for number in range(3):
            x = self._block(f"predictor.{kind}.{number}", x, style, doubled=number == 1)
        return self._conv(f"predictor.{kind}_proj", x)

    def _block(self, name: str, x: Tensor, style: Tensor, doubled: bool = False) -> Tensor:
        y = F.leaky_relu(self.styled(x, *self._style(f"{name}.norm1", style)), 0.2)
        if doubled:
            weight = self._w[f"{name}.pool.weight"]
            y = F.conv_transpose1d(y, weight, self._w[f"{name}.pool.bias"], 2, 1, 1, groups=len(weight))
            x = x.repeat_interleave(2, dim=-1)
        y = self._conv(f"{name}.conv1", y, padding=1)
        y = F.leaky_relu(self.styled(y, *self._style(f"{name}.norm2", style)), 0.2)
        y = self._conv(f"{name}.conv2", y, padding=1)
        if f"{name}.conv1x1.weight" in self._w:
            x = self._conv(f"{name}.conv1x1", x)
        return (x + y) * math.sqrt(0.5)

    def _generated(self, x: Tensor, style: Tensor, pitch: Tensor) -> Tensor:
        g = "decoder.generator"
        source = self._spectrum(self._source(pitch)).to(self._dtype)
        for number, (rate, size) in enumerate(_UPSAMPLED):
            beside = self._conv(f"{g}.noise_convs.{number}", source, *((6, 3), (1, 0))[number])
            beside = self._resblock(f"{g}.noise_res.{number}", beside, style, (7, 11)[number])
            weight, bias = (self._w[f"{g}.ups.{number}.{end}"] for end in ("weight", "bias"))
            x = F.conv_transpose1d(F.leaky_relu(x, 0.1), weight, bias, rate, (size - rate) // 2)
            if number == 1:
                x = F.pad(x, (1, 0), mode="reflect")
            x = x + beside
            x = sum(self._resblock(f"{g}.resblocks.{3 * number + n}", x, style, k) for n, k in enumerate(_KERNELS)) / 3
        x = self._conv(f"{g}.conv_post", F.leaky_relu(x), padding=3).float()
        magnitude, phase = x[:, : _STFT // 2 + 1].exp(), x[:, _STFT // 2 + 1 :].sin()
        return torch.istft(torch.polar(magnitude, phase), _STFT, _STFT_HOP, window=self._window)

    def _resblock(self, name: str, x: Tensor, style: Tensor, size: int) -> Tensor:
        for n, dilation in enumerate(_DILATIONS):
            y = self.snaked(x, *self._style(f"{name}.adain1.{n}", style), self._w[f"{name}.alpha1.{n}"])
            y = self._conv(f"{name}.convs1.{n}", y, padding=dilation * (size - 1) // 2, dilation=dilation)
            y = self.snaked(y, *self._style(f"{name}.adain2.{n}", style), self._w[f"{name}.alpha2.{n}"])
            x = x + self._conv(f"{name}.convs2.{n}", y, padding=(size - 1) // 2)
        return x

    def _source(self, pitch: Tensor) -> Tensor:
        """Harmonics of a pitch (B, 2 N) in Hz, 300 samples each, with noise: (B, 600 N)."""
        rows = len(pitch)
        turns = pitch.float()[..., None] * torch.arange(1, _HARMONICS + 1, device=self.device) / RATE_HZ
        start = torch.rand(rows, 1, _HARMONICS, device=self.device)
        start[..., 0] = 0
        turns = torch.cat([turns[:, :1] % 1 + start / _SOURCE_HOP, turns[:, 1:] % 1], dim=1)
        phase = (turns.double().cumsum(1) * _SOURCE_HOP).transpose(1, 2)
        phase = F.interpolate(phase, scale_factor=_SOURCE_HOP, mode="linear") % 1
        waves = 0.1 * torch.sin(2 * math.pi * phase.float()).transpose(1, 2)
        voiced = (pitch > 10).float().repeat_interleave(_SOURCE_HOP, dim=-1)[..., None]
        waves = waves * voiced + (0.003 * voiced + 0.1 / 3 * (1 - voiced)) * torch.randn_like(waves)
        weight, bias = (self._w[f"decoder.generator.m_source.l_linear.{end}"].float() for end in ("weight", "bias"))
        return torch.tanh(waves @ weight + bias)[..., 0]

    def _spectrum(self, source: Tensor) -> Tensor:
        """Magnitude and phase (B, 22, 120 N + 1)."""
        made = torch.stft(source, _STFT, _STFT_HOP, window=self._window, return_complex=True)
        return torch.cat([made.abs(), made.angle()], dim=1)
