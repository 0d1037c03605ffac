"""`earshot serve --ranks` on loopback: a rank that dies ends what is being said, and the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from engine.resources import resource


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
    assert "Machine 2 of the group is gone" in last
    assert "Machine 2 of the group is gone" in said
    assert process.returncode == 3


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [each for child in map(int, found) for each in (child, *_below(child))]


def _environment(pid: int) -> str:
    """What a process was told; on a Mac too."""
    return subprocess.run(["ps", "eww", "-p", str(pid)], capture_output=True, text=True).stdout
