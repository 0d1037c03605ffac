"""Lets the ear hear the starter's own voice: replies of the spoken corpus once more, as flow and vocoder say them.

    python packaging/starter/own_voice.py CORPUS --flow F --vocoder V --voice VOICE

A share of the replies that `label_speech.py` gave speech tokens is spoken; for a shard NAME that is own-NAME, in which
all is heard and nothing is said. Ends when the corpus is labelled and all of it was spoken. Weights that are trained
meanwhile are read again with every few shards, so the ear hears how the voice becomes.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from spoken_corpus import BLOCK, LONGEST_S, RATE_HZ
from torch_voice import OwnVoice

from engine.samples import resample
from engine.speaking.voice import Voice

PREFIX = "own-"
VOICE_HZ = 24_000
_SHARDS_AT_ONCE = 24
_SAMPLES_PER_TOKEN = 640


@dataclass(frozen=True)
class Reply:
    """A text and the speech tokens (T,) that say it."""

    text: str
    tokens: NDArray[np.int32]


def replies(path: Path) -> list[Reply]:
    """The replies of a labelled shard (its .json) that can be written down as they are heard: those without digits."""
    codes, place, found = np.load(path.with_suffix(".codes.npy")), 0, []
    for entry in json.loads(path.read_text()):
        if entry["kind"] == "reply":
            count = entry["samples"] // _SAMPLES_PER_TOKEN
            tokens = codes[place : place + count].astype(np.int32)
            place += count
            if not any(letter.isdigit() for letter in entry["text"]):
                found.append(Reply(entry["text"], tokens))
    return found


def waiting(folder: Path) -> list[Path]:
    """Labelled shards that were not spoken yet."""
    labelled = sorted(path.name.split(".")[0] for path in folder.glob("[0-9]*.codes.npy"))
    return [folder / f"{n}.json" for n in labelled if not (folder / f"{PREFIX}{n}.codes.npy").exists()]


def write(folder: Path, name: str, spoken: Sequence[tuple[str, NDArray[np.int16]]]) -> None:
    """A shard of what is heard: texts and samples at 16 kHz. The codes, of which there are none, come last."""
    entries, pieces, block = [], [np.zeros(0, np.int16)], 0
    for text, samples in spoken:
        blocks = -(-len(samples) // BLOCK)
        entries.append({"kind": "heard", "text": text, "block": block, "samples": len(samples), "heard": True})
        pieces.append(np.pad(samples, (0, blocks * BLOCK - len(samples))))
        block += blocks
    np.save(folder / f"{name}.npy", np.concatenate(pieces))
    unfinished = folder / f"{name}.part"
    unfinished.write_text(json.dumps(entries))
    unfinished.rename(folder / f"{name}.json")
    unfinished_codes = folder / f"{name}.unfinished.npy"
    np.save(unfinished_codes, np.zeros(0, np.int16))
    unfinished_codes.rename(folder / f"{name}.codes.npy")


def heard(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """What was spoken at 24 kHz as the ear gets it."""
    at_16k = resample(samples, VOICE_HZ, RATE_HZ)
    return (np.clip(at_16k, -1.0, 1.0) * 32767.0).astype(np.int16)


def speak(paths: Sequence[Path], voice: OwnVoice, share: float) -> float:
    """Speak a share of these shards' replies into shards beside them; returns the seconds of speech made."""
    chosen = []
    for path in paths:
        chance = random.Random(path.stem)
        most = int(LONGEST_S * RATE_HZ) // _SAMPLES_PER_TOKEN
        chosen.append([r for r in replies(path) if 0 < len(r.tokens) <= most and chance.random() < share])
    everything = [reply for group in chosen for reply in group]
    with ThreadPoolExecutor() as pool:
        sounds = list(pool.map(heard, voice.samples([r.tokens for r in everything], seed=int(paths[0].stem))))
    first = 0
    for path, group in zip(paths, chosen, strict=True):
        own = zip((r.text for r in group), sounds[first : first + len(group)], strict=True)
        write(path.parent, PREFIX + path.stem, list(own))
        first += len(group)
    return sum(map(len, sounds)) / RATE_HZ


def speak_all(folder: Path, voice: Callable[[], OwnVoice], share: float) -> None:
    """Speak until everything is labelled and spoken; `voice` gives the voice as it is now."""
    mark = folder / "own-voice"
    mark.unlink(missing_ok=True)  # of an earlier run
    made_s, began, done = 0.0, time.monotonic(), False
    while not done:
        done = (folder / "labelled").exists()  # looked at first: what was labelled until then is spoken below
        while paths := waiting(folder):
            made_s += speak(paths[:_SHARDS_AT_ONCE], voice(), share)
            print(f"{made_s / 3600:.2f} h of the own voice, {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(0.0 if done else 0.5)
    mark.write_text(f"{made_s:.0f} s of speech")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    for name in ("--flow", "--vocoder", "--voice"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the replies")
    parser.add_argument("--rows", type=int, default=32, help="of 16 s each, spoken at once")
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    parser.add_argument("--device", default=device)
    options = parser.parse_args()
    recorded, device = Voice.load(options.voice), torch.device(options.device)

    def voice() -> OwnVoice:
        return OwnVoice(options.flow, options.vocoder, recorded, device, options.rows)

    speak_all(options.corpus, voice, options.share)


if __name__ == "__main__":
    main()
