r"""Train flow and vocoder as one: what is heard in the end teaches both.

    python -m starter.training.train_speaking LINES OUT --flow F --vocoder V --tokenizer T --speaker S \
        --ear LANGUAGE --voices resources/starter/token2wav/voices --minutes 12

LINES is what `natural_lines.py` writes, or is still writing. The flow makes mels of speech tokens, in most batches
after a built-in voice's own recording, as it speaks in the end; the vocoder makes sound of pieces of them and of
recordings' mels. Both learn from the sound: spectra, mels and pitch, critics, and how an ear and the speech tokenizer
hear it; the flow from its mel too. LANGUAGE is a folder with ear and language model as their training or
`from_shipped.py` writes them.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import numpy as np  # isort: skip
import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.speaking.voice import Voice
from starter.networks.flow_pieces import CONFIG, stream_mask
from starter.networks.network_sizes import FLOW_STEPS
from starter.networks.torch_ear import Ear, TokenJudge
from starter.networks.torch_flow import FlowBatch, FlowNetwork, bias_of, compiled, solved
from starter.networks.torch_speaker import SpeakerLabels
from starter.networks.torch_tokenizer import TokenLabels
from starter.networks.vocoder_critics import Critics, critics_loss, vocoder_loss
from starter.networks.vocoder_losses import mel_distance, one_mel_distance, pitch_distance, spectral_distance
from starter.networks.vocoder_network import Sizes, VocoderNetwork
from starter.speech.natural_voices import BUILT_IN, NAMES
from starter.speech.pitch import pitch
from starter.speech.torch_device import best_device
from starter.training import train_flow, train_vocoder
from starter.training.averaged_weights import read
from starter.training.flow_corpus import TOKEN_SAMPLES, FlowCorpus, Rows
from starter.training.plan import Log, Plan
from starter.training.torch_steps import average, clipped_step
from starter.training.train_vocoder import middle

AFTER_RECORDING, BUILT_IN_SHARE = 0.75, 0.6
LENGTHS = (200, 250, 300)
PIECES = (10, 20, 25, 50, 100)
RECORDED_SHARE = 0.3  # of the vocoder's pieces: a recording's own mel
PREDICTED_PITCH = 0.7  # share of the pieces spoken with the pitch that the vocoder hears itself
CRITICS_ALONE = 0.03  # share of the run for which the critics learn before they are listened to
WEIGHTS = {"flow_mel": 4.0, "spectra": 1.0, "mel": 8.0, "pitch_hz": 0.02, "seen": 0.5, "different": 1.0}
AVERAGED_OVER = 0.998
MEASURED = 12
_HOP, _AROUND = TOKEN_SAMPLES // 2, 2  # samples of a frame; frames that pitch needs at both sides
_SILENCE = math.log(1e-5)


@dataclass(frozen=True)
class Pieces:
    """Short pieces for the vocoder: mel (B, 80, T), the recording's samples (B, 480 T) and pitch (B, T)."""

    mel: Tensor
    samples: Tensor
    f0: Tensor

    def __add__(self, other: Pieces) -> Pieces:
        pairs = ((self.mel, other.mel), (self.samples, other.samples), (self.f0, other.f0))
        return Pieces(*(torch.cat(pair) for pair in pairs))


def recorded_sound(found: FlowCorpus, frames: Tensor, louder: Tensor) -> tuple[Tensor, Tensor]:
    """Samples (B, 480 T) and pitch (B, T) of places of frames (B, T + 2 AROUND) in the corpus."""
    assert found.samples is not None
    wide = found.samples.view(-1, _HOP)[frames].flatten(1).float() / 32768.0 * louder.exp()[:, None]
    return wide[:, _AROUND * _HOP : -_AROUND * _HOP].clamp(-0.98, 0.98), pitch(wide)[:, _AROUND:-_AROUND]


