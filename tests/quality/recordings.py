"""Held-out questions and sentences, spoken here by flite and espeak-ng, and how words are compared."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from engine.events import Samples
from engine.resources import resource
from engine.samples import resample, write_wav
from engine.transcription.recogniser import Recogniser
from engine.word_errors import edits
from starter.checks.held_out_check import words
from starter.speech import spoken_corpus
from starter.texts import conversations
from starter.texts.dialogues import Dialogue

STARTER = resource("starter")
KNOWN_VOICES = spoken_corpus.KNOWN
NEW_VOICES = spoken_corpus.HELD_OUT


def sentences(count: int, seed: int = 2001) -> list[str]:
    """Held-out sentences: half of open vocabulary, half questions to the assistant."""
    chance = random.Random(seed)
    opened = [conversations.heard_sentence(chance, test=True) for _ in range(count // 2)]
    return opened + [dialogue.turns[0].question for dialogue in dialogues(count - count // 2, seed + 1)]


def dialogues(count: int, seed: int = 2002) -> list[Dialogue]:
    """Conversations with numbers, and half of them with phrasings, that training never saw."""
    chance = random.Random(seed)
    return [conversations.conversation(chance, test=True) for _ in range(count)]


def spoken(text: str, number: int, voices: Sequence[spoken_corpus.Speaker], noise_db: float | None = None) -> Samples:
    """The text at 16 kHz in the voice whose turn it is, perhaps with white noise so far below it."""
    samples = spoken_corpus.spoken(text, voices[number % len(voices)]).astype(np.float32) / 32768.0
    if noise_db is None:
        return samples
    noise = np.random.default_rng(number).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.sqrt((samples**2).mean()) * 10 ** (-noise_db / 20)


def word_errors(pairs: Sequence[tuple[str, str]]) -> float:
    """Insertions, deletions and substitutions in percent of the words of the first texts."""
    wrong = sum(edits(words(truth), words(heard)) for truth, heard in pairs)
    return 100 * wrong / sum(len(words(truth)) for truth, _ in pairs)


def heard(recogniser: Recogniser, samples_16k: Samples) -> str:
    """What the starter's own ear understands."""
    ((_, text),) = (done for done in recogniser([samples_16k]) if done is not None)
    return text


def heard_by_pocketsphinx(samples: Samples, rate_hz: int) -> str:
    """What pocketsphinx, an ear we did not train, understands. Raises FileNotFoundError without the program."""
    at_16k = resample(samples, rate_hz, 16_000) if rate_hz != 16_000 else samples
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        write_wav(file.name, np.pad(at_16k, (4000, 8000)), 16_000)
        command = ["pocketsphinx_continuous", "-infile", file.name, "-logfn", "/dev/null"]
        return " ".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def flite(texts: Sequence[str]) -> Iterator[Samples]:
    """The reply voice's own recordings of the texts at 16 kHz: what spoken replies are measured against."""
    for text in texts:
        yield spoken_corpus.spoken(text, spoken_corpus.REPLY_VOICE).astype(np.float32) / 32768.0
