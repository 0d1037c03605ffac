"""Writes a conversation as 0.1.0 saved it (format 1), so that its folders can be taken over."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.conversation.remembering.records import Passage, TurnRecord
from engine.conversation.remembering.turn_values import fingerprint
from engine.language import Vocabulary


def save_in_first_format(folder: Path, records: Sequence[TurnRecord], vocabulary: Vocabulary) -> None:
    """One JSON file, and one compressed file of arrays that is named by its content."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    turns = [_turn(record, number, arrays) for number, record in enumerate(records)]
    np.savez_compressed(folder / "new.npz", **arrays)
    data = (folder / "new.npz").read_bytes()
    name = f"arrays-{hashlib.sha256(data).hexdigest()[:16]}.npz"
    (folder / "new.npz").rename(folder / name)
    values = {"format": 1, "model": "Small", "vocabulary": fingerprint(vocabulary), "arrays": name, "turns": turns}
    text = json.dumps(values, ensure_ascii=False, indent=1)
    (folder / "session.json").write_bytes(text.encode(errors="backslashreplace"))


def _turn(record: TurnRecord, number: int, arrays: dict[str, Any]) -> dict[str, Any]:
    request = record.request
    if request.samples_16k is not None:
        steps = np.rint(request.samples_16k * 32768.0)
        exact = np.array_equal(steps.astype(np.float32) / 32768.0, request.samples_16k)
        arrays[f"sound-{number}"] = steps.astype(np.int16) if exact else request.samples_16k
    for place, passage in enumerate(record.passages):
        arrays[f"ids-{number}-{place}"] = np.array(passage.ids, dtype=np.int32)
    asked = {f.name: getattr(request, f.name) for f in dataclasses.fields(request)}
    return {
        "number": number,
        "request": {name: value for name, value in asked.items() if name not in ("samples_16k", "id")},
        "sound": request.samples_16k is not None,
        "transcript": record.transcript,
        "thinking": record.thinking,
        "thinking_s": record.thinking_s,
        "reason": record.reason,
        "statistics": dataclasses.asdict(record.statistics),
        "sound_left_out": number == 0,
        "left_out": False,
        "pieces": [dataclasses.astuple(piece) for piece in record.pieces],
        "passages": [_passage(passage) for passage in record.passages],
    }


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "spoken": passage.spoken,
        "text": passage.text,
        "calls": [dataclasses.asdict(call) for call in passage.calls],
        "results": [dataclasses.asdict(result) for result in passage.results],
    }
