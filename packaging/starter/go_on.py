"""Trains the published starter further, everything at once: speech is made while networks already learn from it.

    python packaging/starter/go_on.py WORK --minutes 25 [--gpus 2] [--processes 32]
    python packaging/starter/go_on.py WORK --collect OUT

The first GPU teaches ear and language model, the last one vocoder and flow. A training that breaks off begins again at
the weights it wrote last, for the time that is left. In the end ear and language model are averaged with the published
ones. `--collect` copies what is written so far, at any time: nine files at most, the language model in shards, the logs
as one archive. `assemble.py` and `export_voice.py` make a model of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PUBLISHED = ROOT / "resources" / "starter"
VOICES = PUBLISHED / "token2wav" / "voices"
LEAST_S = 20.0  # a training that has less time left is not begun
MIX = ("210", "90", "90")


@dataclass(frozen=True)
class Clock:
    """When all has to be over, in seconds of time.monotonic."""

    end: float

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def minutes(self) -> str:
        """What is left, as an argument."""
        return f"{max(self.left_s, 0.0) / 60:.3f}"


@dataclass(frozen=True)
class Place:
    """The folder a run works in, and where its networks lie."""

    work: Path

    @property
    def shipped(self) -> Path:
        """The published weights as training loads them."""
        return self.work / "shipped"

    @property
    def language(self) -> Path:
        """Ear and language model."""
        return self.work / "language"

    @property
    def averaged(self) -> Path:
        """Between the published ear and language model and what became of them."""
        return self.work / "averaged"

    @property
    def voice(self) -> Path:
        """Vocoder and flow."""
        return self.work / "voice"

    def latest(self, name: str) -> Path:
        """A network of the voice as this run wrote it last."""
        return self.voice / f"{name}.safetensors"

    def begin_voice(self) -> None:
        """Let the voice be the published one, where this run has none yet."""
        for own in map(self.latest, ("flow", "vocoder", "tokenizer")):
            if not own.exists():
                shutil.copyfile(self.shipped / own.name, own)

    def kept_language(self) -> Path:
        """A copy of the last whole set of language weights, which nothing writes to; the published ones before."""
        if not (self.language / "weights-0.safetensors").exists():
            return self.shipped
        kept = self.work / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.language, kept, ignore=lambda _, names: [n for n in names if not n.startswith("weights-")])
        return kept


class Programs:
    """Starts the scripts of this folder, each with its log, on a GPU."""

    def __init__(self, place: Place, gpus: int, python: str = sys.executable, scripts: Path = HERE) -> None:
        self._place, self._gpus, self._python, self._scripts = place, gpus, python, scripts
        (place.work / "logs").mkdir(parents=True, exist_ok=True)

    def run(self, script: str, arguments: Sequence[object], gpu: int = 0, nice: int = 0) -> bool:
        """Run a script to its end; returns whether it went well. Its output is added to logs/SCRIPT.log."""
        path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        if self._gpus > 1:
            environment["CUDA_VISIBLE_DEVICES"] = str(min(gpu, self._gpus - 1))
        command = ["nice", "-n", str(nice), self._python, str(self._scripts / script), *map(str, arguments)]
        began = time.monotonic()
        with (self._place.work / "logs" / f"{script}.log").open("a") as log:
            ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False)
        print(f"{script}: ended with {ended.returncode} after {time.monotonic() - began:.0f} s", flush=True)
        return ended.returncode == 0


def trained(programs: Programs, clock: Clock, script: str, arguments: Callable[[], Sequence[object]], gpu: int) -> None:
    """Run a training; begin again, with arguments made anew, as long as it breaks off and there is time."""
    while clock.left_s > LEAST_S and not programs.run(script, arguments(), gpu):
        time.sleep(1.0)


def speech(programs: Programs, place: Place, options: argparse.Namespace) -> list[threading.Thread]:
    """Everything that is heard and said, and what the voice learns from: two programs at once."""
    made = ("--utterances", options.utterances, "--processes", options.processes, "--seed", options.seed)
    made += ("--heard", options.synthetic)
    jobs: list[tuple[str, Sequence[object], int, int]] = [("spoken_corpus.py", (place.work / "corpus", *made), 0, 14)]
    if options.teaches_voice:
        lines = (place.work / "lines", *natural_network(options), "--hours", options.hours)
        jobs.append(("natural_lines.py", lines, 1, 0))  # done in the first minutes, and the voice waits for it
    if options.natural:
        jobs += natural_speech(place, options)
    return [threading.Thread(target=programs.run, args=job, daemon=True) for job in jobs]


def natural_speech(place: Place, options: argparse.Namespace) -> list[tuple[str, Sequence[object], int, int]]:
    """Programs that speak in natural voices, on the last GPU: one works on the GPU while another sorts or waits."""
    amount = ("--utterances", options.utterances, "--hours", options.natural_hours / options.speakers)
    network = natural_network(options)
    return [
        ("natural_speech.py", (place.work / "corpus", *network, *amount, "--seed", 100 + number), 1, 2)
        for number in range(options.speakers)
    ]


def natural_network(options: argparse.Namespace) -> Sequence[object]:
    """Where the network of natural voices is, as arguments."""
    given = options.natural
    espeak = ("--espeak-data", given) if (given / "espeak-ng-data").exists() else ()
    where = ("--weights", given / "kokoro.npz", "--voices", given / "voices", "--vocab", given / "vocab.json")
    return (*where, *espeak)


def language(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """Ear and language model."""
    began, whole = time.monotonic(), clock.left_s

    def arguments() -> Sequence[object]:
        behind = options.head_start + (1 - options.head_start) * (time.monotonic() - began) / whole
        return (
            *(place.work / "corpus", place.language, "--tokenizer", PUBLISHED, "--resume", place.kept_language()),
            *("--no-ear", "--minutes", clock.minutes(), "--head-start", f"{behind:.3f}", "--save-every", 60),
            *("--peak", options.peak, "--tokens", options.tokens, "--workers", options.workers, "--mix", *MIX),
            *("--utterances", options.utterances, "--most-hours", options.most_hours),
            *(("--device", options.device) if options.device else ("--compile",)),
        )

    trained(programs, clock, "train_language.py", arguments, gpu=0)


def vocoder(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """The vocoder, on recordings first and then on what the flow makes of them too."""

    def arguments() -> Sequence[object]:
        return (
            *(place.work / "lines", place.voice, "--made", place.work / "mels", "--wait-for", 600),
            *("--resume", place.latest("vocoder"), "--minutes", clock.minutes(), "--rows", options.rows),
        )

    trained(programs, clock, "train_vocoder.py", arguments, gpu=1)


def flow(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """The flow."""

    def arguments() -> Sequence[object]:
        return (
            *(place.work / "lines", place.voice, "--tokenizer", place.latest("tokenizer")),
            *("--speaker", place.shipped / "speaker.safetensors", "--resume", place.latest("flow")),
            *("--minutes", clock.minutes(), "--solved", 0.75, "--peak", 5e-4),
        )

    trained(programs, clock, "train_flow.py", arguments, gpu=1)


def made_mels(programs: Programs, place: Place, options: argparse.Namespace, clock: Clock) -> None:
    """What the flow makes of speech tokens, as often as there is a new one, for the vocoder."""

    def arguments() -> Sequence[object]:
        where = (place.work / "lines", place.work / "mels", "--flow", place.latest("flow"), "--voices", place.voice)
        return (*where, "--minutes", clock.minutes())

    trained(programs, clock, "made_mels.py", arguments, gpu=1)


def go_on(programs: Programs, place: Place, options: argparse.Namespace) -> None:
    """The whole run, or a part of it. Raises RuntimeError when the published model cannot be read."""
    clock = Clock(time.monotonic() + 60 * options.minutes)
    place.voice.mkdir(parents=True, exist_ok=True)
    speaking = speech(programs, place, options) if options.part != "networks" else []
    for program in speaking:
        program.start()
    if options.part == "speech":
        for program in speaking:
            program.join()
        return
    if not programs.run("from_shipped.py", (PUBLISHED, place.shipped)):
        raise RuntimeError(f"the published model cannot be read: {place.work / 'logs' / 'from_shipped.py.log'}")
    shutil.rmtree(place.averaged, ignore_errors=True)  # of an earlier run
    place.begin_voice()
    labels = (place.work / "corpus", "--speech-tokenizer", place.shipped / "tokenizer.safetensors")
    networks = ("--flow", place.latest("flow"), "--vocoder", place.latest("vocoder"), "--share", 0.25)
    networks += ("--voice", *sorted(VOICES.glob("*.safetensors")))
    for script, arguments in (("label_speech.py", labels), ("own_voice.py", (place.work / "corpus", *networks))):
        threading.Thread(target=programs.run, args=(script, arguments), daemon=True).start()
    taught = (language, vocoder, flow, made_mels) if options.teaches_voice else (language,)
    trainings = [threading.Thread(target=one, args=(programs, place, options, clock), daemon=True) for one in taught]
    for training in trainings:
        training.start()
    for training in trainings:
        training.join()
    (place.work / "corpus").mkdir(exist_ok=True)
    (place.work / "corpus" / "enough").write_text("")
    if (place.language / "weights-0.safetensors").exists():
        programs.run("averaged_weights.py", (place.shipped, place.language, place.averaged))


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
    made.add_argument("--most-hours", type=float, default=160.0, help="speech that is heard, 115 MB an hour on the GPU")
    made.add_argument("--device", help="for the language model, where it is no GPU; nothing is compiled then")
    made.add_argument("--tokens", type=int, default=65_536, help="ids in a batch of the language model")
    made.add_argument("--rows", type=int, default=64, help="pieces in a batch of the vocoder")
    made.add_argument("--peak", type=float, default=1.4e-3, help="of the language model's learning rate")
    made.add_argument("--head-start", type=float, default=0.35, help="how far its schedule is at the start")
    made.add_argument("--natural", type=Path, help="folder of kokoro.npz, vocab.json and voices/ to speak with")
    made.add_argument("--natural-hours", type=float, default=200.0)
    made.add_argument("--speakers", type=int, default=2, help="programs that speak in natural voices")
    made.add_argument(
        "--synthetic", type=float, default=1.0, help="share of what flite and espeak-ng speak to be heard"
    )
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
    if options.teaches_voice and not options.natural:
        parser().error("the voice learns from natural voices: name their folder with --natural, or say --no-voice")
    go_on(Programs(place, options.gpus), place, options)


if __name__ == "__main__":
    main()
