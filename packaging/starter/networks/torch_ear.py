"""Published networks as judges of sounds: how differently they hear two that should say the same. They never learn.

Two of them, the ear and the speech tokenizer, because a voice that learns to please one pleases others less.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from starter.networks.network_sizes import AUDIO, HIDDEN, TEXT
from starter.networks.torch_networks import Starter
from starter.networks.torch_tokenizer import TokenizerNetwork, log_mel
from starter.speech.natural_speech import at_16k, sinc_filters

_BLOCKS = (1, 4, 7)  # of the encoder, whose outputs are compared beside what the ear hands on
_NOISE_DB = (20.0, 45.0)  # below the recording; the same for both, so that what nobody hears does not count
_GAIN = (-0.5, 1.5)  # natural logarithm: an ear hears at any loudness
_RATE_RATIO = 3  # samples at 24 kHz come in threes, of which two are made


class Judge(nn.Module):
    """Somebody who listens."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", sinc_filters(), persistent=False)

    @abstractmethod
    def features(self, samples_24k: Tensor) -> list[Tensor]:
        """What some layers make of samples (B, N)."""

    def _log_mel(self, samples_24k: Tensor) -> Tensor:
        """(B, T, 128) at 100 Hz, of as many samples (B, N) as are whole speech tokens."""
        kept = samples_24k[:, : samples_24k.shape[1] // (_RATE_RATIO * 320) * (_RATE_RATIO * 320)]
        with torch.autocast(kept.device.type, enabled=False):  # a spectrum in half precision is mostly noise
            return log_mel(at_16k(kept.float(), self.filters))

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


class Ear(Judge):
    """Encoder and adaptor of a starter."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Weights as `from_shipped.trained` gives them; those of the language model are not needed."""
        super().__init__()
        whole = Starter(AUDIO, HIDDEN, TEXT, letters=1)
        whole.take(weights)
        self.encoder, self.adapter = whole.encoder, whole.adapter
        self.requires_grad_(False).eval()
        self._inner: list[Tensor] = []
        for number in _BLOCKS:
            self.encoder.blocks[number].register_forward_hook(lambda _, __, made: self._inner.append(made))

    def features(self, samples_24k: Tensor) -> list[Tensor]:
        """What inner blocks, encoder and adaptor make of samples (B, N)."""
        mel = self._log_mel(samples_24k).transpose(1, 2)
        lengths = torch.full((len(mel),), mel.shape[2], device=mel.device)
        self._inner.clear()
        heard, _ = self.encoder(mel, lengths)
        return [*self._inner, heard, self.adapter(heard)]


class TokenJudge(Judge):
    """The speech tokenizer: what it writes down of a sound, before rounding, and what leads to that."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Weights under the names of `speech_tokenizer.SpeechTokenizer`."""
        super().__init__()
        self.network = TokenizerNetwork.of(weights)
        self.requires_grad_(False).eval()
        self._inner: list[Tensor] = []
        for blocks in (self.network.blocks1, self.network.blocks2):
            for block in (blocks[len(blocks) // 2], blocks[-1]):
                block.register_forward_hook(lambda _, __, made: self._inner.append(made))

    def features(self, samples_24k: Tensor) -> list[Tensor]:
        """What blocks at 50 Hz and at 25 Hz make of samples (B, N), and the values of the tokens."""
        mel = self._log_mel(samples_24k)
        self._inner.clear()
        values = self.network(mel, torch.ones(len(mel), mel.shape[1] // 4, 1, device=mel.device))
        return [*self._inner, values]
