"""Speaks everything the language model learns from: questions and sentences in many voices, answers in the reply voice.

    python -m starter.speech.spoken_corpus FOLDER --utterances 90000

Replies that lie in FOLDER already are not spoken again; another seed makes other sentences. A shard is NAME.npy (int16
at 16 kHz, every utterance on a whole block of BLOCK samples) and NAME.json, written last, so a trainer may read the
folder while it still fills. `label_speech.py` adds NAME.codes.npy, the speech tokens of its replies. Utterances that
are heard lie first; most replies are only said. Voices in HELD_OUT never occur: they are for the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.samples import resample
from starter.speech.speaking_data import Speaker, speak
from starter.texts.conversations import Conversations, heard_sentences, read_sentences
from starter.texts.dialogues import Dialogue
from starter.texts.topics_knowledge import phrase_book

SEED = 12
RATE_HZ = 16_000
BLOCK = 1600
SAMPLES_PER_TOKEN = 640
UTTERANCES_PER_SHARD = 250
LISTING = "loaded.list"  # which shards a training has loaded, and from which block on
LONGEST_S = 12.0
REPLIES_HEARD = 0.25  # share of the replies that the ear learns from too
REPLY_VOICE = Speaker("flite", "slt")
_ACCENTS = ("en-us", "en-us", "en-gb", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-gb-x-gbcwmd")
_VARIANTS = [
    "m1",
    "m2",
    "m3",
    "m4",
    "m6",
    "m7",
    "m8",
    "f1",
    "f2",
    "f3",
    "f5",
    "Alex",
    "Alicia",
    "Andrea",
    "Andy",
    "Annie",
    "Denis",
    "Diogo",
    "Gene",
    "Hugo",
    "Jacky",
    "Lee",
    "Marco",
    "Mario",
    "Michael",
    "Mike",
    "adam",
    "anika",
    "antonio",
    "aunty",
    "belinda",
    "benjamin",
    "boris",
    "caleb",
    "david",
    "ed",
    "edward",
    "grandma",
    "grandpa",
    "iven",
    "john",
    "linda",
    "marcelo",
    "max",
    "michel",
    "miguel",
    "norbert",
    "pablo",
    "paul",
    "pedro",
    "quincy",
    "rob",
    "robert",
    "sandro",
    "shelby",
    "steph",
    "travis",
    "victor",
    "zac",
]
HELD_OUT = (
    Speaker("flite", "awb"),
    Speaker("espeak-ng", "en-us+m5", 160),
    Speaker("espeak-ng", "en-gb+f4", 160),
    Speaker("espeak-ng", "en-us+steph2", 155),
    Speaker("espeak-ng", "en-gb+edward2", 155),
    Speaker("espeak-ng", "en-us+iven3", 160),
)
KNOWN = (
    REPLY_VOICE,
    Speaker("flite", "rms"),
    Speaker("flite", "kal16"),
    Speaker("espeak-ng", "en-us", 165),
    Speaker("espeak-ng", "en-gb", 165),
    Speaker("espeak-ng", "en-us+f2", 160),
    Speaker("espeak-ng", "en-gb+m3", 160),
)
_SHARES = (18, 31, 27)  # percent: answers, questions, sentences to read; the rest are sentences to hear
CONVERSATIONS = 0.36  # for an utterance
_MOST_VOICES = 12
# What no conversation of the pool ends with, but some rows do.
ALWAYS_SAID = (
    "Sorry, I did not understand that. Please say it again.",
    "I did not hear anything. Please say it again.",
)
_SHIFTS = (1.0, 1.0, 1.0, 0.87, 0.93, 1.07, 1.14)


@dataclass(frozen=True)
class Job:
    """A text to be spoken: kind "heard" for the model's ear, "reply" for its mouth."""

    kind: str
    text: str
    speaker: Speaker


@dataclass(frozen=True)
class Utterance:
    """What a shard holds: samples (n,) at 16 kHz, and whether the ear learns from them."""

    kind: str
    text: str
    heard: bool
    samples: NDArray[np.int16]


def any_speaker(chance: random.Random) -> Speaker:
    """A voice for one heard utterance: half flite at many rates and pitches, half espeak-ng in many colours."""
    if chance.random() < 0.45:
        voice = chance.choice(("slt", "slt", "rms", "rms", "rms", "kal16"))
        return Speaker("flite", voice, rate=round(chance.uniform(0.85, 1.2), 2), shift=chance.choice(_SHIFTS))
    accent = chance.choice(_ACCENTS)
    rate, pitch, shift = chance.randint(130, 190), chance.randint(35, 68), chance.choice(_SHIFTS)
    if chance.random() < 0.3:
        return Speaker("espeak-ng", accent, rate=rate, pitch=chance.choice((50, pitch)))
    return Speaker("espeak-ng", f"{accent}+{chance.choice(_VARIANTS)}", rate=rate, pitch=pitch, shift=shift)


