r"""Train the flow: from speech tokens and a voice to mel, on whole speech and as it is streamed.

    python packaging/starter/train_flow.py SHARDS OUT --tokenizer OUT/tokenizer.safetensors \
        --speaker OUT/speaker.safetensors

Sequences are utterances of one voice end to end. A random start of each is the voice recording whose mel is given; in
a fifth of the rows all conditions are left out (classifier-free guidance). In half of the batches attention sees what
it sees in a stream: the voice, then pieces of a random length.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
from network_sizes import FLOW_GUIDANCE, FLOW_STEPS
from numpy.typing import NDArray
from sound_features import fbank, log_mel, speech_mel
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from training import Log, Plan, Shards, Trainer, Utterance, load, padded_samples, save, with_weights

from engine.speaking.dit import DiTConfig
from engine.speaking.flow import Flow, FlowConfig, schedule
from engine.speaking.token_encoder import TokenEncoderConfig

CONFIG = FlowConfig(
    input_size=96,
    output_size=80,
    spk_embed_dim=192,
    vocab_size=6561,
    guidance=FLOW_GUIDANCE,
    encoder=TokenEncoderConfig(
        input_size=96, output_size=160, attention_heads=4, linear_units=512, num_blocks=2, num_up_blocks=2
    ),
    estimator=DiTConfig(
        in_channels=320, out_channels=80, depth=4, num_heads=3, head_dim=64, hidden_size=192, mlp_ratio=2.5
    ),
)
REPLY_VOICE = "flite:slt:50:1.00"
REPLY_SHARE = 0.6
SOLVED_REPLY_SHARE = 0.85
LENGTHS = (200, 400, 800)
PIECES = (8, 12, 25, 25, 25, 50)
VOICE_TAIL_TOKENS = 50
DROPPED = 0.2
LOG_EVERY = 100
CACHE_BYTES = 8_000_000_000  # others train beside it
SAVE_EVERY_S = 60.0


@dataclass(frozen=True)
class Corpus:
    """All utterances as the flow sees them: codes (N,), mel (N, 160) of N tokens, embeddings of U utterances."""

    codes: NDArray[np.int32]
    mel: mx.array
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
        mel = speech_mel(at_24k).reshape(len(rows), -1, 160)
        shortest = min(u.tokens for u in rows)
        vectors = np.array(speaker(fbank(at_16k[:, : shortest * 640])))
        for row, utterance in enumerate(rows):
            number = order[start + row]
            codes.append(found[row, : utterance.tokens])
            mels.append(mel[row, : utterance.tokens].astype(mx.float16))
            embeddings[number] = vectors[row]
            voices.setdefault(utterance.speaker, []).append((number, place, place + utterance.tokens))
            place += utterance.tokens
        mx.eval(mels[-len(rows) :])
    return Corpus(np.concatenate(codes), mx.concatenate(mels), embeddings, voices)


def sequences(
    found: Corpus, length: int, rows: int, chance: np.random.Generator, reply_share: float = REPLY_SHARE
) -> tuple[mx.array, mx.array, mx.array]:
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
    mel = found.mel[mx.array(places.reshape(-1))].reshape(rows, 2 * length, 80).astype(mx.float32)
    louder = np.where(chance.random((rows, 1, 1)) < 0.3, chance.uniform(-1.2, 0.5, (rows, 1, 1)), 0.0)
    mel = mx.maximum(mel + mx.array(louder.astype(np.float32)), float(np.log(1e-5)))
    return mx.array(found.codes[places]), mel, mx.array(speakers)


def stream_mask(tokens: int, voice: int, piece: int) -> NDArray[np.bool_]:
    """(L, L), True where one token sees another when a stream is made in pieces after `voice` tokens.

    A piece sees itself, as many of the newest tokens before it as the voice has, and the voice's last ones.
    """
    place = np.arange(tokens)
    number = np.where(place < voice, 0, 1 + (place - voice) // piece)
    first = np.where(number == 0, 0, voice + (number - 1) * piece)
    seen = number[None] <= number[:, None]
    near = place[None] >= first[:, None] - max(voice, VOICE_TAIL_TOKENS)
    tail = (place >= voice - VOICE_TAIL_TOKENS) & (place < voice)
    return seen & (near | tail[None])


def bias_of(seen: NDArray[np.bool_], rate: int) -> mx.array:
    """An additive attention bias (1, 1, rate L, rate L)."""
    return mx.where(mx.array(seen.repeat(rate, 0).repeat(rate, 1)), 0.0, -1e9)[None, None]


def conditioning(flow: Flow, tokens: mx.array, biases: tuple[mx.array, mx.array] | None) -> mx.array:
    """As `Flow.conditioning`, with attention biases at 25 and 50 Hz."""
    encoder = flow.encoder
    x = encoder.embed(flow.input_embedding(tokens))
    x, _ = encoder.pre_lookahead_layer(mx.pad(x, [(0, 0), (0, encoder.look_ahead), (0, 0)]))
    for stage, layers in enumerate((encoder.encoders, encoder.up_encoders)):
        if stage == 1:
            x, _ = encoder.up_layer(x)
            x = encoder.up_embed(x)
        positions = encoder._positions.rows(x.shape[1], x.shape[1])
        for layer in layers:
            x, _ = layer(x, positions, None if biases is None else biases[stage])
    return flow.encoder_proj(encoder.after_norm(x))


def velocity(
    flow: Flow, x: mx.array, mu: mx.array, t: mx.array, speaker: mx.array, cond: mx.array, bias: mx.array | None
) -> mx.array:
    """As the estimator's own call, with an attention bias (1, 1, T, T)."""
    estimator = flow.estimator
    speaker = mx.broadcast_to(speaker[:, None], (*x.shape[:2], speaker.shape[-1]))
    hidden = estimator.in_proj(mx.concatenate([x, mu, speaker, cond], axis=-1))
    time = estimator.t_embedder(t)
    for block in estimator.blocks:
        hidden, _, _ = block(hidden, block.modulation(time), bias)
    return estimator.final_layer(hidden, estimator.final_layer.modulation(time))


