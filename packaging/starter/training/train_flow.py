r"""Train the flow: from speech tokens and a voice to mel, on whole speech and as it is streamed.

    python -m starter.training.train_flow LINES OUT --tokenizer OUT/tokenizer.safetensors \
        --speaker OUT/speaker.safetensors

LINES is what `natural_lines.py` writes, or is still writing. Rows are sentences of one voice end to end, made of tokens
of that voice or of another that says the same in the same time. A random start of each is the voice recording whose mel
is given; in a fifth of the rows all conditions are left out (classifier-free guidance). In half of the batches
attention sees what it sees in a stream: the voice, then pieces of a random length. After a while only the mel that a
whole synthesis arrives at counts. OUT gets the built-in voices too, as the engine's files.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import numpy as np  # isort: skip
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from starter.networks.flow_pieces import CONFIG, stream_mask
from starter.networks.network_sizes import FLOW_STEPS
from starter.networks.torch_flow import FlowBatch, FlowNetwork, bias_of, flow_loss, solved, solved_loss
from starter.networks.torch_speaker import SpeakerLabels
from starter.networks.torch_tokenizer import DIGITS, TokenLabels
from starter.speech.natural_lines import VOICES
from starter.speech.natural_voices import BUILT_IN
from starter.speech.shards import Shards
from starter.speech.torch_device import best_device
from starter.training.flow_corpus import FlowCorpus
from starter.training.plan import Log, Plan
from starter.training.torch_steps import average, clipped_step

BUILT_IN_SHARE, SOLVED_BUILT_IN_SHARE = 0.75, 0.9
LENGTHS = (200, 400, 800)
PIECES = (8, 12, 25, 25, 25, 50)
DROPPED = 0.2
LOG_EVERY_S, SAVE_EVERY_S, REFRESH_EVERY_S = 10.0, 60.0, 20.0
AVERAGED_OVER = 0.998
MEASURED = 12


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

    def write(self, path: Path, dtype: torch.dtype = torch.float16) -> None:
        """Write the averaged weights."""
        write_weights(self.averaged.weights(), path, dtype)


def write_weights(weights: dict[str, Tensor], path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write weights as safetensors, whole or not at all."""
    unfinished = path.with_name("unfinished-" + path.name)
    save_file({name: weight.to("cpu", dtype) for name, weight in weights.items()}, unfinished)
    unfinished.rename(path)


