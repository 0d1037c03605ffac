"""List conversations, export them as files, and import such files.

A conversation is named by its title or by the beginning of its id. Exported as Markdown it can be read, as JSON it can
be imported again with all its versions, and a folder holds both with all that was recorded. What was deleted is not
in it."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.console import Help, remark, result, result_json
from engine.commands.outputs import add_output_option, check_place
from engine.errors import RequestError

if TYPE_CHECKING:
    from app.shown.talk import ConversationView
    from app.talk.store import Store

_EXAMPLES = """\
examples:
  earshot conversations list
  earshot conversations export "Planning the trip" --format folder -o backup
  earshot conversations export --all --format json -o backup
  earshot conversations import backup/*.json"""
_SHORT = 8  # characters of an id, as it is listed
_NONE = "There are no conversations yet."


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command and its actions."""
    parser = subparsers.add_parser(
        "conversations",
        help="list, export and import what was said in the window",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    every = _action(actions, "list", _list, "name all conversations, newest first")
    every.add_argument("--json", action="store_true", help="one line of JSON each")
    export = _action(actions, "export", _export, "write conversations as files")
    export.add_argument("names", nargs="*", metavar="NAME", help="titles, or beginnings of ids")
    export.add_argument("--all", action="store_true", help="all of them")
    export.add_argument(
        "--format", choices=("md", "json", "folder"), default="md", help="what to write (default: md); folder has sound"
    )
    add_output_option(export, "DIR", "the folder to write to (default: this one)")
    take = _action(actions, "import", _import, "take in exported conversations")
    take.add_argument("places", nargs="+", type=Path, metavar="PLACE", help="JSON files, or exported folders")


def _action(actions: Any, name: str, function: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about, formatter_class=Help)
    parser.set_defaults(func=function)
    return parser


def _opened() -> Store:
    """The conversations of the window, which may be open meanwhile. Raises StorageError."""
    from app.paths import Paths
    from app.talk.store import Store

    paths = Paths.of_user()
    paths.make()
    store = Store(paths.store, paths.recordings)
    for trouble in store.take_troubles():
        remark(trouble)
    return store


def _list(args: argparse.Namespace) -> int:
    with closing(_opened()) as store:
        found = store.conversations()
    for each in found:
        if args.json:
            result_json({"id": each.key, "title": each.title, "changed": each.when, "turns": each.turns})
        else:
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.when))
            result(f"{each.key[:_SHORT]}  {day}  {each.turns:4}  {each.title}")
    if not found:
        remark(_NONE)
    return 0


def _export(args: argparse.Namespace) -> int:
    from app.talk.archive_files import file_name_of, write_archive
    from engine.storage import make_folder, told_apart

    folder = args.output or Path()
    check_place(folder, folder=True)
    with closing(_opened()) as store:
        chosen = _chosen(store, args.names, everything=args.all)
        if not chosen:
            remark(_NONE)
            return 0
        make_folder(folder)
        suffix = "" if args.format == "folder" else f".{args.format}"
        there = (path.name.casefold() for path in folder.iterdir())
        taken = {name.removesuffix(suffix) for name in there if name.endswith(suffix)}
        for view in chosen:
            archive = store.archive(view.key)
            if archive is not None:
                name = told_apart(file_name_of(archive.title), taken)
                place = folder / f"{name}{suffix}"
                result(str(write_archive(archive, store.folder(view.key), place, args.format)))
    return 0


def _chosen(store: Store, names: list[str], *, everything: bool) -> list[ConversationView]:
    """The conversations that are meant. Raises RequestError for a name that none has, or several."""
    views = store.conversations()
    if everything:
        return list(views)
    if not names:
        raise RequestError("Name the conversations to export, or say --all; `earshot conversations list` names them.")
    return [_named(views, name) for name in names]


def _named(views: tuple[ConversationView, ...], name: str) -> ConversationView:
    found = [each for each in views if each.title == name or (len(name) >= _SHORT // 2 and each.key.startswith(name))]
    if not found:
        raise RequestError(f"There is no conversation {name!r}: `earshot conversations list` names them.")
    if len(found) > 1:
        ids = ", ".join(each.key[:_SHORT] for each in found)
        raise RequestError(f"Several conversations are called {name!r}: name one by its id ({ids}).")
    return found[0]


def _import(args: argparse.Namespace) -> int:
    from app.talk.archive_files import copy_sounds, read_archive_file, remove_sounds
    from engine.errors import StorageError

    found = [read_archive_file(place) for place in args.places]  # all are read before any is kept
    with closing(_opened()) as store:
        if not store.on_disk:
            raise StorageError("Nothing was imported: it could not be kept.")
        for exported, sounds in found:
            archive = store.make_room(exported)
            copy_sounds(archive, sounds, store.folder(archive.key))
            try:
                store.add_archive(archive)
            except StorageError:
                remove_sounds(store.folder(archive.key))
                raise
            turns = "1 turn" if len(archive.turns) == 1 else f"{len(archive.turns)} turns"
            result(f"{archive.key[:_SHORT]}  {archive.title}  ({turns})")
    remark("A window that is open lists them when it starts next.")
    return 0
