"""Trains the published starter further, everything at once: speech is made while networks already learn from it.

    python -m starter.training.go_on WORK --natural FOLDER --minutes 25 [--gpus 2] [--processes 32]
    python -m starter.training.go_on WORK --collect OUT

The first GPU teaches ear and language model, the last one flow and vocoder, as one. With `--tokenizer-minutes` the
speech tokenizer is trained anew before, and then flow and vocoder each for itself. A training that breaks off begins
again at the weights it wrote last, for the time that is left. In the end ear and language model are averaged with the
published ones. `--collect` copies what is written so far, at any time: some nine files, the language model in shards,
the logs as one archive. `assemble.py` and `export_voice.py` make a model of it.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from starter.speech.natural_voices import BUILT_IN
from starter.training import new_tokenizer
from starter.training.programs import LEAST_S, ROOT, Clock, Place, Programs, natural_network, trained

PUBLISHED = ROOT / "resources" / "starter"
VOICES = PUBLISHED / "token2wav" / "voices"
MIX = (190.0, 90.0, 120.0)


def speech(programs: Programs, place: Place, options: argparse.Namespace) -> list[threading.Thread]:
    """Everything that is heard and said, and what the voice learns from."""
    made = ("--utterances", options.utterances, "--processes", options.processes, "--seed", options.seed)
    made += ("--heard", options.synthetic, "--no-replies")
    jobs: list[tuple[str, Sequence[object], int, int]] = [
        ("speech.spoken_corpus", (place.work / "corpus", *made), 0, 14)
    ]
    if options.teaches_voice:
        lines = (place.work / "lines", *natural_network(options.natural), "--hours", options.hours)
        jobs.append(("speech.natural_lines", lines, 1, 0))  # done in the first minutes, and the voice waits for it
    jobs += natural_speech(place, options)
    if not options.tokenizer_minutes:  # else they are said before
        said = ("--utterances", options.utterances, "--count", options.replies, "--seed", options.seed)
        where = (place.work / "corpus", *natural_network(options.natural), "--first", new_tokenizer.FIRST_REPLIES)
        jobs.append(("speech.natural_replies", (*where, *said), 1, 3))
    return [threading.Thread(target=programs.run, args=job, daemon=True) for job in jobs]


def natural_speech(place: Place, options: argparse.Namespace) -> list[tuple[str, Sequence[object], int, int]]:
    """Programs that speak in natural voices, on the last GPU: one works on the GPU while another sorts or waits."""
    amount = ("--utterances", options.utterances, "--hours", options.natural_hours / options.speakers)
    where = (place.work / "corpus", *natural_network(options.natural), *amount)
    return [
        ("speech.natural_speech", (*where, "--seed", 100 * options.seed + number), 1, 2)
        for number in range(options.speakers)
    ]


def own_voice(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """The own voice for the ear, from the time on when it is worth hearing."""
    voices = [place.voice / f"{name}.safetensors" for name in BUILT_IN]
    if not (options.teaches_voice and options.tokenizer_minutes):
        voices = sorted(VOICES.glob("*.safetensors"))
    while clock.left_s > options.own_minutes * 60 or not all(path.exists() for path in voices):
        if clock.left_s < LEAST_S or (place.work / "corpus" / "enough").exists():
            return
        time.sleep(0.2)
    networks = ("--flow", place.latest("flow"), "--vocoder", place.latest("vocoder"), "--share", options.own_share)
    programs.run("training.own_voice", (place.work / "corpus", *networks, "--voice", *voices), gpu=1, nice=3)


def language(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """Ear and language model."""
    began, whole = time.monotonic(), clock.left_s

    def arguments() -> Sequence[object]:
        behind = options.head_start + (1 - options.head_start) * (time.monotonic() - began) / whole
        return (
            *(place.work / "corpus", place.language, "--tokenizer", PUBLISHED, "--resume", place.kept_language()),
            *("--no-ear", "--minutes", clock.minutes(), "--head-start", f"{behind:.3f}", "--save-every", 60),
            *("--peak", options.peak, "--tokens", options.tokens, "--workers", options.workers, "--mix", *options.mix),
            *("--utterances", options.utterances, "--most-hours", options.most_hours),
            *("--first-hours", options.first_hours),
            *(("--device", options.device) if options.device else ("--compile",)),
        )

    trained(programs, clock, "training.train_language", arguments, gpu=0)


def vocoder(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """The vocoder, on recordings first and then on what the flow makes of them too."""

    def arguments() -> Sequence[object]:
        return (
            *(place.work / "lines", place.voice, "--made", place.work / "mels", "--wait-for", 600),
            *("--resume", place.latest("vocoder"), "--minutes", clock.minutes(), "--rows", options.rows),
        )

    trained(programs, clock, "training.train_vocoder", arguments, gpu=1)


def flow(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """The flow; one that read another tokenizer's tokens begins as a new one does, with the whole velocity."""
    published = place.shipped / "flow.safetensors"

    def arguments() -> Sequence[object]:
        reads_others = options.tokenizer_minutes and filecmp.cmp(place.latest("flow"), published, shallow=False)
        how = ("--new-tokens", "--solved", 0.3) if reads_others else ("--solved", 1, "--peak", 7e-4)
        return (
            *(place.work / "lines", place.voice, "--tokenizer", place.latest("tokenizer")),
            *("--speaker", place.shipped / "speaker.safetensors", "--resume", place.latest("flow")),
            *("--minutes", clock.minutes(), *how),
        )

    trained(programs, clock, "training.train_flow", arguments, gpu=1)


