"""A queue as 0.1.0 wrote it, and what the tests of the queue share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

KEYS = ("a1b2c3d4e5f6", "0123456789ab", "fedcba987654")


def first_row(key: str, path: Path, state: str, **more: Any) -> dict[str, Any]:
    """One row of 0.1.0."""
    segments = [{"start_s": 0.0, "end_s": 1.0, "text": f"one of {path.name}"}]
    view = {
        "key": key, "name": path.name, "state": state, "seconds": 2.0, "share": 1.0, "left_s": None,
        "segments": segments, "playing": None, "problem": "",
    }  # fmt: skip
    return {"view": view | more, "path": str(path), "corrected": segments}


def first_queue(folder: Path, recordings: list[Path]) -> Path:
    """The file of 0.1.0: done, cancelled, and under way."""
    rows = zip(KEYS, recordings, ("done", "cancelled", "running"), strict=True)
    file = folder / "queue.json"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([first_row(*row) for row in rows]))
    return file
