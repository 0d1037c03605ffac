"""The benchmark of whole requests: what a listener notices, what is written, and that nothing is lost silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.events import Speech
from engine.resources import resource
from tests.benchmarks import requests, second_device
from tests.benchmarks.random_model import write_random_folder
from tests.benchmarks.requests_table import markdown
from tests.benchmarks.requests_way import Listener, Plan, measure


def _piece(seconds: float, wait_s: float = 0.0) -> Speech:
    return Speech(np.zeros(round(24_000 * seconds), np.float32), 0, 0, 0, 0, wait_s)


def test_a_listener_waits_as_long_as_the_last_piece_before_playing_said() -> None:
    listener = Listener()
    listener.take(_piece(0.4, wait_s=1.0), 0.5)
    listener.take(_piece(1.0, wait_s=0.2), 0.75)
    listener.take(_piece(1.0), 1.25)
    found = listener.figures()
    assert (found["made_s"], found["heard_s"]) == (0.5, 0.95)
    assert found["spare_s"] == pytest.approx(0.95 + 1.4 - 1.25)
    assert (found["late_pieces"], found["pieces"], found["sound_s"]) == (0, 3, 2.4)


def test_a_listener_counts_pieces_that_come_too_late() -> None:
    listener = Listener()
    for moment in (0.5, 1.0, 1.2, 3.0):
        listener.take(_piece(0.4), moment)
    found = listener.figures()
    assert found["late_pieces"] == 2
    assert found["spare_s"] == pytest.approx(0.5 + 1.2 - 3.0)


def _reply(**values: Any) -> dict[str, Any]:
    figures = {"whole_s": 2.0, "made_s": 0.2, "heard_s": 0.3, "spare_s": 0.6, "late_pieces": 0, "pieces": 4}
    return figures | {"sound_s": 3.0, "ids_per_s": 120.0} | values


def _found() -> dict[str, Any]:
    rounds = [_reply(whole_s=1.0, spare_s=0.1), _reply(late_pieces=1), _reply(whole_s=3.0)]
    way = {"load_s": 1.0, "warm_up_s": 2.0, "held_bytes": 4e9, "peak_bytes": 5.2e9, "traced_meanwhile": 0}
    way["replies"] = [{"turn": 2, "ids": 85, "rounds": rounds}, {"turn": 1, "ids": 85, "rounds": rounds[:1]}]
    about = {"model": "random, full size", "voice_tokens": 226, "rounds": 3}
    decode = [{"name": "bf16 mlx-lm", "values": [200.0, 210.0, 190.0]}]
    left_out = {"plain-8": "no time was left"}
    return {"machine": {"mlx": "1"}, "about": about, "ways": {"plain-4": way}, "decode": decode, "left_out": left_out}


def test_the_table_shows_medians_but_the_worst_of_what_must_not_happen() -> None:
    lines = markdown(_found()).splitlines()
    assert "**plain MLX, 4 bits**: loaded in 1.0 s, warmed up in 2.0 s, 4.0 GB held, 5.2 GB at the peak" in lines[2]
    rows = [line for line in lines if line.startswith("| 85")]
    assert rows[0] == "| 85 | 1 | 1.00 | 0.20 | 0.30 | 0.10 | 0 | 4 | 3.0 | 120 |"
    assert rows[1] == "| 85 | 2 | 2.00 | 0.20 | 0.30 | 0.10 | 1 | 4 | 3.0 | 120 |"
    assert "| bf16 mlx-lm | 200 |" in lines
    assert lines[-1] == "Left out: plain-8: no time was left."


def test_a_timeline_is_told_in_the_order_of_beginnings_with_ids_together() -> None:
    moments = [("encode", 0.0, 0.01), ("id", 0.05, 0.06), ("id", 0.06, 0.09), ("flow", 0.1, 0.15), ("piece", 0.09, 0.2)]
    timeline = {"turn": 2, "ids": 85, "whole_s": 0.5, "moments": moments}
    found = _found()
    found["ways"]["plain-4"]["timelines"] = [timeline]
    lines = markdown(found).splitlines()
    begin = lines.index("plain-4, 85 ids at turn 2, 0.500 s with the watching:") + 3
    assert lines[begin : begin + 4] == [
        "  0.000 –   0.010  encode (10.0 ms)",
        "  0.050 –   0.090  2 ids (usually 30.00 ms, 30.0 at most)",
        "  0.090 –   0.200  piece (110.0 ms)",
        "  0.100 –   0.150  flow (50.0 ms)",
    ]


def test_a_file_of_figures_is_printed_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(_found()))
    assert requests.main(["--table", str(tmp_path / "figures.json")]) == 0
    assert capsys.readouterr().out == markdown(_found()) + "\n"


def test_what_no_time_is_left_for_is_named_in_the_file(tiny_checkpoint: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--folder", str(tiny_checkpoint), "--ways", "cpu", "plain", "--decode", "--budget-s", "0"]
    assert requests.main([*options, "--json", str(file)]) == 1
    assert set(json.loads(file.read_text())["left_out"]) == {"cpu", "plain", "decode"}


def test_a_file_that_cannot_be_written_is_known_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        requests.main(["--json", str(tmp_path / "missing" / "figures.json")])


@pytest.mark.slow
def test_a_whole_run_of_a_way_that_exists_and_one_that_does_not(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    sizes = ["--size", "tiny", "--lengths", "20", "--turns", "1", "2", "--rounds", "1", "--voice-tokens", "20"]
    assert requests.main([*sizes, "--ways", "auto-16", "cuda-16", "--timeline", "--json", str(file)]) == 1
    found = json.loads(file.read_text())
    assert list(found["ways"]) == ["auto-16"]
    assert list(found["left_out"]) == ["cuda-16"]
    assert found["machine"]["mlx"]
    replies = found["ways"]["auto-16"]["replies"]
    assert [(reply["turn"], reply["ids"], len(reply["rounds"])) for reply in replies] == [(1, 20, 1), (2, 20, 1)]
    assert all(reply["rounds"][0]["sound_s"] == 14 * 0.04 for reply in replies)
    for timeline in found["ways"]["auto-16"]["timelines"]:
        moments = [name for name, _, _ in timeline["moments"]]
        assert (moments.count("encode"), moments.count("read"), moments.count("id")) == (1, 1, 19)
        assert moments.count("piece") == moments.count("sounded") == moments.count("flow") > 0


@pytest.mark.slow
def test_a_random_model_of_four_bits_answers_and_transcribes(tmp_path: Path) -> None:
    folder = write_random_folder(tmp_path / "Random", "tiny")
    found = measure(Plan(str(folder), "auto", 4, [20], [1], 1, 20, transcribing=1))
    assert found["replies"][0]["rounds"][0]["heard_s"] > 0
    assert found["traced_meanwhile"] == 0
    assert 0 < found["held_bytes"] <= found["peak_bytes"]
    beside = found["transcribing"]
    assert len(beside["alone_heard_s"]) == len(beside["beside_heard_s"]) == 1
    assert beside["longest_step_s"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["random", "starter"])
def test_a_second_device_speaks_all_that_the_first_one_writes(tmp_path: Path, weights: str) -> None:
    ways = {"random": ["--size", "tiny"], "starter": ["--folder", str(resource("starter"))]}
    kept = tmp_path / "found.json"
    second_device.main([*ways[weights], "--lengths", "30", "--rounds", "1", "--second", "0", "--json", str(kept)])
    found = json.loads(kept.read_text())
    sounds = [found[way][0]["rounds"][0]["sound_s"] for way in ("one", "two")]
    assert sounds[0] == sounds[1] > 0.5
