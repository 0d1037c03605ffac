"""Lets a language model that knows one speech tokenizer's tokens begin with another's.

    python -m starter.training.translate_tokens CORPUS --old tokenizer.safetensors --store PAIRS.npz
    python -m starter.training.translate_tokens WEIGHTS OUT --tokenizer FOLDER --pairs PAIRS.npz

First the old tokenizer hears some of the replies that the new one has labelled: pairs of tokens for the same moment.
Then the embedding of each new token becomes the mean of those of the old tokens that were heard in its place.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from engine.language import Vocabulary
from starter.networks.torch_tokenizer import TokenLabels
from starter.speech.spoken_corpus import BLOCK, labelled, said_shards
from starter.speech.torch_device import best_device
from starter.training.averaged_weights import read, write

TABLE = "llm.model.embed_tokens.weight"
_TOGETHER = 384
_SHARDS = 60  # enough to know each token by


def pairs(corpus: Path, old: TokenLabels) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Tokens (N,) of the old tokenizer and of the new one for the same moments of some shards."""
    found: list[tuple[NDArray[np.int16], NDArray[np.int16]]] = []
    labels = (corpus / f"{path.stem}.codes.npy" for path in said_shards(corpus))
    for path in [path for path in labels if path.exists()][:_SHARDS]:
        name = path.name.split(".")[0]
        samples = np.load(corpus / f"{name}.npy", mmap_mode="r")
        said = [(entry, codes) for entry, codes in labelled(corpus, name) if codes is not None]
        said.sort(key=lambda one: one[0]["samples"])
        for start in range(0, len(said), _TOGETHER):
            group = said[start : start + _TOGETHER]
            sounds = [samples[e["block"] * BLOCK : e["block"] * BLOCK + e["samples"]] for e, _ in group]
            found += zip(old.codes(sounds), (codes for _, codes in group), strict=True)
    before, after = zip(*found, strict=True)
    return np.concatenate(before), np.concatenate(after)


def translated(table: Tensor, before: NDArray[np.int16], after: NDArray[np.int16]) -> Tensor:
    """Embeddings (K, D) of the new tokens from those of the old ones; what never came is the mean of all."""
    size = len(table)
    known = (before >= 0) & (before < size) & (after >= 0) & (after < size)
    old, new = (torch.from_numpy(codes[known].astype(np.int64)) for codes in (before, after))
    counts = torch.bincount(new, minlength=size)[:, None]
    sums = torch.zeros(table.shape).index_add_(0, new, table.float()[old])
    heard_mean = sums.sum(0) / counts.sum().clamp(min=1)
    # A token that hardly came is drawn to the mean, too.
    return (sums + heard_mean) / (counts + 1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the corpus, or the weights to go on from")
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--old", type=Path, help="the tokenizer that the language model knows")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="folder of the text tokenizer")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    if options.store:
        old = TokenLabels(load_file(options.old), torch.device(options.device))
        before, after = pairs(options.folder, old)
        np.savez_compressed(options.store, old=before, new=after)
        print(f"{len(before)} pairs")
        return
    speech = Vocabulary.load(options.tokenizer).speech
    weights = read(options.folder)
    with np.load(options.pairs) as found:
        table = weights[TABLE].clone()
        table[speech.start : speech.stop] = translated(
            table[speech.start : speech.stop], found["old"], found["new"]
        ).to(table.dtype)
    write(weights | {TABLE: table}, options.out)


if __name__ == "__main__":
    main()
