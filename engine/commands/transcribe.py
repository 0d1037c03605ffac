"""Transcribe recordings: text, subtitles, JSON or Markdown.

Long files are cut at pauses and silence is skipped. The text comes as it is done; a run that
was stopped continues with --resume."""

from __future__ import annotations

import argparse

from engine.commands.console import Help, add_connect_options, add_model_option
from engine.commands.files import add_file_options, add_speaker_options, run_files, wanted_speakers

_EXAMPLES = """\
examples:
  earshot transcribe interview.m4a
  earshot transcribe lecture.mp4 --format srt,txt -o subtitles
  earshot transcribe interview.m4a --speakers=2 --speaker-names "Mara,Jon" --format md
  earshot transcribe recordings/ -o texts --resume"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "transcribe",
        help="turn recordings into text, subtitles or documents",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    add_file_options(parser, "write files into this folder instead of to stdout")
    parser.add_argument("--language", default="", metavar="CODE", help="the language spoken (default: detected)")
    add_speaker_options(parser)
    add_connect_options(parser)
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Transcribe every file; 2 when one of them could not be done or breaks off."""
    from engine.transcription import Options
    from engine.transcription.languages import language_code

    code = language_code(args.language) if args.language else ""
    return run_files(args, Options(language=code, batch=args.batch, speakers=wanted_speakers(args)))
