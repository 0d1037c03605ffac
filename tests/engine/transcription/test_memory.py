from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from engine.samples import resample
from tests.sounds import babble

HOURS = 3
RATE_HZ = 24_000
PROGRAM = """
import resource, sys
from pathlib import Path
from engine.engine import Engine
from engine.transcription import Finished, transcribe
engine = Engine.load(sys.argv[1])
for event in transcribe(engine, sys.argv[2]):
    if isinstance(event, Finished):
        print(len(event.transcript.segments), event.transcript.duration_s)
if sys.platform == "darwin":
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
else:  # Linux hands ru_maxrss of the starting process on, however large that was
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(fields["VmHWM"].split()[0]) * 1024)
"""


def _three_hours(path: Path) -> Path:
    """A wav of three hours at 24 kHz, 0.5 GB, of which only ten minutes of speech take room on the disk."""
    frames = HOURS * 3600 * RATE_HZ
    speech = (resample(babble(20.0), 16_000, RATE_HZ) * 32_767).astype("<i2").tobytes()
    with path.open("wb") as file:
        header = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
        file.write(b"RIFF" + struct.pack("<I", 36 + frames * 2) + b"WAVEfmt " + struct.pack("<I", 16) + header)
        file.write(b"data" + struct.pack("<I", frames * 2))
        file.truncate(44 + frames * 2)
        for place in range(30):
            file.seek(44 + place * 360 * RATE_HZ * 2)
            file.write(speech)
    return path


@pytest.mark.slow
def test_three_hours_need_less_than_300_mb(tiny_model: Path, tmp_path: Path) -> None:
    path = _three_hours(tmp_path / "long.wav")
    command = [sys.executable, "-c", PROGRAM, str(tiny_model), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (segments, duration_s), (peak_bytes,) = (line.split() for line in done.stdout.splitlines())
    assert float(duration_s) == HOURS * 3600
    assert int(segments) >= 30
    model_bytes = (tiny_model / "model-00001-of-00001.safetensors").stat().st_size
    assert int(peak_bytes) - model_bytes < 300e6
