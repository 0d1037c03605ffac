"""Fifty kills of each campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.__main__ import CAMPAIGNS
from tests.campaigns.campaign import assert_nothing_found


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_fifty_kills_lose_double_and_leave_nothing(name: str, tmp_path: Path) -> None:
    assert_nothing_found(CAMPAIGNS[name], tmp_path, kills=50, seed=1000)
