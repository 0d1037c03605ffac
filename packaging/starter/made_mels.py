"""Mel as the flow makes it of a recording's speech tokens, for batches: what the vocoder gets to hear in the end.

    python packaging/starter/made_mels.py SHARDS OUT --flow F --tokenizer T (--voice V | --speaker S)

Frame for frame it lies on the recording, so that the vocoder can learn to make the recording's sound of it. OUT gets
a NUMBER.made.npz for every shard that is there, with the mels of the reply voice by their utterances' names. The voice
is a file of the engine's, or the first held-out recording with the speaker network's opinion of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import mlx.core as mx
import numpy as np
from flow_pieces import CACHE_BYTES, CONFIG, REPLY_VOICE, bias_of, conditioning, stream_mask, velocity
from network_sizes import FLOW_STEPS
from numpy.typing import NDArray
from sound_features import fbank, log_mel, speech_mel
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from training import Shards, Utterance, load

from engine.speaking.flow import Flow, schedule
from engine.speaking.voice import Voice

LENGTH = 400
PIECE = 25


def made_mels(
    flow: Flow, voice: Voice, tokens: Sequence[NDArray[np.int32]], steps: int, seed: int, rows: int = 32
) -> list[NDArray[np.float32]]:
    """Mel (2 T, 80) of each of the token sequences (T,), made as in a stream: several in one row, after the voice.

    A sequence longer than LENGTH makes the rows of all it is computed with as long as itself.
    """
    mx.random.seed(seed)
    packed = in_rows([len(sequence) for sequence in tokens])
    given = len(voice.speech_tokens)
    found: list[NDArray[np.float32]] = [np.zeros((0, 80), np.float32)] * len(tokens)
    for start in range(0, len(packed), rows):
        group = packed[start : start + rows]
        room = max(LENGTH, *(sum(len(tokens[number]) for number in members) for members in group))
        seen = stream_mask(given + room, given, PIECE)
        biases = bias_of(seen, 1), bias_of(seen, 2)
        table = np.zeros((len(group), given + room), np.int32)
        table[:, :given] = voice.speech_tokens
        for row, members in enumerate(group):
            joined = np.concatenate([tokens[number] for number in members])
            table[row, given : given + len(joined)] = joined
        mel = np.array(_solved(flow, voice, mx.array(table), biases, steps))[:, 2 * given :]
        for row, members in enumerate(group):
            place = 0
            for number in members:
                length = 2 * len(tokens[number])
                found[number] = mel[row, place : place + length]
                place += length
    return found


def in_rows(lengths: Sequence[int]) -> list[list[int]]:
    """Which sequences share a row: as many, one after the other, as LENGTH has room for, and one at least."""
    rows: list[list[int]] = []
    free = 0
    for number, length in enumerate(lengths):
        if not rows or length > free:
            rows.append([])
            free = LENGTH
        rows[-1].append(number)
        free -= length
    return rows


def _solved(flow: Flow, voice: Voice, tokens: mx.array, biases: tuple[mx.array, mx.array], steps: int) -> mx.array:
    """Euler steps for tokens (B, L) that begin with the voice's: mel (B, 2 L, 80)."""
    guess = conditioning(flow, tokens, biases)
    B, T, _ = guess.shape
    cond = mx.pad(mx.array(voice.mel), [(0, T - len(voice.mel)), (0, 0)])[None]
    cond = mx.broadcast_to(cond, guess.shape)
    speaker = mx.broadcast_to(flow.speaker(mx.array(voice.embedding))[None], (B, 80))
    x, rate, times = mx.random.normal(guess.shape), flow.config.guidance, schedule(steps)
    for index in range(steps):
        t = mx.full((B,), float(times[index]))
        toward = velocity(flow, x, guess, t, speaker, cond, biases[1])
        if rate:
            free = velocity(flow, x, mx.zeros_like(guess), t, mx.zeros_like(speaker), mx.zeros_like(cond), biases[1])
            toward = (1 + rate) * toward - rate * free
        x = x + float(times[index + 1] - times[index]) * toward
        mx.eval(x)
    return x


def speech_tokens(tokenizer: SpeechTokenizer, utterance: Utterance) -> NDArray[np.int32]:
    """Speech tokens (T,) of an utterance."""
    samples = mx.array(utterance.samples_16k.astype(np.float32) / 32768.0)[None]
    return np.array(tokenizer.codes(log_mel(samples)))[0][: utterance.tokens]


def voice_of(utterance: Utterance, tokenizer: SpeechTokenizer, speaker_weights: Path) -> Voice:
    """The voice that an utterance is a recording of."""
    speaker = SpeakerNetwork()
    load(speaker, speaker_weights)
    both = utterance.samples_16k, utterance.samples_24k
    at_16k, at_24k = (mx.array(samples.astype(np.float32) / 32768.0)[None] for samples in both)
    mel = np.array(speech_mel(at_24k))[0, : 2 * utterance.tokens]
    embedding = np.array(speaker(fbank(at_16k)))[0]
    return Voice("reply", speech_tokens(tokenizer, utterance), embedding, mel)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    for name in ("--flow", "--tokenizer"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--voice", type=Path)
    given.add_argument("--speaker", type=Path)
    parser.add_argument("--rows", type=int, default=32)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mx.set_cache_limit(CACHE_BYTES)
    flow, tokenizer = Flow(CONFIG), SpeechTokenizer(TokenizerConfig())
    load(flow, options.flow)
    load(tokenizer, options.tokenizer)
    shards = Shards(options.shards)
    shards.refresh()
    everything = [u for u in (*shards.measuring, *shards.training) if u.speaker == REPLY_VOICE]
    voice = Voice.load(options.voice) if options.voice else voice_of(everything[0], tokenizer, options.speaker)
    for number, group in groupby(everything, key=lambda u: u.name.split("-")[0]):
        own = list(group)
        tokens = [speech_tokens(tokenizer, u) for u in own]
        made = made_mels(flow, voice, tokens, FLOW_STEPS, seed=int(number), rows=options.rows)
        unfinished = options.out / f"unfinished-{number}.npz"
        np.savez(unfinished, **{u.name: mel.astype(np.float16) for u, mel in zip(own, made, strict=True)})
        unfinished.rename(options.out / f"{number}.made.npz")
    print(f"made the mels of {len(everything)} utterances", flush=True)


if __name__ == "__main__":
    main()
