"""npm's @openai/agents-realtime over a WebSocket. It needs node; `make doors` installs the package where node is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Address
from openai import OpenAI
from realtime_helpers import FIRST, FIRST_ANSWER, GUARD_S, SECOND, SECOND_ANSWER, as_wav, question

SCRIPT = Path(__file__).with_name("realtime_agents.mjs")
PACKAGES = Path(os.environ.get("EARSHOT_NODE_PACKAGES", ROOT / "build" / "doors" / "node"))


@pytest.mark.skipif(
    not (PACKAGES / "node_modules" / "@openai" / "agents-realtime").is_dir() or shutil.which("node") is None,
    reason="node is not on this machine: install it, and `make doors` tests @openai/agents-realtime too",
)
def test_a_spoken_conversation(address: Address, openai: OpenAI, hear: Callable[..., str], tmp_path: Path) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    for file, text in zip(files, (FIRST, SECOND), strict=True):
        file.write_bytes(question(openai, text, 1.5))
    script = tmp_path / SCRIPT.name
    shutil.copy(SCRIPT, script)  # packages are looked for beside the script
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    url = address.url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
    command = ["node", str(script), url, address.token, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GUARD_S)
    assert done.returncode == 0, done.stderr
    for file, answer in zip(files, (FIRST_ANSWER, SECOND_ANSWER), strict=True):
        assert re.search(answer, hear(as_wav(file.with_name(f"{file.name}.answer").read_bytes())))
