"""The engine equals the official code, as far as recorded outputs tell; and the program that says so can say no."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.backends import Backend, choose
from engine.backends.plain import Plain
from tests.parity.__main__ import compare, main, owner, plug_ins
from tests.parity.goldens import Entry, Goldens, Row

pytestmark = pytest.mark.slow

OWN = Path(__file__).parent / "goldens"
SHARED = Path(__file__).parents[1].parent / "shared" / "goldens"
FOLDERS = [
    pytest.param(folder, id=folder.parent.name) for folder in (OWN, SHARED) if (folder / "goldens.json").exists()
]
AREAS = ("frontend.", "prompts.", "llm.", "encoder.", "promptwav.", "flow.", "hift.", "token2wav.")
BACKENDS = {"fitting": choose, "plain": lambda: Plain(half=False), "half": lambda: Plain(half=True)}


@pytest.fixture(scope="module", params=BACKENDS)
def attached(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]()


@pytest.fixture(scope="module", params=FOLDERS)
def goldens(request: pytest.FixtureRequest, attached: Backend) -> Goldens:
    return Goldens(request.param, backend=attached)


@pytest.mark.parametrize("area", AREAS)
def test_everything_equals_the_recorded_outputs(goldens: Goldens, area: str) -> None:
    entries = [entry for entry in goldens.entries if entry.id.startswith(area)]
    rows = list(compare(goldens, entries, plug_ins()))
    assert {owner(entry, plug_ins()) is None for entry in entries} == {False}
    assert len(rows) >= len(entries)
    assert [row for row in rows if not row.ok] == []


def test_a_wrong_output_fails_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"id": "frontend.token_num", "values": {"mel_frames": [100], "token_num": [14]}}
    (tmp_path / "goldens.json").write_text(json.dumps({"checkpoint": "none", "entries": [entry]}))
    assert main([str(tmp_path)]) == 1
    assert "NO" in capsys.readouterr().out


def test_an_entry_nobody_knows_fails_the_program_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        {"id": "frontend.token_num", "values": {"mel_frames": [100], "token_num": [12]}},
        {"id": "smelling.roses", "values": {}},
    ]
    (tmp_path / "goldens.json").write_text(json.dumps({"checkpoint": "none", "entries": entries}))
    assert main([str(tmp_path)]) == 1
    assert "smelling.roses" in capsys.readouterr().out
    assert main([str(tmp_path), "--only", "frontend."]) == 0


def test_a_check_that_breaks_counts_as_failed(tmp_path: Path) -> None:
    entries = [{"id": "frontend.token_num", "values": {}}]
    (tmp_path / "goldens.json").write_text(json.dumps({"checkpoint": "none", "entries": entries}))
    (row,) = compare(Goldens(tmp_path), [Entry("frontend.token_num")], plug_ins())
    assert not row.ok
    assert "KeyError" in row.about


def test_not_a_number_is_never_allowed() -> None:
    assert not Row("stage", float(np.nan), 1.0).ok
