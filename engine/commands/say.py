"""Read text aloud, or speak stored speech tokens, in any voice.

The speech is played, or with -o written as a wav file at 24 kHz; `-o -` writes it to stdout. With --stream that
happens while it is made."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.console import Help, add_connect_options, add_model_option, load_model, progress_bar, remark
from engine.commands.outputs import add_output_option, check_place
from engine.commands.sound_door import door_of
from engine.errors import RequestError, StorageError

if TYPE_CHECKING:
    from engine.commands.console import Bar
    from engine.engine import AnyModel
    from engine.events import Samples
    from engine.speaking import Synthesizer, Voice

_EXAMPLES = """\
examples:
  earshot say "The kettle is on."
  earshot say "Good morning!" --voice anna -o morning.wav --save-tokens morning.txt
  earshot say --tokens morning.txt --voice ben -o morning-ben.wav
  earshot say "Read as you go." --stream -o - | aplay"""


STDOUT = "-"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "say", help="read text aloud", description=__doc__, epilog=_EXAMPLES, formatter_class=Help
    )
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to say; - reads it from stdin")
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="speak these speech tokens instead of a text")
    parser.add_argument("--voice", metavar="NAME", help="a voice by name, a voice file, or a recording of someone")
    parser.add_argument(
        "--language", metavar="CODE", help="the language of the text: one that the model does not know is refused"
    )
    add_output_option(parser, "WAV", "write the speech into this file instead of playing it; - for stdout")
    parser.add_argument("--stream", action="store_true", help="make the speech in pieces while the model writes it")
    parser.add_argument("--save-tokens", type=Path, metavar="FILE", help="also keep the speech tokens")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="PNG",
        help="also draw waveform and mel, of the voice too (needs earshot-assistant[plot])",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="flow steps: more are finer and slower")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number gives another reading")
    add_connect_options(parser)
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Speak; returns 0."""
    text = _text(args)
    stored = read_tokens(args.tokens) if args.tokens else None
    if args.steps is not None and args.steps < 1:
        raise RequestError(f"Speech needs at least one flow step, not {args.steps}.")
    _check_places(args)
    engine = load_model(args)
    if args.language:
        check_spoken(engine, args.language)
    voice = _voice(engine, args.voice)
    synthesizer = engine.speaking.synthesizer(voice, steps=args.steps, seed=args.seed)
    spoken: list[int] = []
    tokens = iter(stored) if stored is not None else _read_aloud(engine, text, args.seed)
    with progress_bar("Speaking", quiet=args.quiet) as bar:
        pieces = _streamed(synthesizer, _noting(tokens, spoken)) if args.stream else _whole(synthesizer, tokens, spoken)
        samples = _deliver(args, pieces, bar)
    if args.save_tokens:
        write_tokens(args.save_tokens, spoken)
    if args.plot:
        from engine.commands.picture import draw_speech

        draw_speech(args.plot, samples, voice)
    return 0


def _check_places(args: argparse.Namespace) -> None:
    """What can be found wrong before the model is loaded is raised."""
    if args.output is None:
        door_of(args, "write the speech into a file with -o FILE")
    for path in (args.output, args.save_tokens, args.plot):
        if path is not None and str(path) != STDOUT:
            check_place(path)
    if args.plot:
        from engine.commands.picture import check_it_can_draw

        check_it_can_draw()


def check_spoken(engine: AnyModel, language: str) -> str:
    """The code of a language that is to be spoken. Raises RequestError for one that the model does not know."""
    from engine.transcription.languages import english_name, language_code

    code, known = language_code(language), engine.about.get("languages") or ()
    if known and code not in known:
        raise RequestError(
            f"{engine.name} speaks only {', '.join(map(english_name, known))}, not {english_name(code)}: "
            "choose another model with --model."
        )
    return code


