"""What the commands share: results on stdout, progress and remarks on stderr, and the options many of them have."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import RequestError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from engine.engine import AnyModel, Engine
    from engine.events import Progress

T = TypeVar("T")

_TITLE_WIDTH = 24


class Help(argparse.RawDescriptionHelpFormatter):
    """--help in two columns that line up, at most 100 wide."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size((90, 24)).columns
        super().__init__(prog, max_help_position=24, width=min(100, max(columns - 2, 40)))
        self._action_max_length = 20

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if isinstance(action, argparse._SubParsersAction):  # its first line would only say COMMAND
            return "".join(text.splitlines(keepends=True)[1:])
        return text


def result(text: str, end: str = "\n") -> None:
    """Print a piece of the result on stdout, at once. Raises StorageError when it cannot be kept (a full disk)."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        from engine.storage import storage_error

        drop_stdout()
        raise storage_error("The result", error) from error


def drop_stdout() -> None:
    """Send what is still unwritten nowhere, so that Python does not complain about it once more while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def result_json(value: Any) -> None:
    """Print a value as one line of JSON on stdout."""
    result(json.dumps(value, ensure_ascii=False))


def remark(text: str) -> None:
    """Print a sentence on stderr."""
    print(text, file=sys.stderr, flush=True)


def complain(error: Exception) -> None:
    """Print an error's sentence on stderr the way the command line does."""
    remark(f"earshot: {error}")


def version() -> str:
    """The installed version, or that of the source folder this runs from."""
    import tomllib
    from importlib import metadata

    try:
        return metadata.version("earshot-assistant")
    except metadata.PackageNotFoundError:
        settings = Path(__file__).parents[2] / "pyproject.toml"
        return str(tomllib.loads(settings.read_text())["project"]["version"]) if settings.exists() else "unknown"


def add_connect_options(parser: argparse.ArgumentParser) -> None:
    """--connect URL and --token-file, which commands have that need not know where the model is."""
    parser.add_argument(
        "--connect",
        metavar="URL",
        help="use the model that another machine serves, such as http://studio.local:8765: what you say goes there",
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the token of that machine (default: $EARSHOT_TOKEN)"
    )


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """--model DIR and how it is loaded, which every command has that loads a model of one's choice."""
    parser.add_argument(
        "--model",
        type=_folder_or_address,
        metavar="DIR",
        help="folder of the model (default: the best one on this machine)",
    )
    add_loading_options(parser)


def add_loading_options(parser: argparse.ArgumentParser) -> None:
    """--insist, --backend and --quiet: how a model is loaded, whichever it is."""
    parser.add_argument("--insist", action="store_true", help="load the model even if it may not fit into memory")
    parser.add_argument(
        "--backend",
        default="auto",
        metavar="NAME",
        help="what computes: auto, plain, cpu or cuda (default: $EARSHOT_BACKEND, or what fits this machine)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr, only errors")


def load_engine(args: argparse.Namespace) -> Engine:
    """Load the model of --model, or the best one installed, with a progress bar. Raises CheckpointError."""
    with ctrl_c_waits():
        from engine.checkpoints import catalogue
        from engine.engine import Engine

    folder = args.model or catalogue.best()
    with progress_bar("Loading the model", quiet=args.quiet) as bar:
        return run_to_end(Engine.loading(folder, insist=args.insist, backend=args.backend), bar)


def load_model(args: argparse.Namespace) -> AnyModel:
    """The model of --connect, which is elsewhere, else as `load_engine`. Raises RemoteError too."""
    if args.connect and args.model is not None:
        raise RequestError("Give either --model or --connect: a model is here or on another machine.")
    address = args.connect or (args.model if isinstance(args.model, str) else "")
    if not address:
        return load_engine(args)
    with ctrl_c_waits():
        from engine.engine import Engine

    model = Engine.connect(address, _token(args.token_file))
    args.at_the_end.callback(model.close)
    if not args.quiet:
        remark(f"Answers come from {model.place}: what you say goes there.")
    return model


def _folder_or_address(text: str) -> Path | str:
    """A model as it is named: a folder here, or an address of another machine (see `load_model`)."""
    from engine.remote.address import is_address

    return text if is_address(text) else Path(text)


def _token(file: Path | None) -> str:
    """What --token-file holds, else $EARSHOT_TOKEN."""
    if file is None:
        return os.environ.get("EARSHOT_TOKEN", "")
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} cannot be read as a token: check the name.") from error


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C takes effect after the block: a process that is interrupted while it imports MLX is aborted."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def run_to_end(work: Generator[Progress, None, T], bar: Bar) -> T:
    """Drive a generator of Progress to its end, showing it; returns what it returns."""
    while True:
        try:
            bar.show(next(work))
        except StopIteration as end:
            return end.value


class Bar:
    """One line of progress on stderr that disappears when its work is over; nothing where stderr is not a terminal.

    It is drawn from `show` alone, no thread refreshes it, so Ctrl-C finds nothing half done.
    """

    def __init__(self, title: str, quiet: bool) -> None:
        self._title = title if len(title) <= _TITLE_WIDTH else f"{title[: _TITLE_WIDTH - 1]}…"
        self._visible = not quiet and sys.stderr.isatty()
        self._drawn_at = 0.0
        self._stage = ""
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def show(self, progress: Progress) -> None:
        """Move the bar, at most ten times a second."""
        now = time.monotonic()
        if not self._visible or now - self._drawn_at < 0.1:
            return
        self._drawn_at = now
        if self._bar is not None and self._task is not None and progress.stage != self._stage:
            self._bar.reset(self._task)  # how fast the stage before went says nothing of this one
        self._stage = progress.stage
        total, shown = progress.total or None, figures(progress)
        if self._bar is None or self._task is None:
            self._bar = _rich_progress()
            self._task = self._bar.add_task(self._title, total=total, completed=int(progress.done), figures=shown)
            self._bar.start()
        self._bar.update(self._task, total=total, completed=progress.done, refresh=True, figures=shown)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar off the screen while something else is printed."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        yield
        self._bar.start()

    def close(self) -> None:
        """Take the bar off the screen for good."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _rich_progress() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(28, complete_style="cyan", finished_style="cyan"),
        TextColumn("{task.fields[figures]}", style="dim"),
        TimeRemainingColumn(compact=True),
        console=Console(file=sys.stderr),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        get_time=time.monotonic,
    )


@contextmanager
def progress_bar(title: str, quiet: bool = False) -> Iterator[Bar]:
    """A Bar for the time of the block."""
    bar = Bar(title, quiet)
    try:
        yield bar
    finally:
        bar.close()


def figures(progress: Progress) -> str:
    """The numbers beside the bar: 12:30 of 1:02:03, 3.1 of 16.6 GB, 4 of 9."""
    from engine.samples import clock

    if progress.unit == "seconds":
        return f"{clock(progress.done)} of {clock(progress.total)}" if progress.total else clock(progress.done)
    if progress.unit == "bytes":
        done, total = progress.done / 1e9, progress.total / 1e9
        return f"{done:.1f} of {total:.1f} GB" if total else f"{done:.1f} GB"
    return f"{progress.done:g} of {progress.total:g}" if progress.total else f"{progress.done:g}"