def conversations(count: int) -> Conversations:
    """So many conversations of training, the same every time."""
    return Conversations(range(count))


def jobs(utterances: int, seed: int = SEED, heard: float = 1.0, replies: bool = True) -> list[Job]:
    """About so many jobs in random order, by the shares above; a whole list of 450,000 takes about a minute.

    Only the share `heard` of what is to be heard is among them, and of the replies all or none.
    """
    chance = random.Random(seed)
    answers, questions, read = (utterances * share // 100 for share in _SHARES)
    asked, answered = _said(conversations(round(utterances * CONVERSATIONS)))
    made = [Job("reply", text, REPLY_VOICE) for text in ALWAYS_SAID]
    made += [Job("reply", text, REPLY_VOICE) for text, _ in answered.most_common(answers)]
    # Questions are read too, so that a reader does not answer them.
    to_read = chance.sample([*asked], min(len(asked), read // 8))
    to_read += read_sentences(chance, read - len(to_read))
    made += [Job("reply", text, REPLY_VOICE) for text in to_read]
    sentences = utterances - len(made) - questions
    made = made if replies else []
    asked_in_voices = _in_voices(asked, questions)
    chance.shuffle(asked_in_voices)
    made += [Job("heard", text, any_speaker(chance)) for text in asked_in_voices[: round(heard * questions)]]
    made += [Job("heard", text, any_speaker(chance)) for text in heard_sentences(chance, round(heard * sentences))]
    chance.shuffle(made)
    return made


def _said(dialogues: Sequence[Dialogue]) -> tuple[Counter[str], Counter[str]]:
    """The questions and the answers of conversations, and how often each is said."""
    asked = Counter({entry[0]: 3 * _MOST_VOICES for entry in phrase_book()})
    answered: Counter[str] = Counter()
    for dialogue in dialogues:
        for turn in dialogue.turns:
            asked[turn.question] += 1
            answered[turn.answer] += 1
    return asked, answered


def _in_voices(asked: Counter[str], most: int) -> list[str]:
    """Questions, each as often as it gets another voice; what is asked often comes first."""
    times = [text for text, count in asked.most_common() for _ in range(min(_MOST_VOICES, 1 + count // 4))]
    return times[:most]


def questions_in_voices(utterances: int) -> list[str]:
    """The questions of a corpus of so many utterances, those that are asked often in several voices."""
    asked, _ = _said(conversations(round(utterances * CONVERSATIONS)))
    return _in_voices(asked, 10**9)


def answers(utterances: int) -> list[str]:
    """The answers of a corpus of so many utterances, the frequent ones first."""
    _, answered = _said(conversations(round(utterances * CONVERSATIONS)))
    return [*ALWAYS_SAID, *(text for text, _ in answered.most_common())]


def spoken(text: str, speaker: Speaker) -> NDArray[np.int16]:
    """The text at 16 kHz, silence at its ends cut to 80 ms; a held-out shift plays it faster or slower."""
    samples, rate_hz = speak(text, speaker)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 300)
    if len(loud) == 0:
        return np.zeros(0, dtype=np.int16)
    margin = int(0.08 * rate_hz)
    kept = samples[max(0, loud[0] - margin) : loud[-1] + margin]
    if rate_hz == RATE_HZ:
        return kept
    at_16k = resample(kept.astype(np.float32) / 32768.0, rate_hz, RATE_HZ)
    return (np.clip(at_16k, -1.0, 1.0) * 32767.0).astype(np.int16)


def write_shard(folder: Path, number: int, shard: Sequence[Job]) -> float:
    """Speak the jobs of one shard; returns the seconds of speech made."""
    chance = random.Random(number)
    said: list[Utterance] = []
    heard = [job.kind == "heard" or chance.random() < REPLIES_HEARD for job in shard]
    for is_heard, job in sorted(zip(heard, shard, strict=True), key=lambda pair: not pair[0]):
        try:
            samples = spoken(job.text, job.speaker)
        except subprocess.SubprocessError:
            continue
        if RATE_HZ // 4 <= len(samples) <= LONGEST_S * RATE_HZ:
            said.append(Utterance(job.kind, job.text, is_heard, samples))
    if not said:
        return 0.0
    seconds = save(folder, f"{number:05}", said)
    if not any(one.kind == "reply" for one in said):
        save_codes(folder, f"{number:05}", [])  # nothing waits for a label
    return seconds


def save(folder: Path, name: str, said: Sequence[Utterance]) -> float:
    """Write a shard, those that are heard first; returns its seconds."""
    pieces, entries, block = [np.zeros(0, np.int16)], [], 0
    for one in said:
        blocks = -(-len(one.samples) // BLOCK)
        pieces.append(np.pad(one.samples, (0, blocks * BLOCK - len(one.samples))))
        place = {"block": block, "samples": len(one.samples), "heard": one.heard}
        entries.append({"kind": one.kind, "text": one.text, **place})
        block += blocks
    np.save(folder / f"{name}.npy", np.concatenate(pieces))
    unfinished = folder / f"{name}.part"
    unfinished.write_text(json.dumps(entries))
    unfinished.rename(folder / f"{name}.json")
    return block * BLOCK / RATE_HZ


def save_codes(folder: Path, name: str, codes: Sequence[NDArray[np.int16]]) -> None:
    """Write the speech tokens of a shard's replies end to end: with them it is labelled."""
    unfinished = folder / f"{name}.unfinished.npy"
    np.save(unfinished, np.concatenate([np.zeros(0, dtype=np.int16), *codes]))
    unfinished.rename(folder / f"{name}.codes.npy")


def labelled(folder: Path, name: str) -> Iterator[tuple[Mapping[str, Any], NDArray[np.int16] | None]]:
    """The entries of a labelled shard, each reply with its speech tokens (T,)."""
    codes, place = np.load(folder / f"{name}.codes.npy"), 0
    for entry in json.loads((folder / f"{name}.json").read_text()):
        if entry["kind"] == "reply":
            count = entry["samples"] // SAMPLES_PER_TOKEN
            yield entry, codes[place : place + count]
            place += count
        else:
            yield entry, None


def stored_blocks(entries: Sequence[Mapping[str, Any]]) -> int:
    """How many of a shard's blocks belong to utterances that are heard: they are the first ones."""
    return max((entry["block"] - (-entry["samples"] // BLOCK) for entry in entries if entry["heard"]), default=0)


def said_shards(folder: Path) -> list[Path]:
    """The descriptions (.json) of a folder's shards that may hold replies."""
    return sorted(folder.glob("[0-9]*.json"))


def known_replies(folder: Path) -> set[str]:
    """The texts of the replies in a folder's shards."""
    entries = (entry for path in said_shards(folder) for entry in json.loads(path.read_text()))
    return {entry["text"] for entry in entries if entry["kind"] == "reply"}


def shards(everything: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """The jobs, a shard at a time."""
    for start in range(0, len(everything), UTTERANCES_PER_SHARD):
        yield everything[start : start + UTTERANCES_PER_SHARD]


def main() -> None:
    """Make the shards on all processor cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=int, default=90_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--heard", type=float, default=1.0, help="share of what is to be heard that these voices speak")
    parser.add_argument("--no-replies", dest="replies", action="store_false", help="leave them to natural voices")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "finished").unlink(missing_ok=True)  # of an earlier run
    known = known_replies(options.folder)
    begin = 1 + max((int(path.stem) for path in options.folder.glob("[0-9]*.json")), default=-1)
    os.nice(5)
    started, made_s = time.monotonic(), 0.0
    with ProcessPoolExecutor(options.processes) as pool:
        running: list[Future[float]] = []
        # A twentieth is chosen and spoken first: the list of all takes many seconds, and training waits.
        first = options.utterances // 20
        for count, seed in ((first, options.seed + 1), (options.utterances - first, options.seed)):
            made = jobs(count, seed, options.heard, options.replies)
            wanted = [job for job in made if job.kind == "heard" or job.text not in known]
            for shard in shards(wanted):
                running.append(pool.submit(write_shard, options.folder, begin + len(running), shard))
        for number, done in enumerate(as_completed(running), 1):
            made_s += done.result()
            if number % 40 == 0:
                print(
                    f"{number} of {len(running)} shards, {made_s / 3600:.1f} h, {time.monotonic() - started:.0f} s",
                    flush=True,
                )
    (options.folder / "finished").write_text(f"{made_s:.0f} s of speech")


if __name__ == "__main__":
    main()
