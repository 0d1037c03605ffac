"""A few kills of each campaign, and that a campaign would notice what it is there for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from app.shown.talk import TurnState
from app.talk.stored_turn import StoredTurn
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.events import Turn
from tests.campaigns.__main__ import CAMPAIGNS
from tests.campaigns.campaign import Campaign, Findings, assert_nothing_found, run_campaign, table
from tests.campaigns.checking import memory_against
from tests.campaigns.expected import expected_of
from tests.campaigns.journal import Journal, read_journal
from tests.campaigns.processes import Moment, Watched, kill_at, run_to_end

KILLS = {"conversation": 2, "deletion": 2, "recording": 1, "transcription": 1, "download": 1, "conversion": 3}


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campaigns")


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_few_kills_lose_double_and_leave_nothing(name: str, shared_folder: Path) -> None:
    assert_nothing_found(CAMPAIGNS[name], shared_folder, KILLS[name])


def count(watched: Watched, folder: Path) -> None:
    """Writes one file after the other, for ever."""
    watched.begin()
    for number in range(10_000):
        (folder / str(number)).write_text("x")
        time.sleep(0.001)


def say(watched: Watched, _folder: Path, word: str) -> None:
    watched.report(word)


def fail(_watched: Watched, _folder: Path) -> None:
    raise ValueError("a bug")


@pytest.mark.parametrize("touches", [1, 4])
def test_a_process_is_killed_before_it_touches_a_file_again(tmp_path: Path, touches: int) -> None:
    (tmp_path / "home").mkdir()
    kill_at(Moment(60.0, touches), count, tmp_path / "home")
    assert len(list((tmp_path / "home").iterdir())) == touches - 1


def test_a_process_is_killed_after_some_seconds(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    kill_at(Moment(0.05), count, tmp_path / "home")
    assert len(list((tmp_path / "home").iterdir())) < 10_000


def test_a_process_reports_and_one_that_fails_says_why(tmp_path: Path) -> None:
    assert run_to_end(say, tmp_path / "home", "word") == "word"
    with pytest.raises(AssertionError, match="a bug"):
        run_to_end(fail, tmp_path / "home")


def test_the_table_says_which_seed_found_something(tmp_path: Path) -> None:
    def kill(_folder: Path, _shared: Path, seed: int) -> Findings:
        if seed == 18:
            raise AssertionError("it does not start")
        return Findings(doubled=["a question"]) if seed == 17 else Findings()

    report = run_campaign(Campaign("odd", kill), tmp_path, kills=3, seed=16)
    assert report.row[:5] == ("odd", "3", "1", "1", "0")
    assert report.faults == [
        "odd --seed 17 --kills 1: doubled: a question",
        "odd --seed 18 --kills 1: lost: it does not start",
    ]
    assert table([report]).splitlines()[0].split() == [
        "campaign",
        "kills",
        "lost",
        "doubled",
        "left",
        "behind",
        "seconds",
    ]
    with pytest.raises(AssertionError, match="--seed 17"):
        assert_nothing_found(Campaign("odd", kill), tmp_path / "again", kills=2, seed=16)


def shown(id: str, text: str = "", versions: int = 1) -> dict[str, Any]:
    return {
        "id": id,
        "state": "done",
        "text": text,
        "seconds": None,
        "answer": "",
        "sound": False,
        "versions": versions,
    }


def test_what_was_shown_last_is_expected_without_what_was_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "shown")
    path = [shown("a"), shown("b", versions=2), shown("c"), shown("d")]
    journal.write(shown={"conversation": "one", "turns": path})
    journal.write(step="delete_turn", turn="b")
    journal.write(done="delete_turn")
    journal.write(step="delete_turn", turn="a")
    with (tmp_path / "shown").open("ab") as file:
        file.write(b'{"done": "dele')  # it was killed here
    assert len(read_journal(tmp_path / "shown")) == 4
    expected = expected_of(tmp_path / "shown")
    assert expected.removed == {"b", "c", "d"}
    assert expected.uncertain == {"a"}
    assert not any(map(expected.stays, "abcd"))
    journal = Journal(tmp_path / "shown")
    journal.write(done="delete_turn")
    journal.write(step="undo")
    journal.write(done="undo")
    assert [id for id in "abcd" if expected_of(tmp_path / "shown").stays(id)] == ["a"]


def record(id: str, question: str, answer: str) -> TurnRecord:
    return TurnRecord(Turn(text=question, id=id), passages=(Passage(False, (1,), answer),))


def stored(id: str, question: str, answer: str, state: TurnState = TurnState.DONE) -> StoredTurn:
    return StoredTurn(id, "one", state, question, answer=answer)


ONE, TWO = record("1", "One?", "One."), record("2", "Two?", "Two.")
BOTH = [stored("1", "One?", "One."), stored("2", "Two?", "Two.")]
CUT = stored("2", "Two?", "Tw", TurnState.INTERRUPTED)


@pytest.mark.parametrize(
    ("memory", "path", "ids", "found"),
    [
        (Memory([ONE, TWO], ["1", "2"]), BOTH, "12", ""),
        (Memory([ONE, TWO], ["1", "2"]), [BOTH[0], CUT], "12", ""),
        (Memory([ONE], ["1"]), BOTH, "12", "lost"),
        (Memory([ONE, TWO], ["2", "1"]), BOTH, "12", "lost"),
        (Memory([ONE, record("2", "Two?", "Three.")], ["1", "2"]), BOTH, "12", "lost"),
        (Memory([ONE, record("2", "Other?", "Two.")], ["1", "2"]), BOTH, "12", "lost"),
        (Memory([ONE, TWO], ["1", "2"]), BOTH[:1], "12", "doubled"),
        (
            Memory([ONE, record("2", "One?", "Two.")], ["1", "2"]),
            [BOTH[0], stored("2", "One?", "Two.")],
            "12",
            "doubled",
        ),
        (Memory([ONE, TWO], ["1"]), BOTH[:1], "1", "left_behind"),
    ],
)
def test_a_memory_that_differs_is_noticed(memory: Memory, path: list[StoredTurn], ids: str, found: str) -> None:
    findings = memory_against(memory, path, frozenset(ids))
    assert [name for name in ("lost", "doubled", "left_behind") if getattr(findings, name)] == [found] * bool(found)
