"""What the README shows works as it stands there; of its commands see tests/test_shown_commands.py."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from engine import samples

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_engine_in_ten_lines_answers_a_recording(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    asked = samples.read(ROOT / "resources" / "examples" / "1-twelve-times-seven.flac")
    samples.write_wav(tmp_path / "question.wav", asked, 16_000)

    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "eighty-four" in done.stdout
    answer = soundfile.info(tmp_path / "answer.wav")
    assert answer.samplerate == 24_000
    assert answer.duration > 1.0
