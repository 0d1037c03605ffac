"""Speech made on this machine: sentences spoken by flite and espeak-ng, kept in shards of int16 samples.

    python packaging/starter/speaking_data.py FOLDER --hours 10 [--words /usr/share/dict/american-english-small]

A shard is three files: NAME.16k.npy and NAME.24k.npy (all utterances end to end) and NAME.json (text, speaker and where
each lies). The .json is written last, so a trainer may read the folder while it still fills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conversations import conversation, heard_sentence
from numpy.typing import NDArray
from reading_sentences import Sentences

from engine.samples import resample

UTTERANCES_PER_SHARD = 150
SAMPLES_48K_PER_TOKEN = 1920


@dataclass(frozen=True)
class Speaker:
    """A synthetic voice. `shift` plays the recording that much faster, moving pitch and formants together.

    `rate` is flite's duration stretch (1.0 is normal, more is slower) or espeak-ng's words a minute.
    """

    program: str
    voice: str
    rate: float = 1.0
    pitch: int = 50
    shift: float = 1.0

    @property
    def name(self) -> str:
        """Who it sounds like: what changes the voice's colour, not its speed."""
        return f"{self.program}:{self.voice}:{self.pitch}:{self.shift:.2f}"


def speak(text: str, speaker: Speaker) -> tuple[NDArray[np.int16], int]:
    """The text as int16 mono samples (n,) and their rate. Raises CalledProcessError when the program fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav", dir=_scratch()) as file:
        subprocess.run(_command(text, speaker, file.name), check=True, capture_output=True, timeout=60)
        with wave.open(file.name, "rb") as sound:
            rate_hz = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return samples, round(rate_hz * speaker.shift)


def _command(text: str, speaker: Speaker, path: str) -> list[str]:
    if speaker.program == "flite":
        stretch = f"duration_stretch={speaker.rate:.3f}"
        return ["flite", "-voice", speaker.voice, "--setf", stretch, "-t", text, "-o", path]
    options = ["-v", speaker.voice, "-s", str(round(speaker.rate)), "-p", str(speaker.pitch)]
    return ["espeak-ng", *options, "-w", path, "--", text]


def _scratch() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "steph", "linda", "john", "david")
PITCHES = (30, 42, 50, 58, 70)
SHIFTS = (1.0, 1.0, 0.86, 0.93, 1.08, 1.16)


def any_speaker(chance: random.Random, reply_voice_share: float = 0.45) -> Speaker:
    """A speaker drawn for one utterance: flite's slt most often, its other voices, and eighty of espeak-ng."""
    pick = chance.random()
    if pick < reply_voice_share:
        return Speaker("flite", "slt", rate=chance.choice((1.0, 1.0, 1.0, 1.0, 0.92, 1.1)))
    if pick < reply_voice_share + 0.28:
        voice = chance.choice(("rms", "awb", "rms", "awb", "kal16", "slt"))
        return Speaker("flite", voice, rate=chance.choice((0.9, 1.0, 1.0, 1.1, 1.2)), shift=chance.choice(SHIFTS))
    number = chance.randrange(len(ACCENTS) * len(VARIANTS))
    voice = f"{ACCENTS[number % len(ACCENTS)]}+{VARIANTS[number // len(ACCENTS)]}"
    return Speaker("espeak-ng", voice, rate=chance.randint(125, 185), pitch=PITCHES[(number // 3) % len(PITCHES)])


def write_shard(folder: Path, number: int, jobs: Sequence[tuple[str, Speaker]]) -> float:
    """Speak the jobs into shard `number` of the folder; returns the seconds of speech made."""
    sounds: list[NDArray[np.int16]] = []
    entries: list[dict[str, object]] = []
    place = 0
    for text, speaker in jobs:
        try:
            samples, rate_hz = speak(text, speaker)
        except (subprocess.SubprocessError, FileNotFoundError):  # one program may be missing, or dislike a text
            continue
        at_48k = trimmed(samples.astype(np.float32) / 32768.0, rate_hz)
        at_48k = at_48k[: len(at_48k) // SAMPLES_48K_PER_TOKEN * SAMPLES_48K_PER_TOKEN]
        if len(at_48k) < 24_000:
            continue
        sounds.append(at_48k)
        entries.append({"text": text, "speaker": speaker.name, "start": place, "length": len(at_48k)})
        place += len(at_48k)
    for rate_hz, label in ((16_000, "16k"), (24_000, "24k")):
        pieces = [to_int16(resample(sound, 48_000, rate_hz)) for sound in sounds]
        pieces = [_fitted(piece, len(sound) * rate_hz // 48_000) for piece, sound in zip(pieces, sounds, strict=True)]
        np.save(folder / f"{number:05}.{label}.npy", np.concatenate(pieces))
    unfinished = folder / f"{number:05}.part"
    unfinished.write_text(json.dumps(entries))
    unfinished.rename(folder / f"{number:05}.json")
    return place / 48_000


def trimmed(samples: NDArray[np.float32], rate_hz: int, quiet_s: float = 0.08) -> NDArray[np.float32]:
    """The samples at 48 kHz with silence at both ends cut down to `quiet_s` (kept out of what is learnt)."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    if len(loud) == 0:
        return np.zeros(0, dtype=np.float32)
    margin = int(quiet_s * rate_hz)
    kept = samples[max(0, loud[0] - margin) : loud[-1] + margin]
    return resample(kept, rate_hz, 48_000)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples in ±1 as int16, clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)


def _fitted(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def jobs_by_shard(
    sentence: Callable[[random.Random], str], hours: float, seed: int, reply_voice: float, replies: float
) -> Iterator[list[tuple[str, Speaker]]]:
    """Lists of (text, speaker), one list a shard, for about `hours` of speech; a share of the texts are `replies`."""
    chance = random.Random(seed)

    def text() -> str:
        return conversation(chance).turns[0].answer if chance.random() < replies else sentence(chance)

    for _ in range(max(1, round(hours * 3600 / (3.6 * UTTERANCES_PER_SHARD)))):
        yield [(text(), any_speaker(chance, reply_voice)) for _ in range(UTTERANCES_PER_SHARD)]


def main() -> None:
    """Make the shards on all processor cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--words", type=Path, help="a word list to make sentences of, in the place of WordNet's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reply-voice", type=float, default=0.45, help="share of the utterances in the reply voice")
    parser.add_argument("--replies", type=float, default=0.0, help="share of the texts that are answers of the model")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    made_s = 0.0
    sentence = Sentences.from_word_list(options.words).any if options.words else heard_sentence
    shards = jobs_by_shard(sentence, options.hours, options.seed, options.reply_voice, options.replies)
    with ProcessPoolExecutor(options.processes) as pool:
        running = [pool.submit(write_shard, options.folder, n, jobs) for n, jobs in enumerate(shards)]
        for done in as_completed(running):
            made_s += done.result()
    (options.folder / "finished").write_text(f"{made_s:.0f} s of speech")
    print(f"{made_s / 3600:.2f} hours of speech in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