class Lines:
    """The sentences of a folder that is still being written."""

    def __init__(self, folder: Path, room: Callable[[float], FlowCorpus], hours: float, wait_for: int) -> None:
        """Waits for so many utterances."""
        self._shards = Shards(folder)
        self._shards.wait(wait_for)
        self.known, self.held_out = room(hours), room(0.2)
        self.held_out.take(self._shards.measuring)
        self._taken = 0
        self.refresh(wait_for)

    def refresh(self, most: int = 1500) -> None:
        """Take in so many new utterances."""
        self._shards.refresh()
        new = self._shards.training[self._taken : self._taken + -(-most // VOICES) * VOICES]
        self.known.take(new)
        self._taken += len(new)


def train(lines: Lines, out: Path, options: argparse.Namespace) -> None:
    """Train, writing figures and averaged weights to `out`."""
    device = torch.device(options.device)
    net = started(options.resume, lines.known)
    if options.new_tokens:
        new_tokens(net)
    training = Training(net, Plan(options.steps, options.minutes, options.peak, warm_up=options.warm_up), device)
    log, measured = Log(out / "flow.jsonl"), Log(out / "flow-measured.jsonl")
    target, chance = out / "flow.safetensors", np.random.default_rng(11)
    saved = logged = refreshed = time.monotonic()
    while (progress := training.plan.progress(training.steps)) < 1:
        share = 1.0 if progress > options.solved_from else options.solved
        figures, about = one_step(training, lines.known, chance, share, options.tokens_per_batch)
        now = time.monotonic()
        if now - logged > LOG_EVERY_S:
            loss, error, norm = (round(figure.item(), 4) for figure in figures)
            name = "solved_error" if about["solved"] else "error"  # of a mel here, of a velocity there
            known = len(lines.known.starts)
            log.write(step=training.steps, loss=loss, **{name: error}, norm=norm, **about, utterances=known)
            logged = now
        if now - refreshed > REFRESH_EVERY_S:
            lines.refresh()
            refreshed = time.monotonic()
        if now - saved > SAVE_EVERY_S:
            training.write(target)
            measured.write(step=training.steps, **mel_errors(training.averaged, lines.held_out))
            saved = time.monotonic()
    training.write(target)
    measured.write(step=training.steps, **mel_errors(training.averaged, lines.held_out))


def started(resume: Path | None, known: FlowCorpus) -> FlowNetwork:
    """The network to begin with."""
    net = FlowNetwork(CONFIG)
    if resume:
        net.take(load_file(resume))
    else:
        net.start_at(known.mel[: min(known.used, 20_000)].float().view(-1, 80).mean(0).cpu())
    return net


def new_tokens(net: FlowNetwork) -> None:
    """Let tokens mean nothing yet, but be alike where their digits are."""
    table = net.input_embedding.weight
    with torch.no_grad():
        number = torch.arange(len(table), device=table.device)[:, None]
        digits = number // 3 ** torch.arange(DIGITS, device=table.device) % 3 - 1.0
        table.copy_(digits @ torch.randn(DIGITS, table.shape[1], device=table.device) * DIGITS**-0.5)


def one_step(
    training: Training, found: FlowCorpus, chance: np.random.Generator, solved_share: float, tokens: int
) -> tuple[list[Tensor], dict[str, int]]:
    """One step, each second one as in a stream; returns its figures and what kind of step it was."""
    through = chance.random() < solved_share
    length = int(chance.choice(LENGTHS[:2] if through else LENGTHS, p=None if through else (0.45, 0.4, 0.15)))
    rows = max(1, tokens // (2 * length if through else length))
    share = SOLVED_BUILT_IN_SHARE if through else BUILT_IN_SHARE
    device = training.device
    parts = found.sequences(length, rows, chance, share)
    voice = int(chance.integers(25, min(250, length // 2 + 1)))
    biases = None
    voices = chance.integers(0, voice + 1, rows) * (chance.random(rows) < 0.85)
    streamed = chance.random() < 0.5
    if streamed:
        seen = stream_mask(length, voice, int(chance.choice(PIECES)))
        biases = bias_of(seen, 1, device), bias_of(seen, 2, device)
        voices = np.full(rows, voice)
    if through and not streamed:
        voices = np.maximum(voices, 25)
    loss = partial(solved_loss, steps=FLOW_STEPS) if through else partial(flow_loss, dropped=DROPPED)
    figures = training.step(loss, FlowBatch(*parts, torch.from_numpy(2 * voices).to(device), biases))
    return figures, {"length": length, "streamed": int(streamed), "solved": int(through)}


@torch.inference_mode()
def mel_errors(net: FlowNetwork, found: FlowCorpus) -> dict[str, float]:
    """Mean absolute mel error of held-out sentences of the built-in voices, made of the woman's tokens after another
    sentence as the voice recording.
    """
    errors = {}
    device = found.codes.device
    for place, name in enumerate(BUILT_IN):
        given = found.voice(name)
        total = []
        for number in found.voices[name][1 : 1 + MEASURED]:
            woman, length = found.starts[number - place], found.lengths[number]
            truth = found.mel[found.starts[number] : found.starts[number] + length].float().view(-1, 80)
            tokens = torch.cat(
                [torch.from_numpy(given.speech_tokens).to(device), found.codes[woman : woman + length].int()]
            )
            guess = net.conditioning(tokens.long()[None], None)
            cond = torch.zeros_like(guess)
            cond[:, : len(given.mel)] = torch.from_numpy(given.mel).to(device)
            conditions = guess, net.speaker(torch.from_numpy(given.embedding).to(device)[None]), cond
            chance = torch.Generator(device).manual_seed(number)
            noise = torch.randn(guess.shape, generator=chance, device=device)
            made = solved(net, conditions, None, noise, FLOW_STEPS)[0, len(given.mel) :]
            total.append((made - truth).abs().mean().item())
        errors[f"mel_error_{name}"] = round(float(np.mean(total)), 4)
    return errors


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--speaker", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=1e-3)
    parser.add_argument("--tokens-per-batch", type=int, default=12_000)
    parser.add_argument("--solved", type=float, default=0.3, help="share of the first steps that learn the solved mel")
    parser.add_argument("--solved-from", type=float, default=0.3, help="share of the run after which all steps do")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--new-tokens", action="store_true", help="the flow to go on from read another tokenizer's")
    parser.add_argument("--wait-for", type=int, default=3000, help="utterances to begin with")
    parser.add_argument("--most-hours", type=float, default=60.0, help="of all voices together, on the device")
    parser.add_argument("--warm-up", type=int, default=300, help="steps in which the learning rate grows")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(6)
    device = torch.device(options.device)
    tokenizer = TokenLabels(load_file(options.tokenizer), device)
    speaker = SpeakerLabels(load_file(options.speaker)).to(device)
    room = partial(FlowCorpus.room_for, tokenizer=tokenizer, speaker=speaker)
    lines = Lines(options.lines, room, options.most_hours, options.wait_for)
    for name in BUILT_IN:
        lines.held_out.voice(name).save(options.out / f"{name}.safetensors")
    train(lines, options.out, options)


if __name__ == "__main__":
    main()
