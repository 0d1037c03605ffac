"""Keep voices: add one from a recording, list, show, rename, remove, export and import them.

A voice is made of 3 to 10 seconds of one person speaking. Longer recordings are fine: the best part is taken."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.console import Help, add_model_option, load_engine, remark, result, result_json
from engine.errors import EngineError, RequestError, VoiceError

if TYPE_CHECKING:
    from engine.speaking import VoiceLibrary

_EXAMPLES = """\
examples:
  earshot voice add me me.m4a
  earshot voice list
  earshot voice export me me.voice
  earshot say "That sounds like me." --voice me"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command and its actions."""
    parser = subparsers.add_parser(
        "voice", help="add, list, remove and share voices", description=__doc__, epilog=_EXAMPLES, formatter_class=Help
    )
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    add = _action(actions, "add", _add, "make a voice from a recording")
    add.add_argument(
        "name_and_file", nargs="+", metavar="[NAME] FILE", help="what to call it, and a sound file of any length"
    )
    add.add_argument("--name", metavar="NAME", help="the same as NAME (default: the file's name)")
    add_model_option(add)
    every = _action(actions, "list", _list, "name all voices")
    every.add_argument("--json", action="store_true", help="one line of JSON")
    add_model_option(every)
    show = _action(actions, "show", _show, "what is known of a voice")
    show.add_argument("name", metavar="NAME")
    show.add_argument("--json", action="store_true", help="one line of JSON")
    _action(actions, "remove", _remove, "delete a voice").add_argument("name", metavar="NAME")
    rename = _action(actions, "rename", _rename, "give a voice another name")
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW")
    export = _action(actions, "export", _export, "write a voice to a file")
    export.add_argument("name", metavar="NAME")
    export.add_argument("file", type=Path, metavar="FILE")
    take = _action(actions, "import", _import, "take in an exported voice")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--name", metavar="NAME", help="what to call it (default: its own name)")


def library() -> VoiceLibrary:
    """The user's voices, beside the folder of their models."""
    from engine.checkpoints.catalogue import models_folder
    from engine.speaking import VoiceLibrary

    return VoiceLibrary(models_folder().parent / "voices")


def _action(actions: Any, name: str, function: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about, formatter_class=Help)
    parser.set_defaults(func=function)
    return parser


def _add(args: argparse.Namespace) -> int:
    from engine.samples import probe

    name, file = _name_and_file(args)
    if name in library().list():
        raise VoiceError(f"There is already a voice {name!r}: choose another with --name or remove it first.")
    probe(file)
    engine = load_engine(args)
    voice = library().from_recording(engine.speaking, file, name)
    library().add(voice)
    remark(f"The voice {name!r} is kept; {voice.duration_s:.1f} s of the recording are used.")
    return 0


def _name_and_file(args: argparse.Namespace) -> tuple[str, Path]:
    """What was meant by `NAME FILE`, `FILE`, and `FILE --name NAME`."""
    *names, file = args.name_and_file
    names += [args.name] if args.name else []
    if len(names) > 1:
        raise RequestError("A voice has one name and one recording: earshot voice add NAME FILE.")
    return (names or [Path(file).stem])[0], Path(file)


def _list(args: argparse.Namespace) -> int:
    own, built_in = library().list(), _built_in(args)
    if args.json:
        result_json({"voices": own, "built_in": built_in})
        return 0
    for name in own:
        result(name)
    for name in built_in:
        if name not in own:
            result(f"{name}  (built in)")
    if not own and not built_in:
        remark("There are no voices yet. Add one: earshot voice add NAME FILE.")
    return 0


def _built_in(args: argparse.Namespace) -> list[str]:
    """Names of the voices that the model brings; none where there is no model. Nothing large is loaded."""
    from engine.checkpoints import catalogue
    from engine.speaking.speaking import built_in_voices

    try:
        folder = args.model or catalogue.best()
    except EngineError:
        return []
    return list(built_in_voices(folder / "token2wav"))


def _show(args: argparse.Namespace) -> int:
    voice = library().get(args.name)
    facts = {
        "name": voice.name,
        "seconds": round(voice.duration_s, 2),
        "speech_tokens": len(voice.speech_tokens),
        "recording_s": round(len(voice.recording_24k) / 24_000, 2),
        "model": voice.model,
    }
    if args.json:
        result_json(facts)
        return 0
    result(f"{voice.name}: {voice.duration_s:.1f} s, {len(voice.speech_tokens)} speech tokens")
    kept = "its recording is kept, so every model can use it" if len(voice.recording_24k) else "for one model only"
    result(kept)
    return 0


def _remove(args: argparse.Namespace) -> int:
    library().remove(args.name)
    return 0


def _rename(args: argparse.Namespace) -> int:
    library().rename(args.name, args.new_name)
    return 0


def _export(args: argparse.Namespace) -> int:
    library().export(args.name, args.file)
    return 0


def _import(args: argparse.Namespace) -> int:
    voice = library().import_(args.file, args.name)
    remark(f"The voice {voice.name!r} is kept.")
    return 0
