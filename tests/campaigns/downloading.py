"""Kills a download from a hub on this machine whose line breaks too, and a conversion."""

from __future__ import annotations

from pathlib import Path
from random import Random

from engine.checkpoints.catalogue import UNFINISHED
from engine.checkpoints.convert import converting
from engine.checkpoints.leftovers import remove_leftovers
from tests.bad_days import drop_at_once, drop_in_the_middle, drop_without_length
from tests.campaigns.campaign import Campaign, Findings
from tests.campaigns.journal import Journal, read_journal
from tests.campaigns.processes import Watched, draw_moment, kill_at, run_to_end
from tests.downloads import content_of, kill_downloads
from tests.hub import running_hub
from tests.tiny_model import write_tiny_model

_DOWNLOADED = 12_000_000  # bytes
_FAULTS = (drop_at_once, drop_in_the_middle, drop_without_length)
_KILLED_WITHIN_S = 0.3
_KILLED_WITHIN_TOUCHES = 60


def _kill_download(folder: Path, _shared: Path, seed: int) -> Findings:
    with running_hub() as hub:
        hub.faults.append(Random(seed).choice(_FAULTS))
        try:
            kill_downloads(folder, hub, kills=1, size=_DOWNLOADED, seed=seed)
        except AssertionError as error:
            return Findings(lost=[str(error)])
    return Findings()


def _convert(watched: Watched, home: Path, source: Path) -> None:
    """Make one copy after the other."""
    watched.begin()
    journal = Journal(_journal_path(home))
    for number in range(1000):
        list(converting(source, home / f"copy-{number}"))
        journal.write(made=f"copy-{number}")


def _convert_again(watched: Watched, home: Path, source: Path, name: str) -> None:
    """Tidy up as the app does when it starts, and make the copy that was begun, unless it was whole already."""
    remove_leftovers(home)
    left = sorted(path.name for path in home.iterdir() if not path.is_dir() or path.suffix == UNFINISHED)
    if not (home / name).exists():
        list(converting(source, home / name))
    watched.report(left)


def _kill_conversion(folder: Path, shared: Path, seed: int) -> Findings:
    source, home = shared / "model", folder / "home"
    if not source.exists():
        write_tiny_model(source)
        list(converting(source, shared / "copy"))
    home.mkdir()
    kill_at(draw_moment(Random(seed), _KILLED_WITHIN_S, _KILLED_WITHIN_TOUCHES), _convert, home, source)
    made = [entry["made"] for entry in read_journal(_journal_path(home))]
    begun = f"copy-{len(made)}"
    left = run_to_end(_convert_again, home, source, begun)
    whole = content_of(shared / "copy")
    lost = [name for name in (*made, begun) if not (home / name).is_dir() or content_of(home / name) != whole]
    return Findings(lost=lost, left_behind=left)


def _journal_path(home: Path) -> Path:
    return home.with_name(f"{home.name}.shown")


DOWNLOAD = Campaign("download", _kill_download)
CONVERSION = Campaign("conversion", _kill_conversion)
