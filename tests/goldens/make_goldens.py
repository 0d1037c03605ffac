"""Record what the official code gives on a tiny checkpoint and synthetic speech: python -m tests.goldens.make_goldens

Needs the `oracle` extra (step-audio2, torch, transformers), flite, espeak-ng and sox. Writes goldens.json, the arrays,
the clips and the checkpoint beside this file; `python -m tests.parity tests/goldens` compares the engine with them.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

from tests.goldens import hear, tiny_tokenizer
from tests.goldens.recorder import Recorder

HERE = Path(__file__).parent
CHECKPOINT = HERE / "tiny-checkpoint"
SEED = 2
CLIPS = {
    "good_morning.wav": ["flite", "-voice", "slt", "-t", "Good morning.", "-o"],
    "what_time.wav": ["espeak-ng", "-v", "en", "-s", "190", "What time is it now?", "-w"],
}


def main() -> None:
    """Make clips, checkpoint and recordings; the speaking part too when its module is there."""
    for name, command in CLIPS.items():
        _speak(HERE / "clips" / name, command)
    CHECKPOINT.mkdir(exist_ok=True)
    tiny_tokenizer.write(CHECKPOINT)
    recorder = Recorder(HERE, "tiny-checkpoint", SEED)
    hear.record(recorder, CHECKPOINT, HERE / "clips", SEED)
    if importlib.util.find_spec("tests.goldens.speak") is not None:
        speak = importlib.import_module("tests.goldens.speak")
        speak.record(recorder, CHECKPOINT, HERE / "clips", SEED)
    recorder.write()


def _speak(file: Path, command: list[str]) -> None:
    """A clip at 16 kHz, 16 bit, mono. One that is there already stays: voices differ between versions."""
    if file.exists():
        return
    if shutil.which(command[0]) is None or shutil.which("sox") is None:
        raise SystemExit(f"{command[0]} and sox are needed to make {file.name}")
    file.parent.mkdir(exist_ok=True)
    raw = file.with_suffix(".raw.wav")
    subprocess.run([*command, str(raw)], check=True)
    subprocess.run(["sox", str(raw), "-r", "16000", "-b", "16", "-c", "1", str(file)], check=True)
    raw.unlink()


if __name__ == "__main__":
    main()
