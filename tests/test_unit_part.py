"""What `make unit` leaves out is named in tests/conftest.py, by fixtures that exist and that are meant."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import WHOLE

TESTS = Path(__file__).parent
_FIXTURE = re.compile(r"^@pytest\.fixture(?:\([^)]*\))?\ndef (\w+)\(", re.MULTILINE)


def fixtures_below(folder: Path) -> set[str]:
    return {name for path in folder.rglob("*.py") for name in _FIXTURE.findall(path.read_text(encoding="utf-8"))}


def test_every_fixture_that_makes_a_test_slow_exists() -> None:
    assert fixtures_below(TESTS) >= WHOLE


def test_no_fixture_of_the_tests_of_packaging_is_called_like_one() -> None:
    """Hosted Macs run the unit part alone, and it is there that the app is built and audited."""
    assert not fixtures_below(TESTS / "packaging") & WHOLE
