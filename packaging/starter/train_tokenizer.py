"""Train the speech tokenizer on shards of speech: to rebuild the log-mel from its codes and to spell what was said.

python packaging/starter/train_tokenizer.py SHARDS OUT --minutes 4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from ctc import LETTERS, ctc_loss, fits, greedy_text, padded, spelled
from sound_features import log_mel
from speech_tokenizer import SpeechTokenizer, Teacher, TokenizerConfig, codes_of, rounded
from training import Log, Plan, Shards, Trainer, Utterance, batches, padded_samples, save, with_weights

BUCKET = 25
LOG_EVERY = 200
Batch = tuple[mx.array, mx.array, mx.array, mx.array]


class Pair(nn.Module):
    """Tokenizer and teacher, trained together."""

    def __init__(self, config: TokenizerConfig) -> None:
        """Random weights."""
        super().__init__()
        self.tokenizer = SpeechTokenizer(config)
        self.teacher = Teacher(config)


def prepared(batch: list[Utterance]) -> Batch | None:
    """Clean samples (B, N), lengths in tokens, labels and their lengths; None when nothing in it can be spelled."""
    labels = [spelled(u.text) for u in batch]
    kept = [i for i, label in enumerate(labels) if label and fits(batch[i].tokens, label)]
    if not kept:
        return None
    rows = [kept[i % len(kept)] for i in range(len(batch))]
    samples = padded_samples([batch[i] for i in rows], 16_000, BUCKET)
    table, label_lengths = padded([labels[i] for i in rows], length=samples.shape[1] // 640)
    lengths = mx.array([batch[i].tokens for i in rows], dtype=mx.int32)
    half = max(1, min(table.shape[1], -(-int(label_lengths.max()) // 16) * 16))
    return samples, lengths, mx.array(table[:, :half]), mx.array(label_lengths)


def disturbed(samples: mx.array, seed: mx.array) -> mx.array:
    """The samples with another loudness each and, for two in three, white noise at 8 to 40 dB."""
    keys = mx.random.split(seed, 4)
    B = samples.shape[0]
    gain = 10 ** mx.random.uniform(-1.0, 0.15, (B, 1), key=keys[0])
    power = mx.sqrt((samples**2).mean(axis=1, keepdims=True))
    snr = mx.random.uniform(8, 40, (B, 1), key=keys[1])
    noisy = mx.random.uniform(0, 1, (B, 1), key=keys[3]) < 0.67
    noise = mx.random.normal(samples.shape, key=keys[2]) * power * 10 ** (-snr / 20)
    return (samples + mx.where(noisy, noise, 0.0)) * gain


def loss_of(
    pair: Pair, samples: mx.array, lengths: mx.array, labels: mx.array, label_lengths: mx.array, seed: mx.array
) -> tuple[mx.array, mx.array, mx.array]:
    """Weighted sum of both losses, then mel error and spelling loss a frame."""
    target = log_mel(samples)
    heard = log_mel(disturbed(samples, seed))
    mask = (mx.arange(samples.shape[1] // 640)[None] < lengths[:, None])[..., None].astype(mx.float32)
    frames = mx.repeat(mask, 4, axis=1)
    digits = rounded(pair.tokenizer(heard * frames, mask))
    rebuilt = pair.teacher.log_mel(digits, target, mask)
    mel_error = (mx.abs(rebuilt - target) * frames).sum() / (frames.sum() * target.shape[-1])
    spelling = (ctc_loss(pair.teacher.letters(digits, mask), lengths, labels, label_lengths) / lengths).mean()
    return 5.0 * mel_error + 0.4 * spelling, mel_error, spelling


def measured(pair: Pair, utterances: list[Utterance]) -> dict[str, float]:
    """Letter error rate of the speller, mel error and share of codes in use, on clean held-out utterances."""
    wrong = letters = 0
    mel_errors, used = [], set()
    for utterance in utterances:
        samples = mx.array(utterance.samples_16k).astype(mx.float32)[None] / 32768.0
        target = log_mel(samples)
        mask = mx.ones((1, utterance.tokens, 1))
        digits = mx.round(pair.tokenizer(target))
        used.update(np.array(codes_of(digits)).ravel().tolist())
        mel_errors.append(mx.abs(pair.teacher.log_mel(digits, target, mask) - target).mean().item())
        text = greedy_text(pair.teacher.letters(digits, mask)[0], utterance.tokens)
        truth = greedy_truth(utterance.text)
        wrong += edits(text, truth)
        letters += len(truth)
    return {"letter_error": wrong / max(1, letters), "mel_error": float(np.mean(mel_errors)), "codes_used": len(used)}


def greedy_truth(text: str) -> str:
    """A text as the speller could spell it at best."""
    return "".join(LETTERS[i - 1] for i in spelled(text))


def edits(a: str, b: str) -> int:
    """Least number of insertions, deletions and substitutions from a to b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


def train(shards: Shards, out: Path, plan: Plan, tokens_per_batch: int, config: TokenizerConfig) -> SpeechTokenizer:
    """Train and return the tokenizer with averaged weights; figures and weights are written to `out` as it goes."""
    pair = Pair(config)
    trainer = Trainer(pair, plan, loss_of)
    log = Log(out / "tokenizer.jsonl")
    source = batches(lambda: shards.training, tokens_per_batch, seed=3, bucket_tokens=BUCKET)
    number = 0
    while plan.progress(number) < 1:
        batch = prepared(next(source))
        if batch is None:
            continue
        figures = trainer.step(*batch, mx.random.key(number))
        number += 1
        if number % LOG_EVERY == 0:
            shards.refresh()
            loss, mel, spelling, norm = (round(f.item(), 4) for f in figures)
            log.write(step=number, loss=loss, mel=mel, spelling=spelling, norm=norm, utterances=len(shards.training))
        if number % 2000 == 0:
            save(trainer.averaged["tokenizer"], out / "tokenizer.safetensors")
    with_weights(pair, trainer.averaged)
    log.write(step=number, **measured(pair, shards.measuring[:100]))
    save(trainer.averaged["tokenizer"], out / "tokenizer.safetensors")
    pair.tokenizer.to_onnx(out / "speech_tokenizer_v2_25hz.onnx")
    return pair.tokenizer


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=1.5e-3)
    parser.add_argument("--tokens-per-batch", type=int, default=4096)
    parser.add_argument("--wait-for", type=int, default=600)
    options = parser.parse_args()
    mx.random.seed(1)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    plan = Plan(options.steps, options.minutes, options.peak)
    train(shards, options.out, plan, options.tokens_per_batch, TokenizerConfig())


if __name__ == "__main__":
    main()
