"""Downloading: resumed, checked, whole or not at all. A real HTTP server on this machine plays the hub."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.checkpoints.download import discard_download, downloading
from engine.errors import CheckpointError, StorageError
from tests import bad_days
from tests.downloads import content_of, kill_downloads, start_download, stop_at
from tests.hub import FILES, NAME, SHARD, WEIGHTS, Handler, LocalHub, commit_of, running_hub
from tests.permissions import unprivileged

PARTIAL = f"{NAME}.partial"


def test_a_download_ends_with_every_file_in_place(tmp_path: Path, hub: LocalHub) -> None:
    progress = list(downloading(NAME, tmp_path, hub=hub.address))
    assert content_of(tmp_path / NAME) == FILES
    assert progress[-1].done == progress[-1].total == sum(map(len, FILES.values()))
    assert [path.name for path in tmp_path.iterdir()] == [NAME], "neither a lock nor what is unfinished stays"


def test_what_was_downloaded_is_for_its_owner_only(tmp_path: Path, hub: LocalHub) -> None:
    list(downloading(NAME, tmp_path / "Earshot" / "models", hub=hub.address))
    for path in (tmp_path / "Earshot", *(tmp_path / "Earshot").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_closing_a_download_keeps_what_arrived(tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]) -> None:
    stop_at(tmp_path, hub, 2_000_000)
    part = tmp_path / PARTIAL / f"{SHARD}.part"
    assert part.stat().st_size >= 1_000_000
    assert not (tmp_path / NAME).exists()
    hub.served = 0
    assert content_of(bring()) == FILES
    assert hub.served < len(WEIGHTS) - 1_000_000


def test_a_damaged_file_is_discarded_with_a_sentence(tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]) -> None:
    hub.always = bad_days.flipped_bit
    with pytest.raises(CheckpointError, match=r"config\.json arrived damaged"):
        bring()
    assert not list(tmp_path.rglob("config.json*"))


def test_what_was_damaged_on_the_disk_is_fetched_again(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]
) -> None:
    stop_at(tmp_path, hub, 4_000_000)
    (tmp_path / PARTIAL / "config.json").write_bytes(b"[]")
    part = tmp_path / PARTIAL / f"{SHARD}.part"
    part.write_bytes(b"?" + part.read_bytes()[1:])
    assert content_of(bring()) == FILES


def test_a_file_that_is_longer_than_listed_is_fetched_again(tmp_path: Path, bring: Callable[[], Path]) -> None:
    (tmp_path / PARTIAL).mkdir()
    (tmp_path / PARTIAL / f"{SHARD}.part").write_bytes(WEIGHTS + b"more")
    assert content_of(bring()) == FILES


def test_a_download_stays_with_the_revision_it_began_with(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]
) -> None:
    stop_at(tmp_path, hub, 2_000_000)
    hub.revisions.append({name: bytes(reversed(content)) for name, content in FILES.items()})
    assert content_of(bring()) == FILES


def test_a_revision_that_comes_between_list_and_files_changes_nothing(hub: LocalHub, bring: Callable[[], Path]) -> None:
    def publish(handler: Handler, content: bytes, start: int) -> None:
        hub.revisions.append({name: b"other" for name in FILES})
        handler.serve(content, start)

    hub.faults = deque([publish])
    assert content_of(bring()) == FILES
    assert {each.path.split("/resolve/")[1][:40] for each in hub.asked if "/resolve/" in each.path} == {commit_of(0)}


def test_a_revision_that_is_gone_gives_way_to_the_newest_and_nothing_of_it_stays(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]
) -> None:
    hub.revisions[0] = {"config.json": b"{}", "old.json": b"[]", SHARD: WEIGHTS[::-1]}
    stop_at(tmp_path, hub, 2_000_000)
    hub.revisions[0] = FILES
    record = tmp_path / PARTIAL / ".download.json"
    record.write_text(json.dumps({"commit": commit_of(7)}))
    assert content_of(bring()) == FILES


@pytest.mark.parametrize("record", [b"", b"[]", b"{", b'{"commit": 1}', b'{"commit": "../main"}', b"[" * 100_000])
def test_a_damaged_record_does_no_harm(tmp_path: Path, bring: Callable[[], Path], record: bytes) -> None:
    (tmp_path / PARTIAL).mkdir()
    (tmp_path / PARTIAL / ".download.json").write_bytes(record)
    assert content_of(bring()) == FILES


def test_a_second_download_of_the_same_model_is_refused_with_a_sentence(
    tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]
) -> None:
    first = downloading(NAME, tmp_path, hub=hub.address)
    while next(first).done < 2_000_000:
        pass
    with pytest.raises(CheckpointError, match="is being made by another Earshot"):
        bring()
    with pytest.raises(CheckpointError, match="is being made by another Earshot"):
        discard_download(NAME, tmp_path)
    for _ in first:
        pass
    assert content_of(tmp_path / NAME) == FILES
    with pytest.raises(CheckpointError, match="exists already"):
        bring()


def test_a_download_that_was_discarded_begins_anew(tmp_path: Path, hub: LocalHub, bring: Callable[[], Path]) -> None:
    stop_at(tmp_path, hub, 2_000_000)
    discard_download(NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert content_of(bring()) == FILES


def test_the_token_goes_to_the_hub_and_not_where_it_leads(
    tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with running_hub(host="localhost") as elsewhere:

        def lead_away(handler: Handler, content: bytes, start: int) -> None:
            handler.answer(302, b"", {"Location": elsewhere.address + handler.path})

        hub.always = lead_away
        monkeypatch.setenv("HF_ENDPOINT", hub.address + "/")
        monkeypatch.setenv("HF_TOKEN", "hf_secret\n")
        list(downloading(NAME, tmp_path))
    assert content_of(tmp_path / NAME) == FILES
    assert {each.token for each in hub.asked} == {"Bearer hf_secret"}
    assert len(elsewhere.asked) == len(FILES)
    assert {each.token for each in elsewhere.asked} == {""}
    assert "hf_secret" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_ENDPOINT", "huggingface"),
        ("HF_ENDPOINT", "ftp://huggingface.co"),
        ("HF_ENDPOINT", "http://[::"),
        ("HF_TOKEN", "hf_\nX: y"),
        ("HF_TOKEN", "hf_ü"),
        ("HTTPS_PROXY", "ftp://nonsense"),
    ],
)
def test_settings_that_cannot_be_used_are_a_sentence(
    tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv(name, value)
    with pytest.raises(CheckpointError, match=r"\.$") as error:
        list(downloading(NAME, tmp_path))
    assert name != "HF_TOKEN" or value not in str(error.value)
    assert hub.asked == []


def test_an_unknown_name_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No published model is called 'x'"):
        next(downloading("x", tmp_path))


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Check the connection"):
        list(downloading(NAME, tmp_path, hub="http://127.0.0.1:9"))


def test_a_folder_that_is_locked_is_a_sentence(tmp_path: Path, hub: LocalHub) -> None:
    tmp_path.chmod(0o700)
    with unprivileged(), pytest.raises(StorageError, match="may not be written"):
        list(downloading(NAME, tmp_path / "models", hub=hub.address))


def test_two_commands_at_once_never_damage_a_model(tmp_path: Path, hub: LocalHub) -> None:
    commands = [start_download(tmp_path, hub) for _ in range(2)]
    errors = [command.communicate(timeout=60)[1] for command in commands]
    assert 0 in {command.returncode for command in commands}
    assert content_of(tmp_path / NAME) == FILES
    for command, error in zip(commands, errors, strict=True):
        assert command.returncode == 0 or "being made by another" in error or "exists already" in error


def test_a_download_that_is_killed_goes_on_where_it_was(tmp_path: Path, hub: LocalHub) -> None:
    kill_downloads(tmp_path, hub, kills=2, size=12_000_000)
