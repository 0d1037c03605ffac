from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.samples import resample
from tests.sounds import babble, silence

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


GROWTH = """
import sys
from pathlib import Path
from engine.engine import Engine
from engine.transcription import Finished, SegmentDone, transcribe
def resident(field):
    if sys.platform == "darwin":
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields[field].split()[0]) * 1024
engine = Engine.load(sys.argv[1])
started, segments = 0, 0
for event in transcribe(engine, sys.argv[2]):
    started = started or resident("VmRSS")
    segments += isinstance(event, SegmentDone)
    if isinstance(event, Finished):
        print(segments, event.transcript.duration_s, resident("VmHWM") - started)
"""


def check_growth(model: Path, minutes: int, folder: Path) -> None:
    """Transcribe so many minutes, full of speech, in a process of its own."""
    path = folder / "speech.wav"
    stretches = [np.concatenate([babble(3 + 2.3 * seed, seed), silence(0.7 + seed / 4)]) for seed in range(10)]
    seconds = 0.0
    with soundfile.SoundFile(path, "w", 16_000, 1, "PCM_16") as file:
        while seconds < 60 * minutes:
            for stretch in stretches:
                file.write(stretch)
                seconds += len(stretch) / 16_000
    done = subprocess.run([sys.executable, "-c", GROWTH, str(model), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    segments, duration_s, growth_bytes = map(float, done.stdout.split())
    print(f"{minutes} minutes: resident memory grew by at most {growth_bytes / 1e6:.0f} MB")
    assert duration_s == pytest.approx(seconds)
    assert segments > minutes
    assert growth_bytes < 150e6


@pytest.mark.slow
def test_memory_stays_flat_where_somebody_speaks_all_the_time(tiny_model: Path, tmp_path: Path) -> None:
    check_growth(tiny_model, 10, tmp_path)
