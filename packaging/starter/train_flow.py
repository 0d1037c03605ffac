r"""Train the flow: from speech tokens and a voice to mel, on whole speech and as it is streamed.

    python packaging/starter/train_flow.py SHARDS OUT --tokenizer OUT/tokenizer.safetensors \
        --speaker OUT/speaker.safetensors

Sequences are utterances of one voice end to end. A random start of each is the voice recording whose mel is given; in
a fifth of the rows all conditions are left out (classifier-free guidance). In half of the batches attention sees what
it sees in a stream: the voice, then pieces of a random length. PyTorch trains; the engine's own flow is measured.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import numpy as np
import torch
from flow_pieces import CACHE_BYTES, CONFIG, REPLY_VOICE, stream_mask
from network_sizes import FLOW_STEPS
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sound_features import fbank, log_mel, speech_mel
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from torch import Tensor
from torch_device import best_device
from torch_flow import FlowBatch, FlowNetwork, bias_of, flow_loss, solved_loss
from torch_steps import average, clipped_step
from training import Log, Plan, Shards, Utterance, load, padded_samples

from engine.speaking.flow import Flow

REPLY_SHARE = 0.6
SOLVED_REPLY_SHARE = 0.85
LENGTHS = (200, 400, 800)
PIECES = (8, 12, 25, 25, 25, 50)
DROPPED = 0.2
LOG_EVERY_S = 10.0
SAVE_EVERY_S = 60.0
AVERAGED_OVER = 0.998


@dataclass(frozen=True)
class Corpus:
    """All utterances as the flow sees them: codes (N,), mel (N, 160) of N tokens, embeddings of U utterances."""

    codes: NDArray[np.int32]
    mel: NDArray[np.float16]
    embeddings: NDArray[np.float32]
    voices: dict[str, list[tuple[int, int, int]]]  # name: (utterance, first token, last token + 1)


def corpus(utterances: list[Utterance], tokenizer: SpeechTokenizer, speaker: SpeakerNetwork) -> Corpus:
    """Tokenize and analyse the utterances, in batches of like length."""
    order = sorted(range(len(utterances)), key=lambda i: utterances[i].tokens)
    codes, mels, embeddings = [], [], np.zeros((len(utterances), 192), np.float32)
    voices: dict[str, list[tuple[int, int, int]]] = {}
    place = 0
    for start in range(0, len(order), 64):
        rows = [utterances[i] for i in order[start : start + 64]]
        at_16k, at_24k = padded_samples(rows, 16_000), padded_samples(rows, 24_000)
        found = np.array(tokenizer.codes(log_mel(at_16k)))
        mel = np.array(speech_mel(at_24k).reshape(len(rows), -1, 160)).astype(np.float16)
        shortest = min(u.tokens for u in rows)
        vectors = np.array(speaker(fbank(at_16k[:, : shortest * 640])))
        for row, utterance in enumerate(rows):
            number = order[start + row]
            codes.append(found[row, : utterance.tokens])
            mels.append(mel[row, : utterance.tokens])
            embeddings[number] = vectors[row]
            voices.setdefault(utterance.speaker, []).append((number, place, place + utterance.tokens))
            place += utterance.tokens
    return Corpus(np.concatenate(codes), np.concatenate(mels), embeddings, voices)


def sequences(
    found: Corpus, length: int, rows: int, chance: np.random.Generator, reply_share: float = REPLY_SHARE
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of one voice each: tokens (B, L), mel (B, 2 L, 80), embeddings (B, 192)."""
    others = [name for name in found.voices if name != REPLY_VOICE]
    places = np.zeros((rows, length), dtype=np.int32)
    speakers = np.zeros((rows, 192), dtype=np.float32)
    for row in range(rows):
        name = REPLY_VOICE if chance.random() < reply_share or not others else others[chance.integers(len(others))]
        own = found.voices[name]
        pieces, total, skip = [], 0, int(chance.integers(60))
        while total < length + skip:
            number, start, stop = own[chance.integers(len(own))]
            pieces.append(np.arange(start, stop))
            total += stop - start
        places[row] = np.concatenate(pieces)[skip : skip + length]
        speakers[row] = found.embeddings[number]
    mel = found.mel[places.reshape(-1)].reshape(rows, 2 * length, 80).astype(np.float32)
    louder = np.where(chance.random((rows, 1, 1)) < 0.3, chance.uniform(-1.2, 0.5, (rows, 1, 1)), 0.0)
    mel = np.maximum(mel + louder.astype(np.float32), np.float32(np.log(1e-5)))
    return torch.from_numpy(found.codes[places]).long(), torch.from_numpy(mel), torch.from_numpy(speakers)