def flow_and_vocoder(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """Flow and vocoder as one."""

    def arguments() -> Sequence[object]:
        latest = ((f"--{name}", place.latest(name)) for name in ("flow", "vocoder", "tokenizer"))
        return (
            *(place.work / "lines", place.voice, *(part for pair in latest for part in pair)),
            *("--speaker", place.shipped / "speaker.safetensors", "--ear", place.shipped),
            *("--voices", VOICES, "--minutes", clock.minutes()),
        )

    trained(programs, clock, "training.train_speaking", arguments, gpu=1)


def made_mels(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """What the flow makes of speech tokens, as often as there is a new one, for the vocoder."""

    def arguments() -> Sequence[object]:
        where = (place.work / "lines", place.work / "mels", "--flow", place.latest("flow"), "--voices", place.voice)
        return (*where, "--minutes", clock.minutes())

    trained(programs, clock, "training.made_mels", arguments, gpu=1)


def go_on(programs: Programs, place: Place, options: argparse.Namespace) -> None:
    """The whole run, or a part of it. Raises RuntimeError when the published model cannot be read."""
    place.voice.mkdir(parents=True, exist_ok=True)
    (place.work / "corpus").mkdir(exist_ok=True)
    speaking = speech(programs, place, options) if options.part != "networks" else []
    for program in speaking:
        program.start()
    if options.part == "speech":
        for program in speaking:
            program.join()
        return
    if not programs.run("training.from_shipped", (PUBLISHED, place.shipped)):
        raise RuntimeError(f"the published model cannot be read: {place.work / 'logs' / 'training.from_shipped.log'}")
    shutil.rmtree(place.averaged, ignore_errors=True)  # of an earlier run
    if options.tokenizer_minutes:
        new_tokenizer.renew(programs, place, options, natural_network(options.natural), PUBLISHED)
    place.begin_voice()
    clock = Clock(time.monotonic() + 60 * options.minutes)
    labels = (place.work / "corpus", "--speech-tokenizer", place.latest("tokenizer"), "--ends-with", "enough")
    voice = (vocoder, flow, made_mels) if options.tokenizer_minutes else (flow_and_vocoder,)
    taught = (language, *voice) if options.teaches_voice else (language,)
    all_need = (programs, place, options, clock)
    trainings = [threading.Thread(target=one, args=all_need, daemon=True) for one in taught]
    beside = [threading.Thread(target=programs.run, args=("training.label_speech", labels, 1, 3), daemon=True)]
    beside.append(threading.Thread(target=own_voice, args=all_need, daemon=True))
    for one in (*beside, *trainings):
        one.start()
    for one in trainings:
        one.join()
    (place.work / "corpus" / "enough").write_text("")
    for one in beside:
        one.join()
    if (place.language / "weights-0.safetensors").exists():
        shares = ("--share", options.share, "--language-share", options.language_share)
        programs.run("training.averaged_weights", (place.published, place.language, place.averaged, *shares))


def collect(place: Place, out: Path) -> list[Path]:
    """Copy what was written so far to a folder; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    language = place.averaged if place.averaged.exists() else place.language
    found = [*sorted(language.glob("weights-*.safetensors")), *sorted(place.voice.glob("*.safetensors"))]
    copied = [Path(shutil.copyfile(path, out / path.name)) for path in found if "unfinished" not in path.name]
    logs = [*place.work.glob("logs/*.log"), *place.language.glob("*.jsonl"), *place.voice.glob("*.jsonl")]
    with tarfile.open(out / "logs.tar.gz", "w:gz") as archive:
        for log in logs:
            archive.add(log, arcname=log.name)
    return [*copied, out / "logs.tar.gz"]


def parser() -> argparse.ArgumentParser:
    """The command line's."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("work", type=Path)
    made.add_argument("--collect", type=Path, metavar="OUT", help="only copy what is written so far to OUT")
    made.add_argument("--part", choices=("speech", "networks", "all"), default="all", help="what to make here and now")
    made.add_argument("--minutes", type=float, default=25.0)
    made.add_argument("--gpus", type=int, default=1)
    made.add_argument("--processes", type=int, default=os.cpu_count() or 4, help="programs that speak at once")
    made.add_argument("--workers", type=int, default=8, help="processes that make batches for the language model")
    made.add_argument("--utterances", type=int, default=450_000)
    made.add_argument("--seed", type=int, default=14, help="of the sentences, another than of the training before")
    made.add_argument("--hours", type=float, default=8.0, help="speech of each voice that vocoder and flow learn from")
    made.add_argument("--first-hours", type=float, default=3.0, help="speech that the language model waits for")
    made.add_argument("--most-hours", type=float, default=400.0, help="speech that is heard, 115 MB an hour on the GPU")
    made.add_argument("--device", help="for the language model, where it is no GPU; nothing is compiled then")
    made.add_argument("--tokens", type=int, default=65_536, help="ids in a batch of the language model")
    made.add_argument("--rows", type=int, default=64, help="pieces in a batch of the vocoder")
    made.add_argument("--peak", type=float, default=1.25e-3, help="of the language model's learning rate")
    made.add_argument("--head-start", type=float, default=0.32, help="how far its schedule is at the start")
    mix = made.add_argument("--mix", type=float, nargs=3, default=MIX, metavar=("TRANSCRIBED", "CONVERSED", "READ"))
    mix.help = "how often the language model's kinds of rows are drawn"
    made.add_argument("--natural", type=Path, help="folder of kokoro.npz, vocab.json and voices/ to speak with")
    made.add_argument("--natural-hours", type=float, default=200.0)
    made.add_argument("--speakers", type=int, default=2, help="programs that speak in natural voices")
    made.add_argument(
        "--synthetic", type=float, default=1.0, help="share of what flite and espeak-ng speak to be heard"
    )
    made.add_argument("--tokenizer-minutes", type=float, default=0.0, help="train a new speech tokenizer first")
    made.add_argument("--replies", type=int, default=110_000, help="that the new tokenizer's tokens are learned from")
    made.add_argument("--own-minutes", type=float, default=6.3, help="at the end, in which the ear hears its own voice")
    made.add_argument("--own-share", type=float, default=0.3, help="of the replies that it hears in its own voice")
    made.add_argument("--share", type=float, default=1.0, help="of what the ear learned that is kept")
    made.add_argument("--language-share", type=float, default=1.0, help="of what the language model learned")
    made.add_argument("--no-voice", dest="teaches_voice", action="store_false", help="leave vocoder and flow alone")
    return made


def main() -> None:
    """Command line."""
    options = parser().parse_args()
    place = Place(options.work.resolve())
    if options.collect:
        for path in collect(place, options.collect):
            print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
        return
    if not options.natural:
        parser().error("natural voices speak what is learned: name their folder with --natural")
    go_on(Programs(place, options.gpus), place, options)


if __name__ == "__main__":
    main()
