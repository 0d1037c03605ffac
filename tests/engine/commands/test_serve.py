from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engine.errors import RequestError
from engine.serving.tokens import kept_token, renewed_token
from tests.checkpoints import tiny_checkpoint


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, end: signal.Signals) -> None:
    token_file = tmp_path / "kept" / "token"
    command = [sys.executable, "-m", "engine", "serve", "--port", "0", "--model", str(tiny_checkpoint())]
    process = subprocess.Popen(
        [*command, "--token-file", str(token_file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"}
        answer = httpx.get(f"{address}/models", headers=headers, trust_env=False, timeout=30)
        assert answer.json()["data"][0]["object"] == "model"
        process.send_signal(end)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert token_file.read_text().strip() in said
    assert "Traceback" not in said


def test_a_token_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "token"
    token = kept_token(file)
    assert kept_token(file) == token
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert renewed_token(file) != token
    assert kept_token(file) != token


@pytest.mark.parametrize("kept", [b"", b"short", b"two words that are long enough", b"\xff" * 30])
def test_a_file_that_holds_no_token_is_left_as_it_is(tmp_path: Path, kept: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(kept)
    with pytest.raises(RequestError, match="holds no token"):
        kept_token(file)
    assert file.read_bytes() == kept
