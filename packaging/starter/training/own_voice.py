"""Lets the ear hear the starter's own voice: replies of the spoken corpus once more, as flow and vocoder say them.

    python -m starter.training.own_voice CORPUS --flow F --vocoder V --voice VOICE…

A share of the replies that `label_speech.py` gave speech tokens is spoken; for a shard NAME that is own-NAME, in which
all is heard and nothing is said. Ends when the corpus is labelled and all of it was spoken. Weights that are trained
meanwhile are read again with every few shards, so the ear hears how the voice becomes. Several voices take turns.
"""

from __future__ import annotations

import argparse
import random
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.samples import resample
from engine.speaking.voice import Voice
from starter.networks.torch_voice import OwnVoice
from starter.speech.spoken_corpus import (
    LONGEST_S,
    RATE_HZ,
    SAMPLES_PER_TOKEN,
    Utterance,
    labelled,
    said_shards,
    save,
    save_codes,
)
from starter.speech.torch_device import best_device

PREFIX = "own-"
VOICE_HZ = 24_000
_SHARDS_AT_ONCE = 24


def replies(path: Path) -> list[tuple[str, NDArray[np.int32]]]:
    """Texts and speech tokens (T,) of a labelled shard (its .json) for what can be written as heard: without digits."""
    found = labelled(path.parent, path.stem)
    wanted = ((entry["text"], codes) for entry, codes in found if codes is not None)
    return [(text, codes.astype(np.int32)) for text, codes in wanted if not any(letter.isdigit() for letter in text)]


def waiting(folder: Path) -> list[Path]:
    """Labelled shards that were not spoken yet."""
    ready = (path for path in said_shards(folder) if (folder / f"{path.stem}.codes.npy").exists())
    return [path for path in ready if not (folder / f"{PREFIX}{path.stem}.codes.npy").exists()]


def heard(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """What was spoken at 24 kHz as the ear gets it."""
    at_16k = resample(samples, VOICE_HZ, RATE_HZ)
    return (np.clip(at_16k, -1.0, 1.0) * 32767.0).astype(np.int16)


def speak(paths: Sequence[Path], voice: OwnVoice, share: float) -> float:
    """Speak a share of these shards' replies into shards beside them; returns the seconds of speech made."""
    chosen, most = [], int(LONGEST_S * RATE_HZ) // SAMPLES_PER_TOKEN
    for path in paths:
        chance = random.Random(path.stem)
        drawn = (reply for reply in replies(path) if chance.random() < share)
        chosen.append([(text, tokens) for text, tokens in drawn if 0 < len(tokens) <= most])
    made = voice.samples([tokens for group in chosen for _, tokens in group], seed=zlib.crc32(paths[0].stem.encode()))
    with ThreadPoolExecutor() as pool:
        sounds = pool.map(heard, made)
        seconds = 0.0
        for path, group in zip(paths, chosen, strict=True):
            said = [Utterance("heard", text, True, next(sounds)) for text, _ in group]
            seconds += save(path.parent, PREFIX + path.stem, said)
            save_codes(path.parent, PREFIX + path.stem, [])  # nothing of it is said, but now it counts as labelled
    return seconds


def speak_all(folder: Path, voice: Callable[[], OwnVoice], share: float) -> None:
    """Speak until everything is labelled and spoken; `voice` gives the voice as it is now."""
    made_s, began, done = 0.0, time.monotonic(), False
    while not done:
        done = (folder / "labelled").exists()  # looked at first: what was labelled until then is spoken below
        while paths := waiting(folder):
            made_s += speak(paths[:_SHARDS_AT_ONCE], voice(), share)
            print(f"{made_s / 3600:.2f} h of the own voice, {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(0.0 if done else 0.5)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    for name in ("--flow", "--vocoder"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--voice", type=Path, nargs="+", required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the replies")
    parser.add_argument("--rows", type=int, default=32, help="of 16 s each, spoken at once")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    recorded, device = cycle([Voice.load(path) for path in options.voice]), torch.device(options.device)

    def voice() -> OwnVoice:
        return OwnVoice(options.flow, options.vocoder, next(recorded), device, options.rows)

    speak_all(options.corpus, voice, options.share)


if __name__ == "__main__":
    main()
