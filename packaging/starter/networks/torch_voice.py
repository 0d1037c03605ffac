"""The voice over whole batches in PyTorch: speech tokens to the mel of a stream, and on to samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.speaking.voice import Voice
from starter.networks.flow_pieces import CONFIG, stream_mask
from starter.networks.network_sizes import FLOW_STEPS
from starter.networks.torch_flow import FlowNetwork, bias_of, solved
from starter.networks.vocoder_network import Sizes, VocoderNetwork, load_weights

LENGTH = 400
PIECE = 25


class OwnVoice:
    """Speaks many token sequences at once. Several share a row, one after the other, each after the voice."""

    def __init__(self, flow: Path, vocoder: Path | None, voice: Voice, device: torch.device, rows: int = 32) -> None:
        """Weights as the trainings write them; without a vocoder only mels can be made."""
        net = FlowNetwork(CONFIG)
        net.take(safetensors.torch.load_file(flow))
        self.flow, self.voice, self.device, self.rows = net.to(device).eval(), voice, device, rows
        self.vocoder: VocoderNetwork | None = None
        if vocoder is not None:
            made = VocoderNetwork(Sizes())
            load_weights(made, safetensors.numpy.load_file(vocoder))
            self.vocoder = made.to(device).eval()

    def mels(self, tokens: Sequence[NDArray[np.int32]], seed: int) -> list[NDArray[np.float32]]:
        """Mel (2 T, 80) of each of the sequences (T,), made as in a stream."""
        found: list[NDArray[np.float32]] = [np.zeros((0, 80), np.float32)] * len(tokens)
        for groups, mel in self._batches(tokens, seed):
            made = mel.cpu().numpy()
            for number, row, start, length in _places(groups, tokens):
                found[number] = made[row, start : start + length]
        return found

    def samples(self, tokens: Sequence[NDArray[np.int32]], seed: int) -> list[NDArray[np.float32]]:
        """Samples at 24 kHz (960 T,) of each of the sequences (T,)."""
        assert self.vocoder is not None
        hop = self.vocoder.config.hop_samples
        found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(tokens)
        for groups, mel in self._batches(tokens, seed):
            noise = torch.randn(len(mel), mel.shape[1] * hop, device=self.device)
            with torch.inference_mode():
                made = self.vocoder(mel.transpose(1, 2), noise).cpu().numpy()
            for number, row, start, length in _places(groups, tokens):
                found[number] = made[row, start * hop : (start + length) * hop]
        return found

    def _batches(self, tokens: Sequence[NDArray[np.int32]], seed: int) -> Iterator[tuple[list[list[int]], Tensor]]:
        """Which sequences lie in which row, and the rows' mel after the voice."""
        torch.manual_seed(seed)
        packed = in_rows([len(sequence) for sequence in tokens])
        for start in range(0, len(packed), self.rows):
            group = packed[start : start + self.rows]
            yield group, self._mel(group, tokens)

    def _mel(self, group: list[list[int]], tokens: Sequence[NDArray[np.int32]]) -> Tensor:
        """A sequence longer than LENGTH makes the rows of all it is computed with as long as itself."""
        given, device = len(self.voice.speech_tokens), self.device
        room = max(LENGTH, *(sum(len(tokens[number]) for number in members) for members in group))
        seen = stream_mask(given + room, given, PIECE)
        biases = bias_of(seen, 1, device), bias_of(seen, 2, device)
        table = np.zeros((len(group), given + room), np.int64)
        table[:, :given] = self.voice.speech_tokens
        for row, members in enumerate(group):
            joined = np.concatenate([tokens[number] for number in members])
            table[row, given : given + len(joined)] = joined
        with torch.inference_mode():
            guess = self.flow.conditioning(torch.from_numpy(table).to(device), biases)
            cond = torch.zeros_like(guess)
            cond[:, : 2 * given] = torch.tensor(self.voice.mel, device=device)
            speaker = self.flow.speaker(torch.tensor(self.voice.embedding, device=device)[None].expand(len(group), -1))
            mel = solved(self.flow, (guess, speaker, cond), biases[1], torch.randn_like(guess), FLOW_STEPS)
        return mel[:, 2 * given :]


def in_rows(lengths: Sequence[int]) -> list[list[int]]:
    """Which sequences share a row: as many, one after the other, as LENGTH has room for, and one at least."""
    rows: list[list[int]] = []
    free = 0
    for number, length in enumerate(lengths):
        if not rows or length > free:
            rows.append([])
            free = LENGTH
        rows[-1].append(number)
        free -= length
    return rows


def _places(groups: list[list[int]], tokens: Sequence[NDArray[np.int32]]) -> list[tuple[int, int, int, int]]:
    """Number, row, first frame and frames of each sequence."""
    found = []
    for row, members in enumerate(groups):
        start = 0
        for number in members:
            found.append((number, row, start, 2 * len(tokens[number])))
            start += 2 * len(tokens[number])
    return found