def flow_loss(
    flow: Flow,
    tokens: mx.array,
    mel: mx.array,
    embedding: mx.array,
    voice_frames: mx.array,
    biases: tuple[mx.array, mx.array] | None,
    seed: mx.array,
) -> tuple[mx.array, mx.array]:
    """Conditional flow matching (arXiv 2210.02747, σ = 1e-6): mean squared error of the velocity, over the part to be
    made and, weighing a quarter, over the voice recording; then the error of the encoder's first guess.

    tokens (B, L), mel (B, 2 L, 80), embedding (B, 192), voice_frames (B,).
    """
    B, T, _ = mel.shape
    keys = mx.random.split(seed, 3)
    noise = mx.random.normal(mel.shape, key=keys[0])
    t = 1 - mx.cos(mx.random.uniform(0, 1, (B,), key=keys[1]) * (0.5 * np.pi))
    at = t[:, None, None]
    x = (1 - (1 - 1e-6) * at) * noise + at * mel
    target = mel - (1 - 1e-6) * noise
    given = (mx.arange(T)[None] < voice_frames[:, None])[..., None]
    kept = (mx.random.uniform(0, 1, (B, 1, 1), key=keys[2]) >= DROPPED).astype(mx.float32)
    guess = conditioning(flow, tokens, biases)
    speaker = flow.speaker(embedding) * kept[:, 0]
    cond = mx.where(given, mel, 0.0) * kept
    made = velocity(flow, x, guess * kept, t, speaker, cond, None if biases is None else biases[1])
    weight = mx.where(given, 0.25, 1.0)
    error = (((made - target) ** 2) * weight).sum() / (weight.sum() * 80)
    return error + 0.02 * ((guess - mel) ** 2).mean(), error


def solved_loss(
    flow: Flow,
    tokens: mx.array,
    mel: mx.array,
    embedding: mx.array,
    voice_frames: mx.array,
    biases: tuple[mx.array, mx.array] | None,
    seed: mx.array,
) -> tuple[mx.array, mx.array]:
    """Mean absolute error of the mel that the Euler steps of a synthesis arrive at, followed back through all of them.

    For one voice that always says a text the same way, its mel is all but given by the tokens. Without guidance what
    the flow makes without conditions is not asked for, and speaking costs half.
    """
    given = (mx.arange(mel.shape[1])[None] < voice_frames[:, None])[..., None]
    guess = conditioning(flow, tokens, biases)
    speaker, cond = flow.speaker(embedding), mx.where(given, mel, 0.0)
    rate, count = flow.config.guidance, FLOW_STEPS
    both = [guess, speaker, cond]
    if rate:
        both = [mx.concatenate([one, mx.zeros_like(one)]) for one in both]
    x, times = mx.random.normal(mel.shape, key=seed), schedule(count)
    bias = None if biases is None else biases[1]
    for index in range(count):
        rows = mx.concatenate([x, x]) if rate else x
        made = velocity(flow, rows, both[0], mx.full((len(rows),), float(times[index])), both[1], both[2], bias)
        if rate:
            toward, free = mx.split(made, 2)
            made = (1 + rate) * toward - rate * free
        x = x + float(times[index + 1] - times[index]) * made
    weight = mx.where(given, 0.0, 1.0)
    error = (mx.abs(x - mel) * weight).sum() / (weight.sum() * 80)
    return error + 0.02 * ((guess - mel) ** 2).mean(), error


