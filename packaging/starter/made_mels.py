"""Mel as the flow makes it of a recording's speech tokens, for batches: what the vocoder gets to hear in the end.

    python packaging/starter/made_mels.py SHARDS OUT --flow F --tokenizer T (--voice V | --speaker S)

Frame for frame it lies on the recording, so that the vocoder can learn to make the recording's sound of it. OUT gets
a NUMBER.made.npz for every shard that is there, with the mels of the reply voice by their utterances' names. The voice
is a file of the engine's, or the first held-out recording with the speaker network's opinion of it.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import numpy as np
import torch
from flow_pieces import CACHE_BYTES, REPLY_VOICE
from numpy.typing import NDArray
from sound_features import fbank, log_mel, speech_mel
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from torch_device import best_device
from torch_voice import OwnVoice
from training import Shards, Utterance, load

from engine.speaking.voice import Voice


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
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mx.set_cache_limit(CACHE_BYTES)
    tokenizer = SpeechTokenizer(TokenizerConfig())
    load(tokenizer, options.tokenizer)
    shards = Shards(options.shards)
    shards.refresh()
    everything = [u for u in (*shards.measuring, *shards.training) if u.speaker == REPLY_VOICE]
    voice = Voice.load(options.voice) if options.voice else voice_of(everything[0], tokenizer, options.speaker)
    speaking = OwnVoice(options.flow, None, voice, torch.device(options.device), options.rows)
    for number, group in groupby(everything, key=lambda u: u.name.split("-")[0]):
        own = list(group)
        tokens = [speech_tokens(tokenizer, u) for u in own]
        made = speaking.mels(tokens, seed=int(number))
        unfinished = options.out / f"unfinished-{number}.npz"
        np.savez(unfinished, **{u.name: mel.astype(np.float16) for u, mel in zip(own, made, strict=True)})
        unfinished.rename(options.out / f"{number}.made.npz")
    print(f"made the mels of {len(everything)} utterances", flush=True)


if __name__ == "__main__":
    main()
