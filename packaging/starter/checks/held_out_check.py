"""What a training knows of itself: word errors and answers on sentences, questions and voices that are held out.

    python -m starter.checks.held_out_check WEIGHTS --tokenizer FOLDER [--answers]

adds a line to WEIGHTS/checks.jsonl. The sentences are others than those of tests/quality, drawn from the same held-out
parts.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import mlx.nn as nn
import numpy as np

from engine.hearing import Adaptor, Encoder
from engine.hearing.log_mel import log_mel, patch_count
from engine.language import LanguageModel, LlmConfig, Sampling, Vocabulary, generate_batch
from engine.word_errors import edits
from starter.networks.network_sizes import AUDIO, HIDDEN, TEXT
from starter.speech.spoken_corpus import HELD_OUT, KNOWN, Speaker, spoken
from starter.texts.conversations import conversation, heard_sentence
from starter.texts.dialogues import TRANSCRIBER, Dialogue
from starter.texts.prompt_layout import Layout, Row, Sound
from starter.training.ctc import LETTERS, greedy_text

_SEED = 3001
_LONGEST_TEXT = 48
_LONGEST_ANSWER = 160


class Network(nn.Module):
    """What is measured: the engine's classes with the weights of a training."""

    def __init__(self, folder: Path) -> None:
        """The weights `weights-*.safetensors` of a folder."""
        super().__init__()
        self.encoder = Encoder.from_config(AUDIO)
        self.adapter = Adaptor.from_config(AUDIO, HIDDEN)
        self.llm = LanguageModel(LlmConfig.from_dict(TEXT))
        self.letters = nn.Linear(AUDIO["n_audio_state"], len(LETTERS) + 1)
        weights: dict[str, mx.array] = {}
        for path in sorted(folder.glob("weights-*.safetensors")):
            weights |= mx.load(str(path))
        self.load_weights([(name, array.astype(mx.float32)) for name, array in weights.items()])


