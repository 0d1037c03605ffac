"""Makes the starter model again from nothing but this repository: `make starter`.

    python packaging/starter/train.py [--work build/starter] [--scale 1.0]

Needs a GPU that MLX and PyTorch know (CUDA or Apple), flite, espeak-ng and some 60 GB of disk. Each step leaves its
results in the work folder and is skipped when they are there. The minutes are those of one H200; `--scale` stretches
them all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_CONVERSATIONS = ("--pool", "160000")  # as many as spoken_corpus.py makes for so many utterances


@dataclass(frozen=True)
class Step:
    """A script, its arguments, and the file that shows it is done. `minutes` is appended where it is a training."""

    script: str
    arguments: tuple[str, ...]
    result: Path
    minutes: float = 0.0


def steps(work: Path) -> list[Step]:
    """Everything in order: sentences and sounds, the voice, ear and language, and the folder."""
    sounds, corpus, weights = work / "sounds", work / "corpus", work / "weights"
    tokenizer, speaker = weights / "tokenizer.safetensors", weights / "speaker.safetensors"
    heard, mels = weights / "language", work / "mels"
    voice, model = work / "token2wav", ROOT / "resources" / "starter"
    half = (str(sounds), str(weights))
    return [
        Step("text_tokenizer.py", (str(work),), work / "tokenizer.json"),
        Step("speaking_data.py", (str(sounds), "--hours", "10"), sounds / "finished"),
        Step("train_tokenizer.py", half, tokenizer, 4),
        Step("train_speaker.py", half, speaker, 2),
        Step(
            "train_flow.py",
            (*half, "--tokenizer", str(tokenizer), "--speaker", str(speaker), "--solved", "0.3"),
            weights / "flow.safetensors",
            12,
        ),
        Step(
            "made_mels.py",
            (
                *(str(sounds), str(mels), "--flow", str(weights / "flow.safetensors")),
                *("--tokenizer", str(tokenizer), "--speaker", str(speaker)),
            ),
            mels / "00000.made.npz",
        ),
        Step("train_vocoder.py", (*half, "--made", str(mels)), weights / "vocoder.safetensors", 20),
        Step("export_voice.py", (str(weights), str(voice)), voice / "flow.pt"),
        Step("spoken_corpus.py", (str(corpus), "--utterances", "450000"), corpus / "finished"),
        Step("label_speech.py", (str(corpus), "--speech-tokenizer", str(tokenizer)), corpus / "labelled"),
        Step(
            "train_language.py",
            (str(corpus), str(heard), "--tokenizer", str(work), *_CONVERSATIONS, "--workers", "10", "--checked", "100"),
            heard / "done",
            45,
        ),
        Step("assemble.py", (str(heard), str(work), str(voice), str(model)), model / "config.json"),
    ]


def run(step: Step, scale: float) -> None:
    """Run one step with this repository on the path. Raises CalledProcessError when it fails."""
    minutes = ("--minutes", f"{step.minutes * scale:g}") if step.minutes else ()
    path = os.pathsep.join([str(ROOT), str(HERE)])
    command: Sequence[str] = (sys.executable, str(HERE / step.script), *step.arguments, *minutes)
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path})


def main() -> None:
    """Run what is not done yet; the folder is put together every time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "starter")
    parser.add_argument("--scale", type=float, default=1.0, help="stretch of all training times")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    (options.work / "weights").mkdir(exist_ok=True)
    for step in steps(options.work.resolve()):
        if step.result.exists() and step.script != "assemble.py":
            print(f"{step.script}: done before")
            continue
        print(f"{step.script} …", flush=True)
        run(step, options.scale)


if __name__ == "__main__":
    main()
