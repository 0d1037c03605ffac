"""`earshot models`: what is installed, bring a published model, make a smaller copy, check one by ear."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.console import (
    add_loading_options,
    ctrl_c_waits,
    progress_bar,
    remark,
    result,
    result_json,
    run_to_end,
)
from engine.commands.outputs import add_output_option, check_place
from engine.errors import CheckpointError, RequestError

if TYPE_CHECKING:
    from engine.by_ear import EarCheck
    from engine.checkpoints.catalogue import InstalledModel
    from engine.engine import Engine
    from engine.events import Pause, Progress

QUANTISED_BITS = (4, 5, 6, 8)
PUBLISHED_HINT = "Step-Audio-2-mini, Step-Audio-2-mini-Base or Step-Audio-2-mini-Think"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its three actions."""
    parser = subparsers.add_parser("models", help="list, download or shrink models")
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the models on this machine, the one in use first")
    listing.add_argument("--json", action="store_true", help="print a JSON list")
    listing.set_defaults(func=_list)
    download = actions.add_parser("download", help="download a published model (about 18 GB); resumes where it stopped")
    download.add_argument("name", help=PUBLISHED_HINT)
    add_output_option(download, "DIR", "folder for models (default: Earshot's own)")
    download.add_argument(
        "--bits",
        type=int,
        choices=QUANTISED_BITS,
        help="make a smaller copy of it, check the copy, and remove the original",
    )
    download.add_argument("--keep-original", action="store_true", help="with --bits: keep the original as well")
    download.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr, only errors")
    download.set_defaults(func=_download)
    convert = actions.add_parser("convert", help="write a smaller copy of a model: 4, 5, 6 or 8 bits a weight")
    convert.add_argument("source", type=Path, help="folder of the model in full precision")
    add_output_option(convert, "DIR", "new folder (default: beside it, named by bits)")
    convert.add_argument("--bits", type=int, default=4, help="bits of the language model's layers (default 4)")
    convert.add_argument("--group", type=int, default=64, help="weights that share a scale: 32, 64 or 128 (default 64)")
    convert.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr, only errors")
    convert.set_defaults(func=_convert)
    check = actions.add_parser("check", help="whether a model can be used, and whether it understands its own speech")
    check.add_argument("name", metavar="NAME", help="an installed model by its name, or the folder of one")
    check.add_argument(
        "--by-ear", action="store_true", help="let it read ten sentences aloud and hear itself; says how fast it speaks"
    )
    check.add_argument("--language", default="", metavar="CODE", help="with --by-ear: read in this language, en or zh")
    check.add_argument("--json", action="store_true", help="print a JSON object")
    add_loading_options(check)
    check.set_defaults(func=_check)


def _list(args: argparse.Namespace) -> int:
    from engine.checkpoints import catalogue

    models = catalogue.installed()
    if args.json:
        result_json(
            [
                {
                    "name": model.name,
                    "folder": str(model.folder),
                    "bytes": model.bytes,
                    "bits": model.bits,
                    "variant": model.variant,
                    "speaks": model.speaks,
                    "demonstration": model.demonstration,
                    "problem": model.problem or None,
                }
                for model in models
            ]
        )
        return 0
    for model in models:
        kind = f"{model.bits}-bit" if model.bits else "full precision"
        voice = "speaks" if model.speaks else "cannot speak"
        result(f"{model.name}\n  {model.bytes / 1e9:.2f} GB, {kind}, {voice}\n  {model.folder}")
        if model.problem:
            result(f"  cannot be used: {model.problem}")
    if not models:
        remark(f"No model is installed. `earshot models download NAME` brings {PUBLISHED_HINT}.")
    return 0


def _download(args: argparse.Namespace) -> int:
    from engine.checkpoints.catalogue import models_folder
    from engine.checkpoints.download import downloading

    if args.output:
        check_place(args.output, folder=True)
    with progress_bar(f"Downloading {args.name}", quiet=args.quiet) as bar:
        folder = run_to_end(downloading(args.name, args.output or models_folder()), bar)
    if args.bits:
        folder = _shrink(folder, args)
    result(str(folder))
    return 0