def read_tokens(path: Path) -> list[int]:
    """Speech tokens from a text file: numbers with spaces, commas or lines between them, or a JSON list.

    Raises RequestError when the file cannot be read or holds anything else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RequestError(f"There is no file {path}: check the name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read as speech tokens: {error}.") from error
    words = re.split(r"[\s,]+", text.strip().strip("[]").strip())
    if words == [""]:
        raise RequestError(f"{path} holds no speech tokens, so there is nothing to speak.")
    if wrong := [word for word in words if not re.fullmatch(r"\d{1,9}", word)]:
        raise RequestError(f"{path} is no list of speech tokens: {wrong[0][:40]!r} is not a whole number.")
    return [int(word) for word in words]


def write_tokens(path: Path, tokens: list[int]) -> None:
    """Write speech tokens so that --tokens reads them. Raises StorageError."""
    from engine.storage import replacing

    with replacing(path) as file:
        file.write(json.dumps(tokens).encode() + b"\n")


def _text(args: argparse.Namespace) -> str:
    if (args.text is None) == (args.tokens is None):
        raise RequestError("Give either a text to say or --tokens FILE.")
    if args.text is None:
        return ""
    text = sys.stdin.read() if args.text == "-" else args.text
    if not text.strip():
        raise RequestError("The text is empty, so there is nothing to say.")
    return str(text)


def _voice(engine: AnyModel, name: str | None) -> Voice:
    from engine.commands.voice import library

    return library().find(engine.speaking, name)


def _read_aloud(engine: AnyModel, text: str, seed: int) -> Iterator[int]:
    """Speech tokens as the language model writes them. Raises RequestError when it writes none."""
    from dataclasses import replace

    from engine.conversation.replying.settings import TALK, sampling_for
    from engine.conversation.replying.single_tasks import read_aloud

    sampling = replace(sampling_for("speech", engine.about, TALK, engine.vocabulary), seed=seed)
    token = None
    for token in read_aloud(engine, text, sampling, lambda: False):
        yield token
    if token is None:
        raise RequestError(f"{engine.name} gave no speech for this text: try another text or model.")


def _noting(tokens: Iterator[int], spoken: list[int]) -> Iterator[int]:
    for token in tokens:
        spoken.append(token)
        yield token


def _whole(synthesizer: Synthesizer, tokens: Iterator[int], spoken: list[int]) -> Iterator[Samples]:
    spoken.extend(tokens)
    yield synthesizer(spoken)


def _streamed(synthesizer: Synthesizer, tokens: Iterator[int]) -> Iterator[Samples]:
    from engine.conversation.speaking_along.voicing import voiced

    return (speech.samples_24k for speech in voiced(synthesizer, tokens) if speech is not None)


def _deliver(args: argparse.Namespace, pieces: Iterator[Samples], bar: Bar) -> Samples:
    """Play the speech, or write it where it was asked for; returns all of it."""
    import numpy as np

    from engine.events import Progress
    from engine.samples import write_wav
    from engine.speaking import SAMPLE_RATE_HZ

    began = time.perf_counter()
    made: list[Samples] = []
    made_at: list[float] = []

    def making() -> Iterator[Samples]:
        for piece in pieces:
            made.append(piece)
            made_at.append(time.perf_counter() - began)
            bar.show(Progress("say", sum(map(len, made)) / SAMPLE_RATE_HZ, 0, "seconds"))
            yield piece
        bar.close()

    if args.output is None:
        args.sound.play(making())
    else:
        for number, piece in enumerate(making()):
            if str(args.output) == STDOUT:
                _write_stdout(piece, first=not number)
    samples = np.concatenate(made)
    if args.output is not None and str(args.output) != STDOUT:
        write_wav(args.output, samples, SAMPLE_RATE_HZ)
    if not args.quiet:
        length_s = len(samples) / SAMPLE_RATE_HZ
        remark(f"{length_s:.1f} s of speech in {made_at[-1]:.1f} s, first sound after {made_at[0]:.1f} s")
    return samples


def _write_stdout(samples: Samples, first: bool) -> None:
    """16-bit wav of unknown length, which players read until it ends."""
    import struct

    from engine.samples import pcm
    from engine.speaking import SAMPLE_RATE_HZ

    out = sys.stdout.buffer
    try:
        if first:
            out.write(b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt ")
            out.write(struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE_HZ, 2 * SAMPLE_RATE_HZ, 2, 16))
            out.write(b"data" + struct.pack("<I", 0xFFFFFFFF - 36))
        out.write(pcm(samples))
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(f"The speech could not be written to stdout ({error.strerror}).") from error
