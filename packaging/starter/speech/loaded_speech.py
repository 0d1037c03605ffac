"""The speech that a training has loaded: blocks on the device of what is heard, and speech tokens of what is said."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starter.speech.spoken_corpus import BLOCK, LISTING, labelled


@dataclass(frozen=True)
class Heard:
    """An utterance on the GPU: first block, samples, text."""

    block: int
    samples: int
    text: str


@dataclass(frozen=True)
class Cut:
    """How utterances are played one after the other: at which tempo, with silence around them or the start clipped.

    Counts are samples at 16 kHz; a negative `lead` clips. A negative tempo plays backwards, from `lead` on.
    """

    parts: tuple[Heard, ...]
    tempo: float
    lead: int
    length: int

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(heard.text for heard in self.parts)

    @property
    def samples(self) -> int:
        """Samples of the recordings; all but the last end with their last block."""
        before = sum(_blocks(heard) for heard in self.parts[:-1])
        return before * BLOCK + self.parts[-1].samples

    def places(self, count: int) -> NDArray[np.int32]:
        """The blocks to play, the last one repeated until there are `count`."""
        own = np.concatenate([np.arange(h.block, h.block + _blocks(h)) for h in self.parts])[:count]
        return np.pad(own, (0, count - len(own)), mode="edge").astype(np.int32)


def _blocks(heard: Heard) -> int:
    return -(-heard.samples // BLOCK)


class Corpus:
    """What is loaded so far: utterances by text, answers' speech tokens by text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listing = folder / LISTING
        self._done: set[str] = set()
        self.heard: list[Heard] = []
        self.by_text: dict[str, list[Heard]] = defaultdict(list)
        self.speech: dict[str, NDArray[np.int16]] = {}
        self.replies: list[str] = []

    def refresh(self) -> None:
        """Take in shards loaded since."""
        if not self._listing.exists():
            return
        for name, base in json.loads(self._listing.read_text()):
            if name not in self._done:
                self._done.add(name)
                self._take(name, base)

    def _take(self, name: str, base: int) -> None:
        for entry, codes in labelled(self._folder, name):
            text = entry["text"]
            utterance = Heard(base + entry["block"], entry["samples"], text)
            # What is heard is written down in words.
            if entry["heard"] and not any(letter.isdigit() for letter in text):
                self.heard.append(utterance)
                self.by_text[text].append(utterance)
            if codes is not None:
                if text not in self.speech:
                    self.replies.append(text)
                self.speech[text] = codes
