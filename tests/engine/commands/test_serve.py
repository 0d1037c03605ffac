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
from engine.resources import resource
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


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_reply_with_a_sentence_and_the_server_with_a_code(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "engine",
        "serve",
        "--ranks",
        "2",
        "--port",
        "0",
        "--model",
        str(resource("starter")),
    ]
    process = subprocess.Popen(
        [*command, "--token-file", str(tmp_path / "token")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if line.startswith("http"))
        (other,) = [each for each in _below(process.pid) if "MLX_RANK=1" in _environment(each)]
        headers = {"Authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"}
        audio = {"modalities": ["text", "audio"], "audio": {"voice": "", "format": "pcm16"}, "stream": True}
        body = {"messages": [{"role": "user", "content": "What is the capital of France?"}], **audio}
        options = {"json": body, "headers": headers, "timeout": 60}
        with (
            httpx.Client(trust_env=False) as client,
            client.stream("POST", f"{address}/chat/completions", **options) as got,
        ):
            lines = got.iter_lines()
            first = next(lines)
            os.kill(other, signal.SIGKILL)
            *_, last = [line for line in lines if line and "[DONE]" not in line]
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert "chat.completion.chunk" in first
    assert "Machine 2 of the group went away" in last
    assert "Machine 2 of the group went away" in said
    assert process.returncode == 3


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [each for child in map(int, found) for each in (child, *_below(child))]


def _environment(pid: int) -> str:
    """What a process was told; on a Mac too."""
    return subprocess.run(["ps", "eww", "-p", str(pid)], capture_output=True, text=True).stdout
