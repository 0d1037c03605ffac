"""Makes the starter model again from nothing but this repository: `make starter`.

    python -m starter.training.train [--work build/starter] [--out resources/starter] [--scale 1.0]

Needs a GPU that MLX and PyTorch know (CUDA or Apple), flite, espeak-ng and some 60 GB of disk. Each step leaves its
results in the work folder and is skipped once it has ended well. The minutes are those of one H200; `--scale` stretches
them all, and below 1 less speech is made and batches are smaller too: 0.01 shows in ten minutes on two processor cores
without a GPU that all of it works, with a model that has learned nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from starter.speech.natural_voices import NAMES
from starter.training.go_on import MIX
from starter.training.programs import ROOT, environment_of_programs

UTTERANCES, HOURS, LEAST_HOURS, CHECKED = 450_000, 8.0, 0.02, 100
NATURAL_HOURS = 120
REPLIES, REPLIES_FIRST = 110_000, 50_000  # how many, and the number of their first shard
HEARD_HOURS = 300  # of so many utterances and the own voice


@dataclass(frozen=True)
class Step:
    """A module, named as in `training.train_flow`, and its arguments; `minutes` are appended where it is a training."""

    program: str
    arguments: tuple[str, ...]
    minutes: float = 0.0


def steps(work: Path, model: Path, natural: Path, amount: float = 1.0, compiled: bool = False) -> list[Step]:
    """Everything in order: sentences and sounds, the voice, ear and language, the voice by ear, the folder `model`.

    `natural` is the folder with Kokoro's network. `amount` is the share of the speech that is made, `compiled` whether
    PyTorch compiles what it trains.
    """

    def sized(whole: int, least: int) -> str:
        return str(max(least, round(amount * whole)))

    lines, corpus, weights = work / "lines", work / "corpus", work / "weights"
    tokenizer, speaker = weights / "tokenizer.safetensors", weights / "speaker.safetensors"
    flow, vocoder = weights / "flow.safetensors", weights / "vocoder.safetensors"
    heard, mels, voice = weights / "language", work / "mels", work / "token2wav"
    together = weights / "together"  # flow and vocoder, once an ear can judge them
    half, networks = (str(lines), str(weights)), ("--tokenizer", str(tokenizer), "--speaker", str(speaker))
    made = (str(lines), str(mels), "--flow", str(flow), "--voices", str(weights))
    utterances, hours = round(amount * UTTERANCES), max(LEAST_HOURS, amount * HOURS)
    built_in = [str(voice / "voices" / f"{name}.safetensors") for name in NAMES.values()]
    own = ("--flow", str(flow), "--vocoder", str(vocoder), "--voice", *built_in)
    voices = ("--flow", str(flow), "--vocoder", str(vocoder), "--ear", str(heard), "--voices", str(voice / "voices"))
    voices += ("--tokens-per-batch", sized(8000, 800), "--rows", sized(48, 4))
    heard_hours = ("--hours", f"{max(0.01, amount * NATURAL_HOURS):g}")
    said = ("--count", sized(REPLIES, 20), "--first", str(REPLIES_FIRST))
    batch = ("--tokens", sized(65_536, 2048), "--seconds", sized(2400, 60))
    room = ("--most-hours", f"{max(LEAST_HOURS, amount * HEARD_HOURS):g}")
    language = (*batch, *room, "--utterances", str(utterances), "--mix", *MIX, "--workers", "10")
    return [
        Step("texts.text_tokenizer", (str(work),)),
        Step("speech.natural_lines", (str(lines), *network_of(natural), "--hours", f"{hours:g}")),
        Step("training.train_tokenizer", (*half, "--tokens-per-batch", sized(4096, 400)), 5),
        Step("training.train_speaker", half, 2),
        Step("training.train_flow", (*half, *networks, "--tokens-per-batch", sized(12_000, 1600)), 12),
        Step("training.made_mels", made),
        Step("training.train_vocoder", (*half, "--made", str(mels)), 20),
        Step("training.export_voice", (str(weights), str(voice), *network_of(natural))),
        Step("speech.spoken_corpus", (str(corpus), "--utterances", str(utterances), "--heard", "0.3", "--no-replies")),
        Step(
            "speech.natural_speech", (str(corpus), *network_of(natural), "--utterances", str(utterances), *heard_hours)
        ),
        Step("speech.natural_replies", (str(corpus), *network_of(natural), "--utterances", str(utterances), *said)),
        Step("training.label_speech", (str(corpus), "--speech-tokenizer", str(tokenizer))),
        Step("training.own_voice", (str(corpus), *own)),
        Step(
            "training.train_language",
            (
                *(str(corpus), str(heard), "--tokenizer", str(work), *language, "--checked", str(CHECKED)),
                *(("--compile",) if compiled else ()),
            ),
            45,
        ),
        Step("training.train_speaking", (str(lines), str(together), *networks, *voices), 15),
        Step("training.export_voice", (str(together), str(voice), *network_of(natural))),
        Step("training.assemble", (str(heard), str(work), str(voice), str(model))),
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
    command: Sequence[str] = (sys.executable, "-m", f"starter.{step.program}", *step.arguments, *minutes)
    subprocess.run(command, check=True, env=environment_of_programs())


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
        mark = done / f"{number:02} {step.program}"
        if mark.exists() and step.program != "training.assemble":
            print(f"{step.program}: done before")
            continue
        print(f"{step.program} …", flush=True)
        run(step, options.scale)
        mark.write_text("")


if __name__ == "__main__":
    main()
