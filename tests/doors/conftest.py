"""`earshot serve` with the starter model, for clients that live in an environment of their own (`make doors`)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import OpenAI

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "resources" / "starter"


@dataclass(frozen=True)
class Address:
    """Where the server is, its token, and how to start other commands of Earshot."""

    url: str
    token: str
    python: str


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    python = os.environ.get("EARSHOT_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    token_file = tmp_path_factory.mktemp("served") / "token"
    command = [python, "-m", "engine", "serve", "--port", "0", "--model", str(STARTER)]
    process = subprocess.Popen(
        [*command, "--token-file", str(token_file), "--quiet"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield Address(process.stdout.readline().strip(), token_file.read_text().strip(), python)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def openai(address: Address) -> Iterator[OpenAI]:
    with OpenAI(base_url=address.url, api_key=address.token, max_retries=0, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def say(openai: OpenAI) -> Callable[[str], bytes]:
    """A wav file in which a text is said."""
    return lambda text: openai.audio.speech.create(model="tts-1", voice="ada", input=text, response_format="wav").read()


@pytest.fixture(scope="session")
def hear(openai: OpenAI) -> Callable[[bytes, str], str]:
    """The words of a sound, in small letters without signs."""

    def heard(sound: bytes, name: str = "sound.wav") -> str:
        return words(openai.audio.transcriptions.create(model="whisper-1", file=(name, sound)).text)

    return heard


def words(text: str) -> str:
    """A text in small letters without signs."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))
