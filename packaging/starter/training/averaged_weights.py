"""Writes weights between those a training went on from and those it arrived at.

    python -m starter.training.averaged_weights BEFORE AFTER OUT [--share 0.5] [--language-share 0.5]

What a network learns in addition it partly pays for with what it knew; between both it often does better than either
(arXiv 2109.01903, 2203.05482). Folders hold `weights-*.safetensors`; the speller's head, which a published model does
not have, is left out. OUT is replaced, as a whole or not at all. BEFORE and AFTER may also be one file each, of a flow
or a vocoder; OUT is one then, too.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

SHARD_BYTES = 14_900_000
_ONLY_TRAINED, _LANGUAGE = "letters.", "llm."


def read(folder: Path) -> dict[str, Tensor]:
    """All weights of a folder. Raises FileNotFoundError when there are none."""
    paths = sorted(folder.glob("weights-*.safetensors"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no weights-*.safetensors")
    return {name: weight for path in paths for name, weight in load_file(path).items()}


def write(weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write weights as float16 shards `weights-N.safetensors`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, weight in weights.items():
        stored = weight.detach().half().contiguous().cpu()
        if size + stored.nbytes > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = stored
        size += stored.nbytes
    for number, shard in enumerate(shards):
        unfinished = folder / "unfinished.safetensors"
        save_file(shard, unfinished)
        unfinished.rename(folder / f"weights-{number}.safetensors")


def between(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], share: float, language_share: float | None = None
) -> dict[str, Tensor]:
    """Weights the `share` of the way from one set to the other, the language model's another share where it is given.

    Raises ValueError when names or shapes differ.
    """
    of_language = share if language_share is None else language_share
    first, second = ({n: w for n, w in found.items() if not n.startswith(_ONLY_TRAINED)} for found in (before, after))
    if {name: w.shape for name, w in first.items()} != {name: w.shape for name, w in second.items()}:
        raise ValueError("the two sets of weights are not of the same network")
    shares = {name: of_language if name.startswith(_LANGUAGE) else share for name in first}
    return {name: weight.float().lerp(second[name].float(), shares[name]) for name, weight in first.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("before", "after", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="0 is before, 1 is after")
    parser.add_argument("--language-share", type=float, help="of the language model, where it is another")
    options = parser.parse_args()
    shares = options.share, options.language_share
    unfinished = options.out.with_name(f"{options.out.name}-unfinished")
    if options.before.is_file():
        found = between(load_file(options.before), load_file(options.after), *shares)
        save_file({name: weight.half().contiguous() for name, weight in found.items()}, unfinished)
        unfinished.replace(options.out)
        return
    write(between(read(options.before), read(options.after), *shares), unfinished)
    shutil.rmtree(options.out, ignore_errors=True)
    unfinished.rename(options.out)


if __name__ == "__main__":
    main()
