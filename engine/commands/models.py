"""`earshot models`: what is installed, bring a published model, make a smaller copy."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from engine.commands.console import progress_bar, remark, result, result_json, run_to_end
from engine.commands.outputs import add_output_option, check_place

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
