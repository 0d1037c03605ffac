"""Mel as the flow makes it of recordings' speech tokens, for batches: what the vocoder gets to hear in the end.

    python -m starter.training.made_mels LINES OUT --flow F --voices FOLDER [--minutes 10]

LINES is what `natural_lines.py` writes. Frame for frame a mel lies on the recording, so that the vocoder can learn to
make the recording's sound of it. OUT gets a NUMBER.made.npz for every shard, with the mels of the built-in voices by
their utterances' names; FOLDER holds these voices, as `train_flow.py` writes them, and its tokenizer. For as many
minutes as are given, everything is made anew as often as the flow is.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import numpy as np  # isort: skip
import torch
from safetensors.torch import load_file

from engine.speaking.voice import Voice
from starter.networks.torch_tokenizer import TokenLabels
from starter.networks.torch_voice import OwnVoice
from starter.speech.natural_lines import VOICES
from starter.speech.natural_voices import BUILT_IN
from starter.speech.shards import Shards, Utterance
from starter.speech.torch_device import best_device

MOST_SHARDS = 60  # the held-out one among them


def make(speaking: dict[str, OwnVoice], tokenizer: TokenLabels, shard: list[Utterance], out: Path) -> None:
    """Write the mels of one shard: both voices speak the tokens of the sound whose voice replies have."""
    name = shard[0].name.split("-")[0]
    tokens = [codes.astype(np.int32) for codes in tokenizer.codes([u.samples_16k for u in shard[::VOICES]])]
    made = {}
    for place, who in enumerate(BUILT_IN):
        mels = speaking[who].mels(tokens, seed=int(name))
        made |= {u.name: mel.astype(np.float16) for u, mel in zip(shard[place::VOICES], mels, strict=True)}
    unfinished = out / f"unfinished-{name}.npz"
    np.savez(unfinished, **made)
    unfinished.rename(out / f"{name}.made.npz")


def by_shard(utterances: list[Utterance]) -> list[list[Utterance]]:
    """The utterances of each shard."""
    found: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        found.setdefault(utterance.name.split("-")[0], []).append(utterance)
    return list(found.values())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path)
    parser.add_argument("out", type=Path)
    for name in ("--flow", "--voices"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    device, began, known = torch.device(options.device), time.monotonic(), 0.0
    tokenizer = TokenLabels(load_file(options.voices / "tokenizer.safetensors"), device)
    shards = Shards(options.lines)
    while not known or time.monotonic() - began < 60 * options.minutes:
        if not options.flow.exists() or options.flow.stat().st_mtime == known:
            time.sleep(1.0)
            continue
        known = options.flow.stat().st_mtime
        recorded = {name: Voice.load(options.voices / f"{name}.safetensors") for name in BUILT_IN}
        speaking = {name: OwnVoice(options.flow, None, voice, device, options.rows) for name, voice in recorded.items()}
        shards.refresh()
        everything = by_shard(shards.measuring) + by_shard(shards.training)
        for shard in everything[:MOST_SHARDS]:
            make(speaking, tokenizer, shard, options.out)
        count = len(everything[:MOST_SHARDS])
        print(f"made the mels of {count} shards, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
