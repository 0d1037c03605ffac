"""Downloads of models in the app: a real HTTP server on this machine plays the hub."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.models.catalogue import Catalogue, kept_in
from app.models.downloads import Downloads
from app.models.wanted_copies import WantedCopies
from app.settings import Settings
from app.shown.models import DownloadState, DownloadView
from app.worker import Worker
from engine.checkpoints.download import downloading
from engine.checkpoints.folder_lock import locked
from engine.checkpoints.patience import Patience
from engine.events import Progress
from tests import bad_days
from tests.hub import FILES, NAME, SHARD, WEIGHTS, Handler, LocalHub, running_hub

Start = Callable[[], Downloads]


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with running_hub() as running:
        yield running


@pytest.fixture
def start(hub: LocalHub, tmp_path: Path, qtbot: QtBot) -> Iterator[Start]:
    worker = Worker("downloads", 60)
    settings = Settings(tmp_path.with_name(f"{tmp_path.name}-settings.json"))
    opened: list[Downloads] = []

    def begin() -> Downloads:
        fetch = partial(downloading, hub=hub.address, patience=Patience(tries=1))
        downloads = Downloads(lambda: tmp_path, worker, WantedCopies(settings), fetch)
        opened.append(downloads)
        downloads.refresh()
        qtbot.waitUntil(lambda: len(downloads.listed) == 3)
        return downloads

    yield begin
    for downloads in opened:
        downloads.close()
        qtbot.waitUntil(lambda d=downloads: all(v.state is not DownloadState.RUNNING for v in d.listed))
    worker.close(20)


def view(downloads: Downloads) -> DownloadView | None:
    return next((each for each in downloads.listed if each.name == NAME), None)


def test_nothing_is_fetched_before_a_person_asks(start: Start, hub: LocalHub, tmp_path: Path) -> None:
    downloads = start()
    assert [each.state for each in downloads.listed] == [DownloadState.OFFERED] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_download_arrives_and_is_offered_no_more(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    downloads = start()
    with qtbot.waitSignal(downloads.arrived) as arrived:
        downloads.start(NAME)
    assert arrived.args == [NAME]
    qtbot.waitUntil(lambda: view(downloads) is None)
    assert (tmp_path / NAME / "config.json").read_bytes() == FILES["config.json"]


def test_a_broken_connection_is_a_sentence_in_its_row_and_it_goes_on_from_there(
    start: Start, qtbot: QtBot, hub: LocalHub, tmp_path: Path
) -> None:
    hub.faults = deque([Handler.serve, bad_days.drop_in_the_middle])
    downloads = start()
    downloads.start(NAME)
    qtbot.waitUntil(lambda: (view(downloads) or DownloadView("")).state is DownloadState.PAUSED)
    stopped = view(downloads)
    assert stopped is not None
    assert "Check the connection" in stopped.problem
    assert stopped.done > 1_000_000
    with qtbot.waitSignal(downloads.arrived):
        downloads.start(NAME)
    assert hub.ranges(), "the second try must not begin at zero"
    assert (tmp_path / NAME / SHARD).read_bytes() == WEIGHTS


def test_what_arrived_before_the_app_was_closed_is_found_again_and_can_be_discarded(
    start: Start, qtbot: QtBot, tmp_path: Path
) -> None:
    partial_folder = tmp_path / f"{NAME}.partial"
    partial_folder.mkdir()
    (partial_folder / "config.json").write_bytes(b"12345")
    downloads = start()
    found = view(downloads)
    assert found is not None
    assert (found.state, found.done) == (DownloadState.PAUSED, 5)
    downloads.discard(NAME)
    qtbot.waitUntil(lambda: (view(downloads) or found).state is DownloadState.OFFERED)
    assert not partial_folder.exists()


def test_what_another_program_is_downloading_is_not_discarded_and_that_is_said(
    start: Start, qtbot: QtBot, tmp_path: Path
) -> None:
    arriving = tmp_path / f"{NAME}.partial" / "config.json"
    arriving.parent.mkdir()
    arriving.write_bytes(b"12345")
    downloads = start()
    with locked(tmp_path / NAME):
        downloads.discard(NAME)
        qtbot.waitUntil(lambda: "another Earshot" in (view(downloads) or DownloadView("")).problem)
        downloads.start(NAME)
        qtbot.waitUntil(lambda: (view(downloads) or DownloadView("")).state is DownloadState.PAUSED)
    found = view(downloads)
    assert found is not None
    assert "another Earshot" in found.problem
    assert arriving.read_bytes() == b"12345"


def test_a_paused_download_keeps_what_arrived(qtbot: QtBot, tmp_path: Path) -> None:
    def endless(name: str, folder: Path) -> Generator[Progress, None, Path]:
        (folder / f"{name}.partial").mkdir()
        (folder / f"{name}.partial" / "config.json").write_bytes(b"12345")
        while True:
            yield Progress("downloading", 5, 10, "bytes")

    worker = Worker("downloads", 60)
    downloads = Downloads(lambda: tmp_path, worker, WantedCopies(Settings(tmp_path / "settings.json")), endless)
    downloads.refresh()
    qtbot.waitUntil(lambda: view(downloads) is not None)
    downloads.start(NAME)
    qtbot.waitUntil(lambda: (view(downloads) or DownloadView("")).done == 5)
    downloads.pause(NAME)
    qtbot.waitUntil(lambda: (view(downloads) or DownloadView("")).state is DownloadState.PAUSED)
    assert (tmp_path / f"{NAME}.partial" / "config.json").read_bytes() == b"12345"
    worker.close(20)


def test_the_catalogue_looks_into_the_folder_the_user_chose(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    chosen = tmp_path / "large disk"
    (chosen / "mine").mkdir(parents=True)
    (chosen / "mine" / "config.json").write_text("{}")
    settings.change(models_folder=str(chosen))
    catalogue = Catalogue(lambda: kept_in(settings))
    assert str(chosen / "mine") in [model.key for model in catalogue.installed("")]


def test_a_model_chosen_from_elsewhere_is_listed_as_the_one_in_use(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.json").write_text("{}")
    listed = Catalogue(lambda: tmp_path / "none").installed(str(elsewhere))
    assert [model.key for model in listed if model.current] == [str(elsewhere)]
