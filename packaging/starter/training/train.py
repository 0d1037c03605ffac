"""Makes the starter model from nothing but this repository and Kokoro's voices: `make starter`.

    python -m starter.training.train --natural FOLDER [--work build/starter] [--out FOLDER] [--scale 1.0]

Needs flite, espeak-ng, some 60 GB of disk and, at its full length, a GPU that MLX and PyTorch know (CUDA or Apple).
Each step leaves its results in the work folder and is skipped once it has ended well. The minutes are those of one
H200; `--scale` stretches them all, and below 1 less speech is made and batches are smaller too. However short, every
step does something, and every training makes a step: `--scale 0.0001` shows without a GPU that all of it works, with a
model that has learned nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from starter.speech.natural_voices import NAMES
from starter.training.go_on import MIX
from starter.training.programs import ROOT, environment_of_programs, natural_network

UTTERANCES, CHECKED = 450_000, 100
HOURS, NATURAL_HOURS = 8.0, 120
REPLIES, REPLIES_FIRST = 110_000, 50_000  # how many, and the number of their first shard
VOICE_HOURS, HEARD_HOURS = 40, 300  # that there is room for: all voices together; utterances and the own voice
ROOMS = 4096
AGAIN = ("training.assemble", "checks.try_model")  # steps that are done every time


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

    def hours(whole: float, least: float) -> str:
        return f"{max(least, amount * whole):g}"

    lines, corpus, weights = work / "lines", work / "corpus", work / "weights"
    tokenizer, speaker = weights / "tokenizer.safetensors", weights / "speaker.safetensors"
    flow, vocoder = weights / "flow.safetensors", weights / "vocoder.safetensors"
    heard, mels, voice = weights / "language", work / "mels", work / "token2wav"
    together = weights / "together"  # flow and vocoder, once an ear can judge them
    half, networks = (str(lines), str(weights)), ("--tokenizer", str(tokenizer), "--speaker", str(speaker))
    room = ("--most-hours", hours(VOICE_HOURS, 0.2))
    made = (str(lines), str(mels), "--flow", str(flow), "--voices", str(weights), "--rows", sized(32, 4))
    built_in = [str(voice / "voices" / f"{name}.safetensors") for name in NAMES.values()]
    own = ("--flow", str(flow), "--vocoder", str(vocoder), "--rows", sized(32, 4), "--voice", *built_in)
    voices = ("--flow", str(flow), "--vocoder", str(vocoder), "--ear", str(heard), "--voices", str(voice / "voices"))
    voices += ("--tokens-per-batch", sized(8000, 800), "--rows", sized(48, 4), *room)
    of_corpus = ("--utterances", sized(UTTERANCES, 200))
    rounds = ("--round", sized(12_000, 8), "--first-round", sized(3000, 8))
    said = ("--count", sized(REPLIES, 8), "--first", str(REPLIES_FIRST))
    batch = ("--tokens", sized(65_536, 2048), "--seconds", sized(2400, 60))
    language = (*batch, "--most-hours", hours(HEARD_HOURS, 0.5), *of_corpus, "--mix", *MIX)
    language += ("--workers", str(min(10, os.cpu_count() or 1)), "--rooms", sized(ROOMS, 64))
    language += ("--checked", sized(CHECKED, 4), *(("--compile",) if compiled else ()))
    network = natural_network(natural)
    sentences = ("--sentences", sized(50, 3), "--first-round", sized(300, 12))
    return [
        Step("texts.text_tokenizer", (str(work),)),
        Step("speech.natural_lines", (str(lines), *network, "--hours", hours(HOURS, 0.008), *sentences)),
        Step("training.train_tokenizer", (*half, *room, "--tokens-per-batch", sized(4096, 400)), 5),
        Step("training.train_speaker", (*half, "--rows", sized(128, 8)), 2),
        Step("training.train_flow", (*half, *networks, *room, "--tokens-per-batch", sized(12_000, 1600)), 12),
        Step("training.made_mels", made),
        Step("training.train_vocoder", (*half, "--made", str(mels), "--rows", sized(64, 4)), 20),
        Step("training.export_voice", (str(weights), str(voice), *network)),
        Step("speech.spoken_corpus", (str(corpus), *of_corpus, "--heard", "0.3", "--no-replies")),
        Step(
            "speech.natural_speech",
            (str(corpus), *network, *of_corpus, "--hours", hours(NATURAL_HOURS, 0.004), *rounds),
        ),
        Step("speech.natural_replies", (str(corpus), *network, *of_corpus, *said)),
        Step("training.label_speech", (str(corpus), "--speech-tokenizer", str(tokenizer))),
        Step("training.own_voice", (str(corpus), *own)),
        Step("training.train_language", (str(corpus), str(heard), "--tokenizer", str(work), *language), 45),
        Step("training.train_speaking", (str(lines), str(together), *networks, *voices), 15),
        Step("training.export_voice", (str(together), str(voice), *network)),
        Step("training.assemble", (str(heard), str(work), str(voice), str(model))),
        Step("checks.try_model", (str(model),)),
    ]


def run(step: Step, scale: float) -> None:
    """Run one step with this repository on the path. Raises CalledProcessError when it fails."""
    minutes = ("--minutes", f"{step.minutes * scale:g}") if step.minutes else ()
    command: Sequence[str] = (sys.executable, "-m", f"starter.{step.program}", *step.arguments, *minutes)
    subprocess.run(command, check=True, env=environment_of_programs())


def keep_scale(work: Path, scale: float) -> None:
    """Note how long the steps in this folder are. Raises SystemExit where those done before were of another length."""
    note = work / "scale"
    if note.exists() and float(note.read_text()) != scale:
        raise SystemExit(f"{work} was begun with --scale {note.read_text()}: go on with it, or name another folder.")
    note.write_text(f"{scale:g}")


def main() -> None:
    """Run what is not done yet; the model's folder is put together and tried every time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "starter", help="for what the steps make")
    parser.add_argument("--scale", type=float, default=1.0, help="length of the whole training, 1 as described above")
    parser.add_argument(
        "--natural", type=Path, required=True, help="folder with natural voices, see packaging/starter/README.md"
    )
    parser.add_argument("--out", type=Path, help="the model's folder, else WORK/model")
    options = parser.parse_args()
    work, done = options.work.resolve(), options.work / "done"
    for folder in (work, work / "weights", done):
        folder.mkdir(parents=True, exist_ok=True)
    keep_scale(work, options.scale)
    model = (options.out or work / "model").resolve()
    everything = steps(work, model, options.natural.resolve(), min(1.0, options.scale), torch.cuda.is_available())
    for number, step in enumerate(everything):
        mark = done / f"{number:02} {step.program}"
        if mark.exists() and step.program not in AGAIN:
            print(f"{step.program}: done before")
            continue
        print(f"{step.program} …", flush=True)
        began = time.monotonic()
        run(step, options.scale)
        print(f"{step.program}: {time.monotonic() - began:.0f} s", flush=True)
        mark.write_text("")


if __name__ == "__main__":
    main()
