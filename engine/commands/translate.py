"""Translate what is said in recordings, as text or spoken.

The text comes in the same formats as a transcript, with times. With --speak the translation is
also played, or with -o written to a wav file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.console import (
    Help,
    add_connect_options,
    add_model_option,
    load_model,
    progress_bar,
    result,
    result_json,
)
from engine.commands.files import add_file_options, add_speaker_options, run_files, wanted_speakers
from engine.commands.outputs import check_place
from engine.commands.say import check_spoken
from engine.commands.sound_door import door_of
from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.engine import AnyModel
    from engine.events import Samples
    from engine.speaking import Voice

_EXAMPLES = """\
examples:
  earshot translate interview.m4a --to zh
  earshot translate film.mov --to en --format srt -o subtitles
  earshot translate question.wav --to ja --speak -o question-ja.wav"""

SPEECH_RATE_HZ = 24_000
_TOKENS_PER_S = 64  # of the recording: speech takes 32 a second, and some languages are slower than others
_LEAST_OF_A_VOICE_S, _MOST_OF_A_VOICE_S = 3, 10


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "translate",
        help="translate what is said, as text or spoken",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    add_file_options(parser, "write files into this folder instead of to stdout; with --speak, the wav file")
    add_speaker_options(parser)
    parser.add_argument("--to", required=True, metavar="CODE", help="the language to translate into: zh, en, ja …")
    parser.add_argument("--speak", action="store_true", help="also speak the translation of one FILE")
    parser.add_argument(
        "--voice", metavar="NAME", help="a voice of yours, or a recording of one (default: the speaker's own)"
    )
    add_connect_options(parser)
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Translate every file; 2 when one of them could not be done or breaks off."""
    from engine.transcription import Options
    from engine.transcription.languages import language_code

    target = language_code(args.to)
    if args.speak:
        return _speak(args, target)
    return run_files(args, Options(translate_to=target, batch=args.batch, speakers=wanted_speakers(args)))


def _speak(args: argparse.Namespace, target: str) -> int:
    from engine.samples import probe, write_wav

    if len(args.files) != 1 or os.path.isdir(args.files[0]):
        raise RequestError("A spoken translation is of one FILE.")
    if args.resume or args.format != ("txt",) or wanted_speakers(args) is not None:
        raise RequestError("--speak makes sound of one text: leave out --format, --resume and --speakers.")
    if args.output:
        check_place(args.output)
    else:
        door_of(args, "write the speech into a file with -o FILE")
    path = args.files[0]
    probe(path)
    engine = load_model(args)
    if not engine.capabilities.speaks:
        raise RequestError(f"{engine.name} cannot speak: leave out --speak or choose a complete model.")
    check_spoken(engine, target)
    texts, speech = _translated(args, engine, path, target)
    if args.output:
        write_wav(args.output, speech, SPEECH_RATE_HZ)
    text = "\n".join(texts)
    if args.json:
        written = {"speech": str(args.output)} if args.output else {}
        result_json({"file": str(path), "translated_to": target, "text": text, **written})
    else:
        result(text)
    if not args.output:
        args.sound.play([speech])
    return 0


def _translated(args: argparse.Namespace, engine: AnyModel, path: Path, target: str) -> tuple[list[str], Samples]:
    """The translation of every window of the recording, written and spoken."""
    import numpy as np

    from engine.commands.sounds import require_speech, speech_windows
    from engine.conversation.prompting.tasks import translate_instruction
    from engine.events import AnswerText, Progress, Speech, Turn
    from engine.samples import probe
    from engine.session import SessionSettings
    from engine.transcription.languages import english_name

    persona = translate_instruction(english_name(target), spoken=True)
    # Each window is translated for itself: no earlier turn is shown to the model.
    settings = SessionSettings(persona=persona, voice=_voice(args, engine, path), remember_turns=0)
    session = engine.session(settings=settings)
    texts: list[str] = []
    speech: list[Samples] = []
    duration_s = probe(path).duration_s
    with progress_bar(path.name, quiet=args.quiet) as bar:
        for window in speech_windows(path):
            text = ""
            longest = round(128 + _TOKENS_PER_S * (window.end_s - window.start_s))
            for event in session.ask(Turn(samples_16k=window.samples_16k, max_tokens=longest)):
                match event:
                    case AnswerText(text=more):
                        text += more
                    case Speech(samples_24k=more):
                        speech.append(more)
            texts.append(text.strip())
            bar.show(Progress("translate", window.end_s, duration_s, "seconds"))
    require_speech(path, bool(texts))
    if not speech:
        raise RequestError(f"{engine.name} gave no speech for {path}: try another model.")
    return texts, np.concatenate(speech)


def _voice(args: argparse.Namespace, engine: AnyModel, path: Path) -> Voice | None:
    """The voice that was asked for, or that of whoever speaks in the recording; None when too little is said."""
    import numpy as np

    from engine.checkpoints.catalogue import models_folder
    from engine.commands.sounds import speech_windows
    from engine.speaking import VoiceLibrary

    if args.voice:
        return VoiceLibrary(models_folder().parent / "voices").find(engine.speaking, args.voice)
    heard: list[Samples] = []
    for window in speech_windows(path):
        heard.append(window.samples_16k)
        if sum(map(len, heard)) >= _MOST_OF_A_VOICE_S * 16_000:
            break
    if sum(map(len, heard)) < _LEAST_OF_A_VOICE_S * 16_000:
        return None
    return engine.speaking.analyse(np.concatenate(heard)[: _MOST_OF_A_VOICE_S * 16_000], 16_000, "own")