def _shrink(folder: Path, args: argparse.Namespace) -> Path:
    from engine.checkpoints.convert import converting, verifying

    target = folder.with_name(f"{folder.name}-{args.bits}bit")
    with progress_bar(f"Converting to {args.bits} bits", quiet=args.quiet) as bar:
        run_to_end(converting(folder, target, bits=args.bits), bar)
    with progress_bar("Reading it back", quiet=args.quiet) as bar:
        run_to_end(verifying(folder, target), bar)
    if not args.keep_original:
        shutil.rmtree(folder)
    return target


def _convert(args: argparse.Namespace) -> int:
    from engine.checkpoints.convert import converting

    if args.output:
        check_place(args.output, folder=True)
    source = Path(os.path.abspath(args.source))  # `.` has no name of its own
    target = args.output or source.parent / f"{source.name}-{args.bits}bit"
    with progress_bar(f"Converting to {args.bits} bits", quiet=args.quiet) as bar:
        folder = run_to_end(converting(args.source, target, bits=args.bits, group_size=args.group), bar)
    result(str(folder))
    return 0


def _check(args: argparse.Namespace) -> int:
    from engine.checkpoints.load import memory_needed
    from engine.checkpoints.memory import memory_budget

    model = _installed(args.name)
    if model.problem:
        raise CheckpointError(model.problem)
    needed, usable = memory_needed(model.folder), memory_budget().usable
    figures: dict[str, object] = {"name": model.name, "folder": str(model.folder), "needs": needed, "usable": usable}
    check = _check_by_ear(model.folder, args) if args.by_ear else None
    if args.json:
        result_json(figures | (_figures_of(check) if check else {}))
        return 0
    verdict = "it fits" if needed <= usable else "it is too large for this machine"
    result(f"{model.name} needs {needed / 1e9:.1f} of {usable / 1e9:.1f} GB: {verdict}.")
    if check:
        words = "characters" if check.language == "zh" else "words"
        result(f"By ear: understood {check.understood} of {check.words} of its own {words}.")
        result(f"It speaks {check.speed:.1f}× real time.")
    return 0


def _installed(name: str) -> InstalledModel:
    """The model of a name or a folder. Raises RequestError when there is none."""
    from engine.checkpoints import catalogue

    models = catalogue.installed()
    wanted = name.casefold()
    if found := [model for model in models if wanted in (model.name.casefold(), model.folder.name.casefold())]:
        return found[0]
    if Path(name).is_dir():
        return catalogue.describe(Path(os.path.abspath(name)))
    raise RequestError(f"No model is called {name}: there is {', '.join(model.name for model in models) or 'none'}.")


def _check_by_ear(folder: Path, args: argparse.Namespace) -> EarCheck:
    with ctrl_c_waits():
        from engine.by_ear import checking_by_ear
        from engine.engine import Engine
        from engine.transcription.languages import language_code

    language = language_code(args.language) if args.language else ""
    with progress_bar("Loading the model", quiet=args.quiet) as bar:
        engine: Engine = run_to_end(Engine.loading(folder, insist=args.insist, backend=args.backend), bar)
    with progress_bar("Listening to itself", quiet=args.quiet) as bar:
        return run_to_end(_progress(checking_by_ear(engine, language)), bar)


def _progress(steps: Generator[Progress | Pause, None, EarCheck]) -> Generator[Progress, None, EarCheck]:
    """Of the steps those that say how far it is."""
    from engine.events import Pause

    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            check: EarCheck = end.value
            return check
        if not isinstance(step, Pause):
            yield step


def _figures_of(check: EarCheck) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "language": check.language,
        "words": check.words,
        "understood": check.understood,
        "speech_s": round(check.speech_s, 2),
        "took_s": round(check.took_s, 2),
        "speed": round(check.speed, 2),
        "sentences": [asdict(sentence) for sentence in check.sentences],
    }