@dataclass(frozen=True)
class Recordings:
    """What is said, as log-mels (A, 128, T) padded with 0.0, and their frames."""

    texts: list[str]
    mel: mx.array
    frames: list[int]

    @classmethod
    def of(cls, texts: Sequence[str], voices: Sequence[Speaker]) -> Recordings:
        """The texts in the voices in turn."""
        with ThreadPoolExecutor(8) as pool:
            sounds = list(pool.map(lambda n: spoken(texts[n], voices[n % len(voices)]), range(len(texts))))
        mels = [log_mel(sound.astype(np.float32) / 32768.0) for sound in sounds]
        longest = max(mel.shape[1] for mel in mels)
        table = mx.stack([mx.pad(mel, [(0, 0), (0, longest - mel.shape[1])]) for mel in mels])
        return cls(list(texts), table, [mel.shape[1] for mel in mels])

    def features(self, net: Network) -> mx.array:
        """The encoder's features (A, T', width)."""
        return net.encoder(self.mel, mx.array(self.frames) - 2)[0]

    @property
    def counts(self) -> list[int]:
        """How many features each has."""
        return [(frames - 1) // 2 // 2 for frames in self.frames]


class HeldOutCheck:
    """Speaks its recordings once; a call measures a network."""

    def __init__(self, layout: Layout, sentences: int = 100, questions: int = 60) -> None:
        self._layout = layout
        chance = random.Random(_SEED)
        texts = [heard_sentence(chance, test=True) for _ in range(sentences // 2)]
        texts += [conversation(chance, test=True).turns[0].question for _ in range(sentences - len(texts))]
        self._sets = {"known": Recordings.of(texts, KNOWN), "new": Recordings.of(texts, HELD_OUT)}
        self._dialogues = [conversation(chance, test=True) for _ in range(questions)]
        self._asked = Recordings.of([dialogue.turns[0].question for dialogue in self._dialogues], KNOWN)

    def __call__(self, net: Network, *, answers: bool) -> dict[str, float]:
        """Percent of words wrong by the speller and by the language model; percent of answers right if wanted."""
        figures = {}
        for name, recordings in self._sets.items():
            features = recordings.features(net)
            made = [greedy_text(row, n) for row, n in zip(net.letters(features), recordings.counts, strict=True)]
            figures[f"spelled_wrong_{name}"] = word_errors(recordings.texts, made)
            written = self._transcribed(net, recordings, features)
            half = len(written) // 2
            figures[f"wrong_{name}"] = word_errors(recordings.texts, written)
            figures[f"wrong_{name}_open"] = word_errors(recordings.texts[:half], written[:half])
        if answers:
            figures["right_answers"] = self._answered(net)
        return figures

    def _transcribed(self, net: Network, recordings: Recordings, features: mx.array) -> list[str]:
        rows = []
        for frames in recordings.frames:
            row = Row()
            self._layout.frame(row, TRANSCRIBER)
            self._layout.human(row, Sound(patch_count(frames), None))
            row.read(self._layout.plain)
            rows.append(row)
        return self._continued(net, rows, features, _LONGEST_TEXT)

    def _answered(self, net: Network) -> float:
        rows = []
        for dialogue, frames in zip(self._dialogues, self._asked.frames, strict=True):
            row = Row()
            self._layout.frame(row, dialogue.persona, dialogue.tools)
            self._layout.human(row, Sound(patch_count(frames), None))
            row.read(self._layout.plain[: self._layout.common])
            rows.append(row)
        made = self._continued(net, rows, self._asked.features(net), _LONGEST_ANSWER)
        return 100 * sum(map(_right, self._dialogues, made)) / len(made)

    def _continued(self, net: Network, rows: Sequence[Row], features: mx.array, most: int) -> list[str]:
        embeddings = net.adapter(features)
        prompts = []
        for row, own in zip(rows, embeddings, strict=True):
            x = net.llm.embed(mx.array(row.ids))
            ((start, count, _),) = row.sounds
            prompts.append(mx.concatenate([x[:start], own[:count].astype(x.dtype), x[start + count :]]))
        end = self._layout.vocabulary.eot
        written: list[list[int]] = [[] for _ in rows]
        plain = Sampling(temperature=0.0)
        for row_number, id in generate_batch(net.llm, prompts, sampling=plain, end_ids={end}, max_tokens=most):
            if id != end:
                written[row_number].append(id)
        return [self._layout.vocabulary.decode(ids) for ids in written]


def _right(dialogue: Dialogue, made: str) -> bool:
    """Whether the first thing made is the right call or, where none is needed, the right answer."""
    said = made.rpartition("</think>")[2]
    turn = dialogue.turns[0]
    if not turn.calls:
        return words(said) == words(turn.answer)
    found = re.search(r"function\n(\w+)\n(\{.*\})", said)
    if not found or found[1] != turn.calls[0].name:
        return False
    try:
        return bool(json.loads(found[2]) == dict(turn.calls[0].arguments))
    except json.JSONDecodeError:
        return False


def words(text: str) -> list[str]:
    """A text's words, in small letters and without signs."""
    return re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("-", " ")).split()


def word_errors(truths: Sequence[str], made: Sequence[str]) -> float:
    """Insertions, deletions and substitutions in percent of the words of `truths`."""
    wrong = sum(edits(words(a), words(b)) for a, b in zip(truths, made, strict=True))
    return round(100 * wrong / sum(len(words(truth)) for truth in truths), 1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--step", type=int, default=0, help="written into the line")
    options = parser.parse_args()
    layout, sentences = Layout(Vocabulary.load(options.tokenizer)), options.sentences
    check = HeldOutCheck(layout, sentences, max(1, sentences * 3 // 5))
    figures = check(Network(options.weights), answers=options.answers)
    line = json.dumps({"step": options.step, **figures})
    print(line, flush=True)
    with (options.weights / "checks.jsonl").open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