def pieces_of_rows(found: FlowCorpus, rows: Rows, made: Tensor, given: Tensor, count: int, length: int) -> Pieces:
    """So many pieces of `length` frames of any rows' made mel (B, 2 L, 80), after their recordings of so many (B,)."""
    row = torch.randperm(len(made), device=made.device).repeat(-(-count // len(made)))[:count]
    before = given[row] + _AROUND
    first = before + (torch.rand(count, device=made.device) * (made.shape[1] - length - _AROUND - before)).long()
    mel = made[row[:, None], first[:, None] + torch.arange(length, device=made.device)]
    wide = first[:, None] - _AROUND + torch.arange(length + 2 * _AROUND, device=made.device)
    frames = 2 * rows.places[row[:, None], wide // 2] + wide % 2
    return Pieces(mel.transpose(1, 2), *recorded_sound(found, frames, rows.louder[row]))


def recorded_pieces(found: FlowCorpus, count: int, length: int, chance: np.random.Generator) -> Pieces:
    """Pieces of `length` frames of recordings with their own mel, at any loudness."""
    tokens = length // 2 + _AROUND
    drawn = chance.integers(len(found.starts), size=4 * count)
    numbers = [number for number in drawn if found.lengths[number] > tokens]
    starts = [found.starts[number] + chance.integers(found.lengths[number] - tokens) for number in numbers[:count]]
    device = found.codes.device
    first = 2 * torch.tensor(np.array(starts), device=device)[:, None]
    frames = first + torch.arange(length + 2 * _AROUND, device=device)
    louder = torch.from_numpy(chance.uniform(-1.0, 0.2, len(starts)) * (chance.random(len(starts)) < 0.3)).to(device)
    mel = found.mel.view(-1, 80)[frames[:, _AROUND:-_AROUND]].float()
    mel = (mel + louder[:, None, None]).clamp(min=_SILENCE).float()
    return Pieces(mel.transpose(1, 2), *recorded_sound(found, frames, louder.float()))


@dataclass
class Networks:
    """Flow, vocoder and who judges them."""

    flow: FlowNetwork
    vocoder: VocoderNetwork
    critics: Critics
    ear: Ear
    tokenizer: TokenJudge

    @classmethod
    def loaded(cls, options: argparse.Namespace, device: torch.device) -> Networks:
        """To go on from."""
        flow = FlowNetwork(CONFIG)
        flow.take(load_file(options.flow))
        vocoder = train_vocoder.started(options.vocoder, Sizes())
        ear = Ear({name: w for name, w in read(options.ear).items() if name.startswith(("encoder.", "adapter."))})
        tokenizer = TokenJudge(load_file(options.tokenizer))
        return cls(*(one.to(device) for one in (flow, vocoder, Critics(), ear, tokenizer)))


class Training:
    """One run: the networks, their optimisers (AdamW, arXiv 1711.05101), averaged weights, and what is written."""

    def __init__(self, networks: Networks, lines: train_flow.Lines, options: argparse.Namespace) -> None:
        self.networks, self.lines, self.options = networks, lines, options
        self.device = torch.device(options.device)
        self.plan = Plan(options.steps, options.minutes, 1.0, warm_up=options.warm_up)
        self.averaged = copy.deepcopy((networks.flow, networks.vocoder))
        if options.compile:
            compiled()
        adam = partial(torch.optim.AdamW, lr=0.0, weight_decay=0.01, fused=True)
        self._adams = {
            "flow": adam(networks.flow.parameters(), betas=(0.9, 0.98)),
            "vocoder": adam(networks.vocoder.parameters(), betas=(0.8, 0.99)),
            "critics": adam(networks.critics.parameters(), betas=(0.8, 0.99)),
        }
        self._chance = np.random.default_rng(options.seed)
        self.number = self._steps = 0  # of the flow, of the vocoder

    def _dealt(self) -> tuple[Rows, FlowBatch]:
        """Rows, and the same as the flow sees them."""
        found, chance = self.lines.known, self._chance
        length = int(chance.choice(self.options.lengths))
        count = max(1, self.options.tokens_per_batch // length)
        streamed = chance.random() < 0.6
        if chance.random() < AFTER_RECORDING:
            name = [*BUILT_IN][chance.integers(len(BUILT_IN))]
            rows = found.rows_after(name, length, count, chance)
            given = len(found.recordings[name].places)
            voices = np.full(count, given)
        else:
            rows = found.rows(length, count, chance, BUILT_IN_SHARE)
            given = int(chance.integers(25, length // 2 + 1))
            voices = np.full(count, given) if streamed else chance.integers(25, given + 1, count)
        biases = None
        if streamed or self.options.compile:  # one shape of everything is compiled: all seen, too, is a mask then
            piece = int(chance.choice(PIECES)) if streamed else length
            seen = stream_mask(length, given if streamed else length, piece)
            biases = bias_of(seen, 1, self.device), bias_of(seen, 2, self.device)
        frames = torch.from_numpy(2 * voices).to(self.device)
        return rows, FlowBatch(rows.tokens, rows.mel, rows.embeddings, frames, biases)

    def _half_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def _made_mel(self, batch: FlowBatch) -> tuple[Tensor, Tensor]:
        """The mel that the steps of a synthesis arrive at, and the loss of the first guess."""
        with self._half_precision():
            conditions = batch.conditions(self.networks.flow)
            noise = torch.randn_like(batch.mel)
            made = solved(self.networks.flow, conditions, batch.bias, noise, self.options.flow_steps)
        return made.float(), (conditions[0].float() - batch.mel).square().mean()

    def step(self) -> dict[str, Tensor]:
        """One step of all networks, and more of vocoder and critics alone; figures are not waited for."""
        rows, batch = self._dealt()
        made, guess = self._made_mel(batch)
        weight = torch.where(batch.given, 0.0, 1.0)
        error = ((made - batch.mel).abs() * weight).sum() / (weight.sum() * 80)
        share = self.options.sound_for_flow
        figures = self._learn(
            rows, share * made + (1 - share) * made.detach(), batch, WEIGHTS["flow_mel"] * (error + 0.02 * guess)
        )
        rate = self.plan.learning_rate(self.number)
        figures |= {"flow_mel": error, "flow_norm": clipped_step(self._adams["flow"], rate * self.options.peak)}
        average(self.averaged[0].parameters(), self.networks.flow.parameters(), self.number, AVERAGED_OVER)
        for _ in range(self.options.vocoder_steps):
            self._learn(rows, made.detach(), batch)
        self.number += 1
        return figures

    def _learn(self, rows: Rows, made: Tensor, batch: FlowBatch, more: Tensor | None = None) -> dict[str, Tensor]:
        """One step of vocoder and critics; gradients of made mels, and of what else is to become small, go on."""
        found, own = self.lines.known, round(self.options.rows * (1 - RECORDED_SHARE))
        length = self.options.piece_frames
        pieces = pieces_of_rows(found, rows, made, batch.voice_frames, own, length)
        pieces += recorded_pieces(found, self.options.rows - own, length, self._chance)
        sound, recorded, figures = self._spoken(pieces)
        judged = torch.randperm(len(sound), device=self.device)[: self.options.judged_rows]
        self._judge(sound, recorded, judged, figures)
        weights = WEIGHTS | {"heard": self.options.heard, "heard_tokens": self.options.heard_tokens}
        loss = sum(weights[name] * value for name, value in figures.items())
        (loss if more is None else loss + more).backward()
        rate = self.plan.learning_rate(self.number) * self.options.peak
        figures["vocoder_norm"] = clipped_step(self._adams["vocoder"], rate)
        self._teach_critics(sound[judged].detach(), recorded[judged], figures)
        self._steps += 1
        average(self.averaged[1].parameters(), self.networks.vocoder.parameters(), self._steps, AVERAGED_OVER)
        return figures

    def _spoken(self, pieces: Pieces) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """What the vocoder makes of pieces and what was recorded, without their edges, and how they differ."""
        vocoder = self.networks.vocoder
        predicted = vocoder.f0_predictor(pieces.mel.detach())  # to the flow a pitch's gradient is but noise
        known = torch.rand(len(pieces.f0), 1, device=self.device) < PREDICTED_PITCH
        source = vocoder.source(torch.where(known, predicted.detach(), pieces.f0), torch.randn_like(pieces.samples))
        sound, recorded = middle(vocoder.decode(pieces.mel, source)), middle(pieces.samples)
        figures = {"spectra": spectral_distance(sound, recorded), "mel": mel_distance(sound, recorded)}
        return sound, recorded, figures | {"pitch_hz": pitch_distance(predicted, pieces.f0)}

    def _judge(self, sound: Tensor, recorded: Tensor, judged: Tensor, figures: dict[str, Tensor]) -> None:
        """What ear and tokenizer hear and the critics see."""
        with self._half_precision():
            figures["heard"] = self.networks.ear.distance(sound, recorded)
            figures["heard_tokens"] = self.networks.tokenizer.distance(sound, recorded)
        if self.plan.progress(self.number) >= CRITICS_ALONE:
            with self._half_precision():
                seen, different = vocoder_loss(self.networks.critics, recorded[judged], sound[judged])
            figures |= {"seen": seen, "different": different}

    def _teach_critics(self, sound: Tensor, recorded: Tensor, figures: dict[str, Tensor]) -> None:
        adam = self._adams["critics"]
        adam.zero_grad(set_to_none=True)
        with self._half_precision():
            figures["critics"] = critics_loss(self.networks.critics, recorded, sound)
        figures["critics"].backward()
        clipped_step(adam, self.plan.learning_rate(self.number) * self.options.peak)

    def run(self, out: Path) -> None:
        """Train until the plan's end, writing figures and weights."""
        log, measured = Log(out / "speaking.jsonl"), Log(out / "speaking-measured.jsonl")
        logged = saved = refreshed = time.monotonic()
        while self.plan.progress(self.number) < 1:
            figures = self.step()
            now = time.monotonic()
            if now - logged > self.options.log_every:
                values = {name: round(value.item(), 4) for name, value in figures.items()}
                log.write(step=self.number, vocoder_step=self._steps, **values, utterances=len(self.lines.known.starts))
                logged = now
            if now - refreshed > train_flow.REFRESH_EVERY_S:
                self.lines.refresh(self.options.take_in)
                refreshed = time.monotonic()
            if now - saved > self.options.save_every:
                self.keep(out, measured)
                saved = time.monotonic()
        self.keep(out, measured)

    def keep(self, out: Path, measured: Log) -> None:
        """Write the averaged weights, and measure them. Raises FloatingPointError for weights gone wrong."""
        flow, vocoder = self.averaged
        if not train_vocoder.write_weights(vocoder, out / "vocoder.safetensors"):
            raise FloatingPointError("The vocoder's weights are not numbers any more.")
        train_flow.write_weights(flow.weights(), out / "flow.safetensors")
        torch.backends.cudnn.benchmark = False  # every sentence has a length of its own
        measured.write(step=self.number, **self.heard_of_held_out())
        torch.backends.cudnn.benchmark = True

    @torch.no_grad()
    @torch.compiler.set_stance("force_eager")  # every sentence has a length of its own
    def heard_of_held_out(self) -> dict[str, float]:
        """Of held-out sentences that the built-in voices speak after their recordings: how far mel and sound are from
        the target's, and how differently ear and tokenizer hear them.
        """
        figures: dict[str, float] = {}
        for place, name in enumerate(BUILT_IN):
            own = self.lines.held_out.voices[name][:MEASURED]
            values = np.mean([self._differences(name, number, number - place) for number in own], axis=0)
            labels = (f"{what}_{name}" for what in ("mel", "sound", "heard", "heard_tokens"))
            figures |= {label: round(float(value), 4) for label, value in zip(labels, values, strict=True)}
        return figures

    def _differences(self, name: str, number: int, source: int) -> list[float]:
        """Of mel and sound, and as they are heard, for one held-out utterance made of the tokens of another."""
        (flow, vocoder), found, known = self.averaged, self.lines.held_out, self.lines.known
        assert found.samples is not None
        count, recording = found.lengths[number], known.recordings[name]
        own, said = (slice(found.starts[which], found.starts[which] + count) for which in (number, source))
        before = torch.from_numpy(recording.places).to(self.device)
        guess = flow.conditioning(torch.cat([known.codes[before], found.codes[said]]).long()[None], None)
        cond = torch.zeros_like(guess)
        cond[:, : 2 * len(before)] = known.mel[before].view(-1, 80)
        chance = torch.Generator(self.device).manual_seed(number)
        noise = torch.randn(guess.shape, generator=chance, device=self.device)
        conditions = guess, flow.speaker(known.embeddings[recording.embedding][None]), cond
        made = solved(flow, conditions, None, noise, self.options.flow_steps)[:, 2 * len(before) :]
        recorded = found.samples[own].float().view(1, -1) / 32768.0
        sound = vocoder(made.transpose(1, 2), torch.randn(recorded.shape, generator=chance, device=self.device))
        mel = (made - found.mel[own].float().view(1, -1, 80)).abs().mean()
        heard = (judge.distance(sound, recorded) for judge in (self.networks.ear, self.networks.tokenizer))
        return [value.item() for value in (mel, one_mel_distance(sound, recorded), *heard)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told."""
    parser.add_argument("lines", type=Path)
    parser.add_argument("out", type=Path)
    for name in ("--flow", "--vocoder", "--tokenizer", "--speaker", "--ear", "--voices"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--flow-steps", type=int, default=FLOW_STEPS)
    parser.add_argument("--tokens-per-batch", type=int, default=8000)
    parser.add_argument("--heard", type=float, default=6.0, help="how much it counts what the ear hears")
    parser.add_argument("--heard-tokens", type=float, default=5.0, help="and what the speech tokenizer hears")
    parser.add_argument(
        "--sound-for-flow",
        type=float,
        default=0.25,
        help="share of the sound's gradient that reaches the flow: it is noisier than its mel's",
    )
    parser.add_argument("--vocoder-steps", type=int, default=6, help="more steps of the vocoder for each of the flow")
    parser.add_argument("--peak", type=float, default=4e-4, help="of the learning rates")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="of the flow's rows, in speech tokens")
    parser.add_argument("--rows", type=int, default=48, help="pieces that the vocoder speaks")
    parser.add_argument("--piece-frames", type=int, default=64, help="and how long each is")
    parser.add_argument("--judged-rows", type=int, default=24, help="of them that the critics judge")
    parser.add_argument("--wait-for", type=int, default=2400, help="utterances to begin with")
    parser.add_argument("--most-hours", type=float, default=60.0, help="of all voices together, on the device")
    parser.add_argument("--take-in", type=int, default=1500, help=f"new ones in {train_flow.REFRESH_EVERY_S:.0f} s")
    parser.add_argument("--compile", action="store_true", help="the blocks of flow and ear; best with one length")
    parser.add_argument("--warm-up", type=int, default=200, help="steps in which the learning rate grows")
    parser.add_argument("--save-every", type=float, default=60.0, help="seconds between writing weights")
    parser.add_argument("--log-every", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--device", default=best_device())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.backends.cudnn.benchmark = True
    device = torch.device(options.device)
    train_vocoder.joined_snake(device)
    tokenizer = TokenLabels(load_file(options.tokenizer), device)
    speaker = SpeakerLabels(load_file(options.speaker)).to(device)
    room = partial(FlowCorpus.room_for, tokenizer=tokenizer, speaker=speaker, sounds=True)
    lines = train_flow.Lines(options.lines, room, options.most_hours, options.wait_for)
    for who in BUILT_IN:
        lines.known.begin_with(who, Voice.load(options.voices / f"{NAMES[who]}.safetensors"))
    networks = Networks.loaded(options, device)
    Training(networks, lines, options).run(options.out)


if __name__ == "__main__":
    main()