def prepared(flow: Flow, mean_mel: mx.array) -> Flow:
    """The flow with the customary start: every block does nothing yet (adaLN-Zero), the output is the mean mel."""
    estimator = flow.estimator
    for layer in [block.adaLN_modulation[1] for block in estimator.blocks] + [
        estimator.final_layer.adaLN_modulation[1],
        estimator.final_layer.linear,
    ]:
        layer.weight = mx.zeros_like(layer.weight)
        layer.bias = mx.zeros_like(layer.bias)
    estimator.final_layer.linear.bias = mean_mel
    flow.encoder_proj.bias = mean_mel
    return flow


def train(found: Corpus, held_out: Corpus, out: Path, options: argparse.Namespace) -> None:
    """Train, writing figures and averaged weights to `out`: in the end the better of what was and what became."""
    mean_mel = found.mel.reshape(-1, 80)[:200_000].astype(mx.float32).mean(axis=0)
    flow = prepared(Flow(CONFIG), mean_mel)
    measured = Log(out / "flow-measured.jsonl")
    before = {}
    if options.resume:
        load(flow, options.resume)
        before = mel_errors(flow, held_out)
        measured.write(when="before", **before)
    plan = Plan(options.steps, options.minutes, options.peak, warm_up=300)
    trainer = Trainer(flow, plan, flow_loss)
    log = Log(out / "flow.jsonl")
    chance = np.random.default_rng(11)
    number, saved = 0, time.monotonic()
    while plan.progress(number) < 1:
        figures, about = one_step(trainer, found, number, chance, options)
        number += 1
        if number % LOG_EVERY == 0:
            loss, error, norm = (round(f.item(), 4) for f in figures)
            log.write(step=number, loss=loss, error=error, norm=norm, **about)
        if time.monotonic() - saved > SAVE_EVERY_S:
            save(trainer.averaged, out / "flow-unfinished.safetensors", mx.float16)
            saved = time.monotonic()
    with_weights(flow, trainer.averaged)
    after = mel_errors(flow, held_out)
    measured.write(when="after", step=number, **after)
    spoken_with = f"mel_error_{FLOW_STEPS}_steps"
    if before and not after[spoken_with] < before[spoken_with]:
        load(flow, options.resume)
    save(flow.trainable_parameters(), out / "flow.safetensors", mx.float16)


def one_step(
    trainer: Trainer, found: Corpus, number: int, chance: np.random.Generator, options: argparse.Namespace
) -> tuple[list[mx.array], dict[str, int]]:
    """One step, each second one as in a stream; returns its figures and what kind of step it was."""
    solved = chance.random() < options.solved
    length = int(chance.choice(LENGTHS[:2] if solved else LENGTHS, p=None if solved else (0.45, 0.4, 0.15)))
    rows = max(1, options.tokens_per_batch // (2 * length if solved else length))
    share = SOLVED_REPLY_SHARE if solved else REPLY_SHARE
    tokens, mel, embedding = sequences(found, length, rows, chance, share)
    voice = int(chance.integers(25, min(250, length // 2 + 1)))
    biases = None
    voices = chance.integers(0, voice + 1, rows) * (chance.random(rows) < 0.85)
    streamed = chance.random() < 0.5
    if streamed:
        seen = stream_mask(length, voice, int(chance.choice(PIECES)))
        biases, voices = (bias_of(seen, 1), bias_of(seen, 2)), np.full(rows, voice)
    if solved and not streamed:
        voices = np.maximum(voices, 25)
    trainer.loss = solved_loss if solved else flow_loss
    frames = mx.array(2 * voices.astype(np.int32))
    figures = trainer.step(tokens, mel, embedding, frames, biases, mx.random.key(number))
    return figures, {"length": length, "streamed": int(streamed), "solved": int(solved)}


def mel_errors(flow: Flow, found: Corpus) -> dict[str, float]:
    """Mean absolute mel error of held-out utterances of the reply voice, spoken after another as the recording.

    With so many steps as it will be spoken with, and with more.
    """
    own = found.voices[REPLY_VOICE][:21]
    noise = mx.random.normal((3000, 80), key=mx.random.key(0))
    number, start, stop = own[0]
    voice = mx.array(found.codes[start:stop]), found.mel[start:stop].reshape(-1, 80).astype(mx.float32)
    errors = {}
    for count in sorted({FLOW_STEPS, 4, 6, 10}):
        total = []
        for _, first, last in own[1:]:
            truth = found.mel[first:last].reshape(-1, 80).astype(mx.float32)
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
    options = parser.parse_args()
    mx.random.seed(6)
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
