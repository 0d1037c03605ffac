"""Every recorded output of the official speaking code is met, where the recordings are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.goldens import Goldens
from tests.parity.speak import CHECKS

_SHARED = Path(__file__).parents[4] / "shared" / "goldens"


@pytest.mark.skipif(not (_SHARED / "goldens.json").exists(), reason="the official recordings are not on this machine")
def test_every_recorded_stage_is_met() -> None:
    goldens = Goldens(_SHARED)
    entries = [
        entry for entry in goldens.entries if entry.id.split(".")[0] in ("promptwav", "flow", "hift", "token2wav")
    ]
    assert len(entries) >= 20
    rows = []
    for entry in entries:
        check = CHECKS[max((prefix for prefix in CHECKS if entry.id.startswith(prefix)), key=len)]
        found = list(check(goldens, entry))
        assert found, entry.id
        rows += found
    assert [row for row in rows if not row.ok] == []
