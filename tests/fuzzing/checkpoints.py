"""The readers of model folders and voices, with whole ones of small models."""

from __future__ import annotations

import functools
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import numpy as np

from engine.checkpoints.catalogue import describe
from engine.checkpoints.convert import converting
from engine.checkpoints.load import loading, memory_needed
from engine.checkpoints.load_speaking import load_flow, load_vocoder
from engine.checkpoints.torch_file import read
from engine.speaking.voice import Voice
from engine.speaking.voice_library import VoiceLibrary
from engine.speaking.voice_networks import SPEAKER_FILE, TOKENIZER_FILE, VoiceNetworks
from tests.checkpoints import tiny_checkpoint
from tests.fuzzing.campaign import Reader, Seed
from tests.fuzzing.damages import DAMAGES, JSON_DAMAGES, Damage, damage_value
from tests.starter_writers import write_torch_file
from tests.tiny_model import write_tiny_model

_JSON = (*JSON_DAMAGES * 4, *DAMAGES)


def damage_header(random: Random, data: bytes) -> bytes:
    """A value in the header of a safetensors file is odd, and the rest is whole."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(damage_value(random, json.loads(data[8:end]))).encode()
    return len(header).to_bytes(8, "little") + header + data[end:]


def damage_description(random: Random, data: bytes) -> bytes:
    """The pickle in a PyTorch file is damaged, and the archive around it whole."""
    damaged = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, random.choice(DAMAGES)(random, content) if name.endswith("data.pkl") else content)
    return damaged.getvalue()


def change_word(random: Random, data: bytes) -> bytes:
    """One of the words or numbers of a text is another, or an odd one."""
    words = list(re.finditer(rb"[\w.:!]+", data))
    word, other = random.choice(words), random.choice(words)[0]
    odd = (
        b"0",
        b"-1",
        b"1048576",
        b"9" * 400,
        b"1e300",
        b".nan",
        b"null",
        b"[]",
        b"{}",
        b"*a",
        b"&a",
        b"!new:a",
        other,
    )
    return data[: word.start()] + random.choice(odd) + data[word.end() :]


def read_model(folder: Path) -> None:
    """What the app does: list the model, see whether it fits, load it, and write and read a word."""
    describe(folder)
    memory_needed(folder)
    steps = loading(folder)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        vocabulary = end.value.vocabulary
        vocabulary.decode(vocabulary.encode("A word."))


def read_voice(path: Path) -> None:
    """What becomes of a voice file that somebody was sent: imported, listed, exported."""
    library = VoiceLibrary(path.parent / "voices")
    library.import_(path, "somebody")
    library.get("somebody")


def read_voice_networks(folder: Path) -> None:
    """The two networks that make a voice, run once."""
    networks, samples_16k = VoiceNetworks(folder), np.sin(np.arange(16_000, dtype=np.float32) / 20)
    assert networks.fingerprint
    networks.speech_tokens(samples_16k, 6561)
    networks.embedding(samples_16k, 192)


def _make_model(damaged: str, folder: Path) -> Iterable[Seed]:
    whole = write_tiny_model(folder / "tiny", name="Tiny", variant="chat")
    yield Seed(whole, damaged)
    for _ in converting(whole, folder / "tiny-4bit", group_size=32):
        pass
    yield Seed(folder / "tiny-4bit", damaged.replace("-of-00001", ""))


def _make_speaking(damaged: str, folder: Path) -> Iterable[Seed]:
    yield Seed(shutil.copytree(tiny_checkpoint() / "token2wav", folder / "token2wav"), damaged)


def _make_torch_file(folder: Path) -> Iterable[Seed]:
    kinds = (np.float32, np.float16, np.float64, np.int64, np.uint16)
    tensors = {f"part.{kind.__name__}": np.arange(12).reshape(3, 4).astype(kind) for kind in kinds}
    yield Seed(write_torch_file(folder / "small.pt", tensors))


def _make_voice(folder: Path) -> Iterable[Seed]:
    random = np.random.default_rng(14)
    for seconds in (1, 4):
        tokens = random.integers(0, 6561, 25 * seconds).astype(np.int32)
        mel, recording = random.standard_normal((50 * seconds, 80)), random.uniform(-1, 1, 24_000 * seconds)
        voice = Voice("Ada", tokens, np.ones(192, np.float32), mel.astype(np.float32), recording.astype(np.float32))
        voice.save(folder / f"{seconds}.voice")
        yield Seed(folder / f"{seconds}.voice")


def _of_model(damaged: str, damages: tuple[Damage, ...] = DAMAGES) -> Reader:
    return Reader(damaged, read_model, functools.partial(_make_model, damaged), damages)


def _of_speaking(damaged: str, read: Callable[[Path], object], damages: tuple[Damage, ...]) -> Reader:
    return Reader(damaged, read, functools.partial(_make_speaking, damaged), damages)


_TORCH = (*DAMAGES, *[damage_description] * len(DAMAGES))
MODEL_READERS = (
    _of_model("config.json", _JSON),
    _of_model("model.safetensors.index.json", _JSON),
    _of_model("tokenizer.json", _JSON),
    _of_model("model-00001-of-00001.safetensors", (*DAMAGES, *[damage_header] * len(DAMAGES))),
)
SPEAKING_READERS = (
    _of_speaking("flow.yaml", load_flow, (*DAMAGES, *[change_word] * len(DAMAGES))),
    _of_speaking("flow.pt", load_flow, _TORCH),
    _of_speaking("hift.pt", load_vocoder, _TORCH),
    _of_speaking(TOKENIZER_FILE, read_voice_networks, DAMAGES),
    _of_speaking(SPEAKER_FILE, read_voice_networks, DAMAGES),
    Reader("small.pt", read, _make_torch_file, _TORCH),
)
VOICE_READER = Reader("a voice", read_voice, _make_voice, (*DAMAGES, *[damage_header] * len(DAMAGES)))
