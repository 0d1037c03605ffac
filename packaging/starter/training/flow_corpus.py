"""What the flow learns from: sentences that several voices say at once, as speech tokens and mels on the device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.speaking.voice import Voice
from starter.networks.torch_speaker import EMBEDDING, SpeakerLabels
from starter.networks.torch_tokenizer import TokenLabels
from starter.networks.vocoder_losses import speech_mel
from starter.speech.natural_lines import VOICES
from starter.speech.natural_voices import BUILT_IN
from starter.speech.shards import Utterance

_RECORDING_TOKENS = range(80, 140)
TOKEN_SAMPLES = 960  # at 24 kHz
_TOGETHER = 32  # sentences that are analysed at once
_SILENCE = float(np.log(1e-5))
_OWN_TOKENS_FIRST = 0.7  # share of the rows that begin with tokens of the voice's own sound, as a voice recording does
_OWN_TOKENS = {"woman": 0.85, "man": 0.25, "other": 0.5}  # and how often later; else they are of another voice's
_REPLY_TOKENS = 0.95  # share of the sentences after a built-in voice's recording that are made of the woman's tokens
_WOMANS = 0.8  # share of another voice's tokens that are the woman's, in whose voice replies are spoken


@dataclass(frozen=True)
class Rows:
    """Rows to learn from: tokens (B, L), mel (B, 2 L, 80), embeddings (B, 192), the places of the recordings' tokens in
    the corpus (B, L), and by how much (natural logarithm) mel is louder than these (B,).
    """

    tokens: Tensor
    mel: Tensor
    embeddings: Tensor
    places: Tensor
    louder: Tensor


@dataclass(frozen=True)
class Recording:
    """A voice recording in the corpus: the places of its tokens and of its embedding."""

    places: NDArray[np.int64]
    embedding: int


@dataclass
class FlowCorpus:
    """Sentences end to end, of each the voices one after the other: codes (N,), mel (N, 160), embeddings (U, 192)."""

    tokenizer: TokenLabels
    speaker: SpeakerLabels
    codes: Tensor
    mel: Tensor
    embeddings: Tensor
    used: int = 0
    samples: Tensor | None = None  # (N, 960) int16 at 24 kHz, where sounds are wanted too
    starts: list[int] = field(default_factory=list)  # of utterances
    lengths: list[int] = field(default_factory=list)
    voices: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    recordings: dict[str, Recording] = field(default_factory=dict)  # that built-in voices speak after

    @classmethod
    def room_for(cls, hours: float, tokenizer: TokenLabels, speaker: SpeakerLabels, sounds: bool = False) -> FlowCorpus:
        """Nothing yet; room for so many hours of all voices together, with their sounds where they are wanted."""
        tokens, device = int(hours * 3600 * 25), tokenizer.device
        return cls(
            tokenizer,
            speaker,
            torch.zeros(tokens, dtype=torch.int16, device=device),
            torch.zeros((tokens, 160), dtype=torch.float16, device=device),
            torch.zeros((tokens // 15, EMBEDDING), device=device),
            samples=torch.zeros((tokens, TOKEN_SAMPLES), dtype=torch.int16, device=device) if sounds else None,
        )

    def take(self, utterances: Sequence[Utterance]) -> None:
        """Take in sentences of all voices, as long as there is room."""
        sentences = [utterances[first : first + VOICES] for first in range(0, len(utterances), VOICES)]
        sentences.sort(key=lambda own: own[0].tokens)
        for first in range(0, len(sentences), _TOGETHER):
            group = sentences[first : first + _TOGETHER]
            stop = self.used + VOICES * sum(own[0].tokens for own in group)
            room = len(self.codes) - sum(len(one.places) for one in self.recordings.values())
            if stop > room or len(self.starts) + VOICES * len(group) > len(self.embeddings) - len(self.recordings):
                return
            self._take(group)

    def _take(self, group: Sequence[Sequence[Utterance]]) -> None:
        """Take in sentences of like length."""
        rows = [utterance for own in group for utterance in own]
        counts = torch.tensor([utterance.tokens for utterance in rows])
        device, shortest = self.codes.device, int(counts.min())
        low = torch.from_numpy(padded([u.samples_16k for u in rows], int(counts.max()) * 640)).to(device)
        high = torch.from_numpy(padded([u.samples_24k for u in rows], int(counts.max()) * 960)).to(device)
        inside = (torch.arange(int(counts.max())) < counts[:, None]).to(device)
        number, stop = len(self.starts), self.used + int(counts.sum())
        self.codes[self.used : stop] = self.tokenizer.tokens(low, counts)[inside].short()
        mel = speech_mel(high.float() / 32768.0)[:, : 2 * int(counts.max())]
        self.mel[self.used : stop] = mel.reshape(len(rows), -1, 160)[inside].half()
        if self.samples is not None:
            self.samples[self.used : stop] = high.view(len(rows), -1, TOKEN_SAMPLES)[inside]
        self.embeddings[number : number + len(rows)] = self.speaker(low[:, : shortest * 640].float() / 32768.0)
        for place, utterance in enumerate(rows):
            self.voices[utterance.speaker].append(number + place)
            self.starts.append(self.used)
            self.lengths.append(utterance.tokens)
            self.used += utterance.tokens

    @property
    def others(self) -> list[str]:
        """Voices that are no built-in ones and the same whenever they speak."""
        return [name for name in self.voices if name not in BUILT_IN and "+" not in name]

    def sequences(
        self, length: int, rows: int, chance: np.random.Generator, built_in_share: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of one voice each: tokens (B, L), mel (B, 2 L, 80), embeddings (B, 192)."""
        dealt = self.rows(length, rows, chance, built_in_share)
        return dealt.tokens, dealt.mel, dealt.embeddings

    def rows(self, length: int, rows: int, chance: np.random.Generator, built_in_share: float) -> Rows:
        """Rows of one voice each, from any place of a sentence on."""
        said, heard = (np.zeros((rows, length), dtype=np.int64) for _ in range(2))
        who = np.zeros(rows, dtype=np.int64)
        others, names = self.others, [*BUILT_IN]
        for row in range(rows):
            built_in = chance.random() < built_in_share or not others
            name = names[chance.integers(len(names))] if built_in else others[chance.integers(len(others))]
            said[row], heard[row], who[row] = self._row(name, length, chance)
        louder = np.where(chance.random(rows) < 0.3, chance.uniform(-1.2, 0.5, rows), 0.0)
        return self._dealt(said, heard, who, louder)

    def rows_after(self, name: str, length: int, rows: int, chance: np.random.Generator) -> Rows:
        """Rows as a built-in voice speaks them: its recording, then sentences from their first token on, made of the
        tokens that replies are made of.
        """
        own, recording = self.voices[name], self.recordings[name]
        before = recording.places
        said, heard = (np.zeros((rows, length), dtype=np.int64) for _ in range(2))
        for row in range(rows):
            parts, total = [(before, before)], len(before)
            while total < length:
                number = own[chance.integers(len(own))]
                source = number - number % VOICES if chance.random() < _REPLY_TOKENS else number
                places = np.arange(self.lengths[number])
                parts.append((places + self.starts[number], places + self.starts[source]))
                total += len(places)
            said[row], heard[row] = (np.concatenate(side)[:length] for side in zip(*parts, strict=True))
        who = np.full(rows, recording.embedding)
        return self._dealt(said, heard, who, np.zeros(rows))

    def _dealt(self, said: NDArray, heard: NDArray, who: NDArray, louder: NDArray) -> Rows:
        device, shape = self.codes.device, said.shape
        tokens = self.codes[torch.from_numpy(heard).to(device)].long()
        places = torch.from_numpy(said).to(device)
        mel = self.mel[places].view(shape[0], 2 * shape[1], 80).float()
        by = torch.from_numpy(louder).to(mel)
        mel = (mel + by[:, None, None]).clamp(min=_SILENCE)
        return Rows(tokens, mel, self.embeddings[torch.from_numpy(who).to(device)], places, by)

    def begin_with(self, name: str, voice: Voice) -> None:
        """Let a built-in voice speak after this recording in `rows_after`."""
        count = len(voice.speech_tokens)
        places = np.arange(count) + len(self.codes)
        for table, more in (
            ("codes", torch.from_numpy(voice.speech_tokens)),
            ("mel", torch.from_numpy(voice.mel).view(count, -1)),
            ("samples", torch.zeros(count, TOKEN_SAMPLES)),
            ("embeddings", torch.from_numpy(voice.embedding)[None]),
        ):
            known = getattr(self, table)
            if known is not None:
                setattr(self, table, torch.cat([known, more.to(known)]))
        self.recordings[name] = Recording(places, len(self.embeddings) - 1)

    def _row(self, name: str, length: int, chance: np.random.Generator) -> tuple[NDArray, NDArray, int]:
        """Places of the mels (L,), of the tokens they are made of (L,), and whose embedding is given."""
        own, skip = self.voices[name], int(chance.integers(60))
        said, heard, total = [], [], 0
        while total < length + skip:
            number = own[chance.integers(len(own))]
            source = self._source(number, name, total == 0, chance)
            said.append(np.arange(self.lengths[number]) + self.starts[number])
            heard.append(np.arange(self.lengths[number]) + self.starts[source])
            total += self.lengths[number]
        kept = slice(skip, skip + length)
        return np.concatenate(said)[kept], np.concatenate(heard)[kept], own[chance.integers(len(own))]

    @staticmethod
    def _source(number: int, name: str, first: bool, chance: np.random.Generator) -> int:
        """Whose sound of the sentence the tokens are of."""
        share = _OWN_TOKENS_FIRST if first else _OWN_TOKENS.get(name, _OWN_TOKENS["other"])
        if chance.random() < share:
            return number
        others = [place for place in range(VOICES) if place != number % VOICES]
        if number % VOICES and chance.random() < _WOMANS:
            return number - number % VOICES
        return number - number % VOICES + others[chance.integers(len(others))]

    def voice(self, name: str) -> Voice:
        """The voice that an utterance of a few seconds is a recording of, or the first one where none is so long."""
        own = self.voices[name]
        utterance = next((number for number in own if self.lengths[number] in _RECORDING_TOKENS), own[0])
        rows = slice(self.starts[utterance], self.starts[utterance] + self.lengths[utterance])
        mel = self.mel[rows].float().view(-1, 80).cpu().numpy()
        return Voice(name, self.codes[rows].int().cpu().numpy(), self.embeddings[utterance].cpu().numpy(), mel)


def padded(sounds: Sequence[NDArray[np.int16]], length: int) -> NDArray[np.int16]:
    """Sounds as one table (B, length) with silence after them."""
    table = np.zeros((len(sounds), length), np.int16)
    for row, sound in enumerate(sounds):
        table[row, : len(sound)] = sound
    return table
