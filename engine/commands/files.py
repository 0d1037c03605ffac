"""What `transcribe` and `translate` share: recordings in, texts to stdout or into a folder."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.console import Bar, complain, load_model, progress_bar, remark, result, result_json
from engine.commands.outputs import add_output_option, check_place
from engine.errors import EngineError, RequestError, StorageError

if TYPE_CHECKING:
    from engine.engine import AnyModel
    from engine.transcription import Options, Segment, Transcript, TranscriptionEvent

log = logging.getLogger(__name__)

FORMATS = ("txt", "srt", "vtt", "json", "md")
_JOURNALS_DAYS = 30  # an interrupted run can be continued for this long
_STREAMED = ("txt", "srt", "vtt")  # these only grow at their end


@dataclass(frozen=True)
class Job:
    """One recording, where its texts go (nowhere: stdout), and where its journal lies meanwhile."""

    path: Path
    outputs: dict[str, Path]
    journal: Path


def add_file_options(parser: argparse.ArgumentParser, output: str) -> None:
    """The options of a command that turns recordings into text; `output` is what -o says of itself."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="sound or film files, even hours long, or folders of them",
    )
    parser.add_argument(
        "--format",
        type=_formats,
        default=("txt",),
        metavar="FORMAT",
        help=f"one or several of {', '.join(FORMATS)}, separated by commas (default: txt)",
    )
    add_output_option(parser, "DIR", output)
    parser.add_argument("--batch", type=_positive, default=8, metavar="N", help="decode N windows at once (default: 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each file")
    parser.add_argument("--resume", action="store_true", help="continue where an interrupted run stopped")


def add_speaker_options(parser: argparse.ArgumentParser) -> None:
    """--speakers[=N] and --speaker-names."""
    parser.add_argument(
        "--speakers",
        type=_whole,
        metavar="N",
        help="say who speaks: N people, or without N as many as are found",
    )
    parser.add_argument(
        "--speaker-names",
        type=_names,
        default=(),
        metavar="NAMES",
        help="what the speakers are called, in the order in which they appear, separated by commas",
    )


