"""What teaches the speech tokenizer and is thrown away: a decoder to the voices' mels, and a speller."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from starter.networks.torch_tokenizer import DIGITS, Block, TokenizerNetwork

MELS = 80
_WIDTH, _KERNEL = 288, 7


class Teacher(nn.Module):
    """From digits (B, T, 8) to the mel in a voice, and to letters.

    A built-in voice has a vector of its own; anybody else is told by the average colour of the wanted mel, so that the
    digits need not carry whose voice it is.
    """

    def __init__(self, built_in: int, letters: int) -> None:
        """Random weights; `letters` counts CTC's blank."""
        super().__init__()
        self.voices = nn.Embedding(built_in, _WIDTH)
        self.colour = nn.Sequential(nn.Linear(2 * MELS, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _WIDTH))
        self.from_digits = nn.Linear(DIGITS, _WIDTH)
        self.blocks1 = nn.ModuleList(Block(_WIDTH, _KERNEL, 3) for _ in range(4))
        self.doubled = nn.Linear(_WIDTH, 2 * _WIDTH)
        self.blocks2 = nn.ModuleList(Block(_WIDTH, _KERNEL, 3) for _ in range(3))
        self.to_mel = nn.Linear(_WIDTH, MELS)
        self.speller_in = nn.Linear(DIGITS, _WIDTH)
        self.speller = nn.ModuleList(Block(_WIDTH, 5, 2) for _ in range(2))
        self.to_letters = nn.Linear(_WIDTH, letters)

    def mel(self, digits: Tensor, voice: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Mel (B, 2 T, 80) in voices (B,): numbers of built-in ones, or any number beyond for the colour of the target.

        Of the target (B, 2 T, 80) only mean and deviation over time are used.
        """
        wide = mask.repeat_interleave(2, 1)
        known = voice < self.voices.num_embeddings
        own = self.voices(voice.clamp(max=self.voices.num_embeddings - 1))
        who = torch.where(known[:, None], own, self.colour(colour_of(target, wide)))
        x = self.from_digits(digits) + who[:, None]
        for block in self.blocks1:
            x = block(x, mask)
        x = self.doubled(x).view(len(x), -1, _WIDTH) * wide
        for block in self.blocks2:
            x = block(x, wide)
        return self.to_mel(x)

    def letters(self, digits: Tensor, mask: Tensor) -> Tensor:
        """Logits of CTC's blank and letters (B, T, letters)."""
        x = self.speller_in(digits)
        for block in self.speller:
            x = block(x, mask)
        return self.to_letters(x)


def colour_of(mel: Tensor, mask: Tensor) -> Tensor:
    """Mean and deviation (B, 160) of mel (B, T, 80) where the mask (B, T, 1) is 1."""
    count = mask.sum(1)
    mean = (mel * mask).sum(1) / count
    spread = ((mel - mean[:, None]).square() * mask).sum(1) / count
    return torch.cat([mean, (spread + 1e-5).sqrt()], dim=-1)


def rounded(values: Tensor) -> Tensor:
    """Values rounded to −1, 0, 1 whose gradient passes as if they were not."""
    return values + (values.round() - values).detach()


class Pair(nn.Module):
    """Tokenizer and teacher, trained together."""

    def __init__(self, tokenizer: TokenizerNetwork, built_in: int, letters: int) -> None:
        super().__init__()
        self.tokenizer, self.teacher = tokenizer, Teacher(built_in, letters)

    def forward(
        self, log_mel: Tensor, counts: Tensor, voice: Tensor, target: Tensor, labels: Tensor, sizes: Tensor
    ) -> dict[str, Tensor]:
        """What is to become small, by name.

        B sentences are each said by V voices with the same frames: log_mel (B, V, 4 T, 128), of which `counts` (B,)
        tokens are said. From the tokens of each voice's sound the mel `target` (B, V, 2 T, 80) of the voice (B, V) in
        the same place has to be made, and the sentence spelled: labels (B, L), their lengths (B,).
        """
        B, V = log_mel.shape[:2]
        T = log_mel.shape[2] // 4
        mask = (torch.arange(T, device=counts.device) < counts[:, None]).float()[..., None]
        all_masks = mask.repeat_interleave(V, 0)
        values = self.tokenizer(log_mel.flatten(0, 1), all_masks)
        digits = rounded(values)
        made = self.teacher.mel(digits, voice.flatten(), target.flatten(0, 1), all_masks)
        wide = all_masks.repeat_interleave(2, 1)
        mel = ((made.float() - target.flatten(0, 1)).abs() * wide).sum() / (wide.sum() * MELS)
        chances = F.log_softmax(self.teacher.letters(digits, all_masks).float(), dim=-1).transpose(0, 1)
        spread_counts = counts.repeat_interleave(V)
        spelling = F.ctc_loss(
            *(chances, labels.repeat_interleave(V, 0), spread_counts, sizes.repeat_interleave(V)),
            reduction="none",
            zero_infinity=True,
        )
        apart = values.view(B, V, T, DIGITS)
        apart = ((apart - apart.mean(1, keepdim=True)).square() * mask[:, None]).sum() / (mask.sum() * V * DIGITS)
        return {"mel": mel, "spelling": (spelling / spread_counts).mean(), "apart": apart}
