"""Makes the starter model again from nothing but this repository: `make starter`.

    python packaging/starter/train.py [--work build/starter] [--out resources/starter] [--scale 1.0]

Needs a GPU that MLX and PyTorch know (CUDA or Apple), flite, espeak-ng and some 60 GB of disk. Each step leaves its
results in the work folder and is skipped once it has ended well. The minutes are those of one H200; `--scale` stretches
them all, and below 1 less speech is made and batches are smaller too: 0.01 shows in ten minutes on two processor cores
without a GPU that all of it works, with a model that has learned nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from go_on import MIX
from natural_voices import NAMES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
UTTERANCES, HOURS, LEAST_HOURS, CHECKED = 450_000, 8.0, 0.02, 100
NATURAL_HOURS = 120
REPLIES, REPLIES_FIRST = 110_000, 50_000  # how many, and the number of their first shard
HEARD_HOURS = 300  # of so many utterances and the own voice


@dataclass(frozen=True)
class Step:
    """A script and its arguments; `minutes` are appended where it is a training."""

    script: str
    arguments: tuple[str, ...]
    minutes: float = 0.0


def steps(work: Path, model: Path, natural: Path, amount: float = 1.0, compiled: bool = False) -> list[Step]:
    """Everything in order: sentences and sounds, the voice, ear and language, and the folder `model`.

    `natural` is the folder with Kokoro's network. `amount` is the share of the speech that is made, `compiled` whether
    PyTorch compiles what it trains.
    """

    def sized(whole: int, least: int) -> str:
        return str(max(least, round(amount * whole)))

    lines, corpus, weights = work / "lines", work / "corpus", work / "weights"
    tokenizer, speaker = weights / "tokenizer.safetensors", weights / "speaker.safetensors"
    flow, vocoder = weights / "flow.safetensors", weights / "vocoder.safetensors"
    heard, mels, voice = weights / "language", work / "mels", work / "token2wav"
    half, networks = (str(lines), str(weights)), ("--tokenizer", str(tokenizer), "--speaker", str(speaker))
    made = (str(lines), str(mels), "--flow", str(flow), "--voices", str(weights))
    utterances, hours = round(amount * UTTERANCES), max(LEAST_HOURS, amount * HOURS)
    built_in = [str(voice / "voices" / f"{name}.safetensors") for name in NAMES.values()]
    own = ("--flow", str(flow), "--vocoder", str(vocoder), "--voice", *built_in)
    heard_hours = ("--hours", f"{max(0.01, amount * NATURAL_HOURS):g}")
    said = ("--count", sized(REPLIES, 20), "--first", str(REPLIES_FIRST))
    batch = ("--tokens", sized(65_536, 2048), "--seconds", sized(2400, 60))
    room = ("--most-hours", f"{max(LEAST_HOURS, amount * HEARD_HOURS):g}")
    language = (*batch, *room, "--utterances", str(utterances), "--mix", *MIX, "--workers", "10")
    return [
        Step("text_tokenizer.py", (str(work),)),
        Step("natural_lines.py", (str(lines), *network_of(natural), "--hours", f"{hours:g}")),
        Step("train_tokenizer.py", (*half, "--tokens-per-batch", sized(4096, 400)), 5),
        Step("train_speaker.py", half, 2),
        Step("train_flow.py", (*half, *networks, "--tokens-per-batch", sized(12_000, 1600)), 12),
        Step("made_mels.py", made),
        Step("train_vocoder.py", (*half, "--made", str(mels)), 20),
        Step("export_voice.py", (str(weights), str(voice), *network_of(natural))),
        Step("spoken_corpus.py", (str(corpus), "--utterances", str(utterances), "--heard", "0.3", "--no-replies")),
        Step("natural_speech.py", (str(corpus), *network_of(natural), "--utterances", str(utterances), *heard_hours)),
        Step("natural_replies.py", (str(corpus), *network_of(natural), "--utterances", str(utterances), *said)),
        Step("label_speech.py", (str(corpus), "--speech-tokenizer", str(tokenizer))),
        Step("own_voice.py", (str(corpus), *own)),
        Step(
            "train_language.py",
            (
                *(str(corpus), str(heard), "--tokenizer", str(work), *language, "--checked", str(CHECKED)),
                *(("--compile",) if compiled else ()),
            ),
            45,
        ),
        Step("assemble.py", (str(heard), str(work), str(voice), str(model))),
    ]


def network_of(natural: Path) -> tuple[str, ...]:
    """Where the network of natural voices is, as arguments; see this folder's README for what `natural` has to hold."""
    return (
        *("--weights", str(natural / "kokoro.npz"), "--voices", str(natural / "voices")),
        *("--vocab", str(natural / "vocab.json")),
    )


def run(step: Step, scale: float) -> None:
    """Run one step with this repository on the path. Raises CalledProcessError when it fails."""
    minutes = ("--minutes", f"{step.minutes * scale:g}") if step.minutes else ()
    path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    command: Sequence[str] = (sys.executable, str(HERE / step.script), *step.arguments, *minutes)
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path})


def main() -> None:
    """Run what is not done yet; the folder is put together every time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "starter")
    parser.add_argument("--scale", type=float, default=1.0, help="stretch of all training times")
    parser.add_argument(
        "--natural", type=Path, required=True, help="folder with natural voices, see packaging/starter/README.md"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "starter", help="the model's folder")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    done = options.work / "done"
    for folder in (options.work / "weights", done):
        folder.mkdir(exist_ok=True)
    amount, compiled = min(1.0, options.scale), torch.cuda.is_available()
    for number, step in enumerate(
        steps(options.work.resolve(), options.out.resolve(), options.natural.resolve(), amount, compiled)
    ):
        mark = done / f"{number:02} {step.script}"
        if mark.exists() and step.script != "assemble.py":
            print(f"{step.script}: done before")
            continue
        print(f"{step.script} …", flush=True)
        run(step, options.scale)
        mark.write_text("")


if __name__ == "__main__":
    main()