def with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments with a value for every --speakers: argparse would take the FILE that follows for its number."""
    following = [*arguments[1:], ""]
    return [
        f"{argument}=0" if argument == "--speakers" and not after.isdecimal() else argument
        for argument, after in zip(arguments, following, strict=False)
    ]


def wanted_speakers(args: argparse.Namespace) -> int | None:
    """What `Options.speakers` is to be; names alone ask for speakers too."""
    if args.speakers is None and args.speaker_names:
        return 0
    return args.speakers


def run_files(args: argparse.Namespace, options: Options) -> int:
    """Work through all files; those that cannot be used are named on stderr and the others are done all the same."""
    from engine.storage import tighten
    from engine.transcription.journal import remove_old_journals

    empty = _replace_folders(args)
    _check(args)
    tighten(_journals_folder())
    remove_old_journals(_journals_folder(), _JOURNALS_DAYS)
    wanted = _jobs(args, options)
    jobs = [job for job in wanted if _succeeds(args, job, _check_job)]
    if not jobs:
        return 2
    engine = load_model(args)
    whole = 0
    for number, job in enumerate(jobs):
        if len(args.files) > 1 and not (args.output or args.json):
            result(f"\n==> {job.path} <==" if number else f"==> {job.path} <==")
        whole += _succeeds(args, job, lambda job: not _run_job(args, engine, job, options).problem)
    return 0 if whole == len(wanted) and not empty else 2


def _replace_folders(args: argparse.Namespace) -> bool:
    """Put the recordings in the place of the folders that were named; whether there was a folder without any."""
    from engine.samples import recordings_in

    found: list[Path] = []
    empty = False
    for path in args.files:
        inside = recordings_in(path) if os.path.isdir(path) else [path]  # Path's own raises for a name too long
        if not inside:
            _report(
                args, path, RequestError(f"{path} holds no recordings: name a folder with sound or film files in it.")
            )
            empty = True
        found += inside
    args.files = list(dict.fromkeys(found))
    return empty


def _succeeds(args: argparse.Namespace, job: Job, work: Callable[[Job], bool]) -> bool:
    """Whether work on one file went well. What goes wrong with it is said, and nothing to the other files."""
    try:
        return work(job)
    except EngineError as error:
        _report(args, job.path, error)
    except BrokenPipeError:  # the reader of our output has gone
        raise
    except Exception as error:
        log.error("%s made Earshot fail", job.path, exc_info=error)
        words = f"{job.path} was left out, because Earshot itself failed ({type(error).__name__}): please report it."
        _report(args, job.path, EngineError(words))
    return False


def _run_job(args: argparse.Namespace, engine: AnyModel, job: Job, options: Options) -> Transcript:
    from engine.samples import clock
    from engine.transcription import Finished, SegmentDone, transcribe
    from engine.transcription.journal import interrupted_at_s

    earlier_s = interrupted_at_s(job.journal)
    if earlier_s is not None and not args.resume:
        remark(f"{job.path} was done up to {clock(earlier_s)} before; starting over (--resume would go on from there).")
    reached_s = 0.0
    transcript: Transcript | None = None
    with progress_bar(job.path.name, quiet=args.quiet) as bar:
        printer = _Printer(args, job, options, bar)
        try:
            for event in transcribe(engine, job.path, options=options, journal=job.journal, resume=args.resume):
                if isinstance(event, SegmentDone):
                    reached_s = event.segment.end_s
                _show(event, bar, printer)
                if isinstance(event, Finished):
                    transcript = event.transcript
                    printer.finish(transcript)
        except KeyboardInterrupt:
            if not reached_s:
                raise
            raise KeyboardInterrupt(
                f"{job.path} is done up to {clock(reached_s)}; the same command with --resume goes on from there."
            ) from None
    assert transcript is not None
    if transcript.problem:
        complain(EngineError(f"{transcript.problem} What was there is transcribed."))
    return transcript


def _show(event: TranscriptionEvent, bar: Bar, printer: _Printer) -> None:
    from engine.events import Progress
    from engine.samples import clock
    from engine.transcription import Opened, SegmentDone

    match event:
        case Progress():
            bar.show(event)
        case SegmentDone(segment=segment):
            printer.add(segment)
        case Opened(path=path, resumed_s=resumed_s) if resumed_s:
            remark(f"{path} goes on at {clock(resumed_s)}.")


class _Printer:
    """Puts the result where it was asked for: text on stdout as it comes, files when everything is there."""

    def __init__(self, args: argparse.Namespace, job: Job, options: Options, bar: Bar) -> None:
        self._args, self._job, self._options, self._bar = args, job, options, bar
        self._segments: list[Segment] = []
        self._printed = ""

    def add(self, segment: Segment) -> None:
        from engine.transcription import Transcript

        self._segments.append(segment)
        if self._streams():
            so_far = Transcript(self._job.path.name, 0.0, tuple(self._segments), options=self._options)
            self._print(self._named(so_far))

    def _named(self, transcript: Transcript) -> Transcript:
        from engine.transcription.results import speaker_label

        names = enumerate(self._args.speaker_names, start=1)
        return transcript.with_speakers_named({speaker_label(number): name for number, name in names})

    def finish(self, transcript: Transcript) -> None:
        from engine.storage import replacing
        from engine.transcription import EXPORTS
        from engine.transcription.exports import to_value

        transcript = self._named(transcript)
        for name, path in self._job.outputs.items():
            with replacing(path) as file:
                file.write(EXPORTS[name](transcript).encode(errors="backslashreplace"))  # a file's name may be no text
        with self._bar.hidden():
            if self._args.json:
                outputs = {"outputs": [str(path) for path in self._job.outputs.values()]} if self._job.outputs else {}
                result_json({"file": str(self._job.path), **to_value(transcript), **outputs})
            elif self._job.outputs:
                result("\n".join(str(path) for path in self._job.outputs.values()))
        if not self._job.outputs and not self._args.json:
            self._print(transcript)

    def _streams(self) -> bool:
        return not self._args.output and not self._args.json and self._args.format[0] in _STREAMED

    def _print(self, transcript: Transcript) -> None:
        """Print what the format has more than before."""
        from engine.transcription import EXPORTS

        text = EXPORTS[self._args.format[0]](transcript)
        if len(text) > len(self._printed):
            with self._bar.hidden():
                result(text[len(self._printed) :], end="")
            self._printed = text


def _jobs(args: argparse.Namespace, options: Options) -> list[Job]:
    from engine.storage import told_apart

    stems = [path.stem for path in args.files]
    taken: set[str] = set()
    jobs = []
    for path in args.files:
        base = told_apart(path.name if stems.count(path.stem) > 1 else path.stem, taken)
        if options.translate_to:
            base += f".{options.translate_to}"
        if args.output:
            outputs = {name: args.output / f"{base}.{name}" for name in args.format}
            jobs.append(Job(path, outputs, args.output / f"{base}.earshot-journal"))
        else:
            jobs.append(Job(path, {}, _journal_without_output(path, options)))
    return jobs


def _journal_without_output(path: Path, options: Options) -> Path:
    """In the user's folder for caches, under a name that tells two recordings of the same name apart."""
    place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
    language = f".{options.translate_to}" if options.translate_to else ""
    return _journals_folder() / f"{path.stem[:60]}{language}.{place}.earshot-journal"


def _journals_folder() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("Earshot", appauthor=False) / "transcriptions"


def _check(args: argparse.Namespace) -> None:
    if args.output and os.path.exists(args.output) and not os.path.isdir(args.output):
        raise StorageError(f"{args.output} is a file: -o needs a folder here.")
    if args.output:
        check_place(args.output, folder=True)
    if not args.output and len(args.format) > 1:
        raise RequestError("Several formats need a folder to go to: add -o DIR.")
    if not args.output and len(args.files) > 1 and args.format[0] != "txt" and not args.json:
        raise RequestError(f"Several files as {args.format[0]} need a folder to go to: add -o DIR.")


def _check_job(job: Job) -> bool:
    """What can be found wrong before the model is loaded is raised."""
    from engine.samples import probe

    probe(job.path)
    for path in job.outputs.values():
        if os.path.isdir(path):
            raise StorageError(f"{path} is a folder: move it away or choose another one with -o.")
    return True


def _report(args: argparse.Namespace, path: Path, error: EngineError) -> None:
    complain(error)
    if args.json:
        result_json({"file": str(path), "error": str(error)})


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys({"markdown": "md"}.get(name, name) for name in text.lower().split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"there is no format {name!r}: choose from {', '.join(FORMATS)}")
    return names


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of people")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(" ".join(name.split()) for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError("a name is missing: write them as A,B")
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError("two speakers cannot have the same name")
    return names


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
