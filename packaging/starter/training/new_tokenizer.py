"""Gives the starter another speech tokenizer, while its ear goes on learning: the first part of `go_on.py`'s work.

The tokenizer is trained on what both built-in voices say at once. Meanwhile everything that the model is to say is
spoken; then it is labelled, and the embeddings of the old tokens become those of the new ones.
"""

from __future__ import annotations

import argparse
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from starter.training.programs import Clock, Place, Programs, trained

FIRST_REPLIES = 50_000  # the number of their first shard
_BEGUN = 0.12  # where the schedule is while the tokenizer is trained
_EAR = ("--mix", 300, 60, 0)  # nothing is read aloud: there are no tokens yet


def renew(
    programs: Programs, place: Place, options: argparse.Namespace, network: Sequence[object], tokenizer: Path
) -> None:
    """Train and label for `options.tokenizer_minutes` and some more; `place` has new tokens and begins with them then.

    `network` are the arguments that say where natural voices are, `tokenizer` the folder of the text tokenizer.
    """
    clock = Clock(time.monotonic() + 60 * options.tokenizer_minutes)
    corpus, said = place.work / "corpus", place.work / "replies"
    published = place.work / "published"
    for folder in (place.translated, published):  # of an earlier run
        shutil.rmtree(folder, ignore_errors=True)
    spoken = (said, *network, "--utterances", options.utterances, "--count", options.replies, "--first", FIRST_REPLIES)
    jobs = [
        threading.Thread(target=programs.run, args=("speech.natural_replies", spoken, 1, 3), daemon=True),
        threading.Thread(target=ear, args=(programs, place, options, clock, tokenizer), daemon=True),
    ]
    for job in jobs:
        job.start()
    lines = (place.work / "lines", place.voice)
    trained(programs, clock, "training.train_tokenizer", lambda: (*lines, "--minutes", clock.minutes()), gpu=1)
    for job in jobs:
        job.join()
    new, pairs = place.latest("tokenizer"), place.work / "pairs.npz"
    programs.run("training.label_speech", (said, "--speech-tokenizer", new), gpu=1)
    old = place.shipped / "tokenizer.safetensors"
    programs.run("training.translate_tokens", (said, "--old", old, "--store", pairs), gpu=1)
    text = ("--tokenizer", tokenizer, "--pairs", pairs)
    for weights, translated in ((place.kept_language(), place.translated), (place.shipped, published)):
        if not programs.run("training.translate_tokens", (weights, translated, *text)):
            log = place.work / "logs" / "training.translate_tokens.log"
            raise RuntimeError(f"the new tokens have no embeddings: {log}")
    shutil.rmtree(place.language, ignore_errors=True)  # of the old tokens
    for shard in sorted(said.glob("[0-9]*")):
        shard.rename(corpus / shard.name)


def ear(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock, tokenizer: Path) -> None:
    """The ear, on what is spoken by then, from the beginning of the schedule to `options.head_start`."""
    began, whole = time.monotonic(), clock.left_s

    def arguments() -> Sequence[object]:
        passed = (time.monotonic() - began) / whole
        behind = _BEGUN + (options.head_start - _BEGUN) * passed
        return (
            *(place.work / "corpus", place.language, "--tokenizer", tokenizer, "--resume", place.kept_language()),
            *("--no-ear", "--minutes", clock.minutes(), "--head-start", f"{behind:.3f}", "--until", options.head_start),
            *("--peak", options.peak, "--tokens", options.tokens, "--workers", options.workers, *_EAR),
            *("--utterances", options.utterances, "--most-hours", options.most_hours, "--first-hours", 1),
            *(("--device", options.device) if options.device else ("--compile",)),
        )

    trained(programs, clock, "training.train_language", arguments, gpu=0)
