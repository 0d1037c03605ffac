"""The published ear as a judge of sounds: how differently it hears two that should say the same. It never learns."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from starter.networks.network_sizes import AUDIO, HIDDEN, TEXT
from starter.networks.torch_networks import Starter
from starter.networks.torch_tokenizer import log_mel
from starter.speech.natural_speech import at_16k, sinc_filters

_BLOCKS = (1, 4, 7)  # of the encoder, whose outputs are compared beside what the ear hands on
_NOISE_DB = (20.0, 45.0)  # below the recording; the same for both, so that what nobody hears does not count
_GAIN = (-0.5, 1.5)  # natural logarithm: an ear hears at any loudness
_RATE_RATIO = 3  # samples at 24 kHz come in threes, of which two are made


class Ear(nn.Module):
    """Encoder and adaptor of a starter."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Weights as `from_shipped.trained` gives them; those of the language model are not needed."""
        super().__init__()
        whole = Starter(AUDIO, HIDDEN, TEXT, letters=1)
        whole.take(weights)
        self.encoder, self.adapter = whole.encoder, whole.adapter
        self.register_buffer("filters", sinc_filters(), persistent=False)
        self.requires_grad_(False).eval()
        self._inner: list[Tensor] = []
        for number in _BLOCKS:
            self.encoder.blocks[number].register_forward_hook(lambda _, __, made: self._inner.append(made))

    def features(self, samples_24k: Tensor) -> list[Tensor]:
        """What inner blocks, encoder and adaptor make of samples (B, N)."""
        kept = samples_24k[:, : samples_24k.shape[1] // (_RATE_RATIO * 320) * (_RATE_RATIO * 320)]
        with torch.autocast(kept.device.type, enabled=False):  # a spectrum in half precision is mostly noise
            mel = log_mel(at_16k(kept.float(), self.filters)).transpose(1, 2)
        lengths = torch.full((len(mel),), mel.shape[2], device=mel.device)
        self._inner.clear()
        heard, _ = self.encoder(mel, lengths)
        return [*self._inner, heard, self.adapter(heard)]

    def distance(self, made: Tensor, recorded: Tensor) -> Tensor:
        """How far apart two sounds (B, N) at 24 kHz are heard: 0 for the same, about 1 for any two."""
        device = recorded.device
        gain = torch.empty(len(recorded), 1, device=device).uniform_(*_GAIN).exp()
        below = 10 ** (-torch.empty(len(recorded), 1, device=device).uniform_(*_NOISE_DB) / 20)
        noise = torch.randn_like(recorded) * recorded.square().mean(1, keepdim=True).sqrt() * below
        with torch.no_grad():
            wanted = self.features((recorded + noise) * gain)
        pairs = zip(self.features((made + noise) * gain), wanted, strict=True)
        return torch.stack([(a.float() - b.float()).abs().mean() / b.float().abs().mean() for a, b in pairs]).mean()
