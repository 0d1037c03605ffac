"""A download that is killed again and again."""

from __future__ import annotations

from pathlib import Path

from tests.downloads import kill_downloads
from tests.hub import running_hub


def test_fifty_kills_cost_little_and_damage_nothing(tmp_path: Path) -> None:
    with running_hub() as hub:
        kill_downloads(tmp_path, hub, kills=50, size=160_000_000)
