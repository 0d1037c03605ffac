"""Writes the speech tokens of a spoken corpus's replies beside its shards, while they are still being spoken.

    python -m starter.training.label_speech CORPUS --speech-tokenizer tokenizer.safetensors

NAME.codes.npy (int16) holds the tokens of the replies in NAME.json, end to end; ends when all shards are labelled.
Where natural voices say replies beside `spoken_corpus.py`, `--ends-with enough` waits for them too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from starter.networks.torch_tokenizer import TokenLabels
from starter.speech.spoken_corpus import BLOCK, said_shards, save_codes
from starter.speech.torch_device import best_device

_TOGETHER = 384
_SHARDS_AT_ONCE = 24


def unlabelled(folder: Path) -> list[Path]:
    """The shards that wait for their speech tokens."""
    labelled = {path.name.split(".")[0] for path in folder.glob("*.codes.npy")}
    return [path for path in said_shards(folder) if path.stem not in labelled]


def label(tokenizer: TokenLabels, paths: Sequence[Path]) -> None:
    """Write the speech tokens of these shards' replies, made in large batches of like length."""
    sounds: list[NDArray[np.int16]] = []
    counts = []
    for path in paths:
        shard = np.load(path.with_suffix(".npy"), mmap_mode="r")
        replies = [entry for entry in json.loads(path.read_text()) if entry["kind"] == "reply"]
        sounds += [shard[e["block"] * BLOCK : e["block"] * BLOCK + e["samples"]] for e in replies]
        counts.append(len(replies))
    codes: list[NDArray[np.int16]] = [np.zeros(0, dtype=np.int16)] * len(sounds)
    order = sorted(range(len(sounds)), key=lambda i: len(sounds[i]))
    for start in range(0, len(order), _TOGETHER):
        group = order[start : start + _TOGETHER]
        for i, made in zip(group, tokenizer.codes([sounds[i] for i in group]), strict=True):
            codes[i] = made
    first = 0
    for path, count in zip(paths, counts, strict=True):
        save_codes(path.parent, path.stem, codes[first : first + count])
        first += count


def main() -> None:
    """Label until everything is spoken and labelled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--speech-tokenizer", type=Path, required=True)
    parser.add_argument("--ends-with", default="finished", help="the file of CORPUS that says that all is spoken")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    tokenizer = TokenLabels(load_file(options.speech_tokenizer), torch.device(options.device))
    (options.corpus / "labelled").unlink(missing_ok=True)  # of an earlier run
    done = False
    while not done:
        done = (
            options.corpus / options.ends_with
        ).exists()  # looked at first: what was spoken until then is labelled below
        while waiting := unlabelled(options.corpus):
            label(tokenizer, waiting[:_SHARDS_AT_ONCE])
        time.sleep(0.5)
    (options.corpus / "labelled").write_text("")


if __name__ == "__main__":
    main()