class Training:
    """A run: the network, AdamW (arXiv 1711.05101) and averaged weights."""

    def __init__(self, net: FlowNetwork, plan: Plan, device: torch.device) -> None:
        self.net, self.plan, self.device = net.to(device), plan, device
        self.averaged = copy.deepcopy(self.net)
        self._adam = torch.optim.AdamW(self.net.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        self.steps = 0

    def step(self, loss: Callable[[FlowNetwork, FlowBatch], tuple[Tensor, Tensor]], batch: FlowBatch) -> list[Tensor]:
        """One step of a loss; returns loss, error and the norm of the gradients, not waited for.

        A step whose gradient is not finite changes nothing but the count.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "mps"):
            figures = loss(self.net, batch)
        figures[0].backward()
        norm = clipped_step(self._adam, self.plan.learning_rate(self.steps))
        self.steps += 1
        average(self.averaged.parameters(), self.net.parameters(), self.steps, AVERAGED_OVER)
        return [*(figure.detach() for figure in figures), norm]

    def write(self, path: Path, dtype: torch.dtype) -> None:
        """Write the averaged weights as safetensors, whole or not at all."""
        unfinished = path.with_name("unfinished-" + path.name)
        save_file({name: weight.to("cpu", dtype) for name, weight in self.averaged.weights().items()}, unfinished)
        unfinished.rename(path)


def train(found: Corpus, held_out: Corpus, out: Path, options: argparse.Namespace) -> None:
    """Train, writing figures and averaged weights to `out`: in the end the better of what was and what became."""
    device = torch.device(options.device)
    net = FlowNetwork(CONFIG)
    net.start_at(torch.from_numpy(found.mel.reshape(-1, 80)[:200_000].astype(np.float32).mean(axis=0)))
    measured = Log(out / "flow-measured.jsonl")
    before = {}
    if options.resume:
        net.take(load_file(options.resume))
        before = mel_errors(options.resume, held_out)
        measured.write(when="before", **before)
    plan = Plan(options.steps, options.minutes, options.peak, warm_up=options.warm_up)
    training = Training(net, plan, device)
    log = Log(out / "flow.jsonl")
    chance = np.random.default_rng(11)
    saved = logged = time.monotonic()
    unfinished, target = out / "flow-unfinished.safetensors", out / "flow.safetensors"
    while plan.progress(training.steps) < 1:
        figures, about = one_step(training, found, chance, options)
        now = time.monotonic()
        if now - logged > LOG_EVERY_S:
            loss, error, norm = (round(figure.item(), 4) for figure in figures)
            name = "solved_error" if about["solved"] else "error"  # of a mel here, of a velocity there
            log.write(step=training.steps, loss=loss, **{name: error}, norm=norm, **about)
            logged = now
        if now - saved > SAVE_EVERY_S:
            training.write(unfinished, torch.float16)
            saved = now
    training.write(unfinished, torch.float16)
    after = mel_errors(unfinished, held_out)
    measured.write(when="after", step=training.steps, **after)
    spoken_with = f"mel_error_{FLOW_STEPS}_steps"
    if not before or after[spoken_with] < before[spoken_with]:
        unfinished.rename(target)
    elif options.resume.resolve() != target.resolve():
        shutil.copyfile(options.resume, target)


def one_step(
    training: Training, found: Corpus, chance: np.random.Generator, options: argparse.Namespace
) -> tuple[list[Tensor], dict[str, int]]:
    """One step, each second one as in a stream; returns its figures and what kind of step it was."""
    solved = chance.random() < options.solved
    length = int(chance.choice(LENGTHS[:2] if solved else LENGTHS, p=None if solved else (0.45, 0.4, 0.15)))
    rows = max(1, options.tokens_per_batch // (2 * length if solved else length))
    share = SOLVED_REPLY_SHARE if solved else REPLY_SHARE
    device = training.device
    parts = (part.to(device) for part in sequences(found, length, rows, chance, share))
    voice = int(chance.integers(25, min(250, length // 2 + 1)))
    biases = None
    voices = chance.integers(0, voice + 1, rows) * (chance.random(rows) < 0.85)
    streamed = chance.random() < 0.5
    if streamed:
        seen = stream_mask(length, voice, int(chance.choice(PIECES)))
        biases = bias_of(seen, 1, device), bias_of(seen, 2, device)
        voices = np.full(rows, voice)
    if solved and not streamed:
        voices = np.maximum(voices, 25)
    loss = partial(solved_loss, steps=FLOW_STEPS) if solved else partial(flow_loss, dropped=DROPPED)
    figures = training.step(loss, FlowBatch(*parts, torch.from_numpy(2 * voices).to(device), biases))
    return figures, {"length": length, "streamed": int(streamed), "solved": int(solved)}


def mel_errors(weights: Path, found: Corpus) -> dict[str, float]:
    """Mean absolute mel error of held-out utterances of the reply voice, spoken after another as the recording.

    The engine's own flow speaks, with so many steps as it will be spoken with, and with more.
    """
    flow = Flow(CONFIG)
    load(flow, weights)
    own = found.voices[REPLY_VOICE][:21]
    noise = mx.random.normal((3000, 80), key=mx.random.key(0))
    number, start, stop = own[0]
    voice = mx.array(found.codes[start:stop]), mx.array(found.mel[start:stop].reshape(-1, 80).astype(np.float32))
    errors = {}
    for count in sorted({FLOW_STEPS, 4, 6, 10}):
        total = []
        for _, first, last in own[1:]:
            truth = mx.array(found.mel[first:last].reshape(-1, 80).astype(np.float32))
            tokens, vector = mx.array(found.codes[first:last]), mx.array(found.embeddings[number])
            made = flow(tokens, *voice, vector, noise, steps=count)
            total.append(mx.abs(made - truth).mean().item())
        errors[f"mel_error_{count}_steps"] = round(float(np.mean(total)), 4)
    return errors


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--speaker", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=1.2e-3)
    parser.add_argument("--tokens-per-batch", type=int, default=8000)
    parser.add_argument("--solved", type=float, default=0.0, help="share of training that learns the solved mel")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--wait-for", type=int, default=10**9)
    parser.add_argument("--warm-up", type=int, default=300, help="steps in which the learning rate grows")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(6)
    mx.set_cache_limit(CACHE_BYTES)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    tokenizer, speaker = SpeechTokenizer(TokenizerConfig()), SpeakerNetwork()
    load(tokenizer, options.tokenizer)
    load(speaker, options.speaker)
    held_out = corpus(shards.measuring, tokenizer, speaker)
    train(corpus(shards.training, tokenizer, speaker), held_out, options.out, options)


if __name__ == "__main__":
    main()
