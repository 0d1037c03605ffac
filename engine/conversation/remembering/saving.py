"""A conversation on disk: one JSON file, and one file of arrays for ids, speech tokens and what the user said.

The JSON file is written last and names its arrays, so that a crash leaves the old conversation or the new one.
Format 1: see `_turn_values`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.conversation.remembering.records import Passage, SpokenPiece, TurnRecord
from engine.errors import StorageError
from engine.events import EndReason, ReplyStatistics, Samples, Thinking, ToolCall, ToolResult, Turn
from engine.language import Vocabulary
from engine.storage import replacing

FORMAT = 1
_FILE = "session.json"


def save_turns(folder: Path, records: Sequence[TurnRecord], vocabulary: Vocabulary, model: str) -> None:
    """Write the turns into `folder`. Raises StorageError; what was there before is then untouched."""
    arrays: dict[str, NDArray[Any]] = {}
    turns = [_turn_values(record, number, arrays) for number, record in enumerate(records)]
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    data = packed.getvalue()
    name = f"arrays-{hashlib.sha256(data).hexdigest()[:16]}.npz"
    values = {"format": FORMAT, "model": model, "vocabulary": fingerprint(vocabulary), "arrays": name, "turns": turns}
    with replacing(folder / name) as file:
        file.write(data)
    with replacing(folder / _FILE) as file:
        # Half a surrogate, which UTF-8 does not know, becomes what JSON writes for it.
        file.write(json.dumps(values, ensure_ascii=False, indent=1).encode(errors="backslashreplace"))
    for old in folder.glob("arrays-*.npz"):
        if old.name != name:
            old.unlink(missing_ok=True)


def restored_turns(folder: Path, vocabulary: Vocabulary) -> Iterator[TurnRecord]:
    """The turns saved in `folder`.

    Ids of another model's vocabulary mean nothing here: its answers come back as text without speech. Raises
    StorageError when the folder holds no conversation, a damaged one, or one of a newer format.
    """
    file = folder / _FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise StorageError(f"{file} was written by a newer Earshot (format {values['format']}): update Earshot.")
        with np.load(folder / values["arrays"], allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        same = values["vocabulary"] == fingerprint(vocabulary)
        records = [_record(turn, arrays, vocabulary, same) for turn in values["turns"]]
    except FileNotFoundError as error:
        raise StorageError(f"{folder} holds no saved conversation: {Path(error.filename).name} is missing.") from None
    except StorageError:
        raise
    except Exception as error:  # zip files, arrays and JSON each have errors of their own for what is damaged
        raise StorageError(f"The conversation saved in {folder} is damaged and cannot be opened ({error}).") from error
    yield from records


def fingerprint(vocabulary: Vocabulary) -> str:
    """What tells one vocabulary from another: its size and where its special ids lie."""
    return f"{vocabulary.size}:{vocabulary.bot}:{vocabulary.speech.start}:{vocabulary.speech.stop}"


def _turn_values(record: TurnRecord, number: int, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    request = record.request
    if request.samples_16k is not None:
        arrays[f"sound-{number}"] = _packed(request.samples_16k)
    for place, passage in enumerate(record.passages):
        arrays[f"ids-{number}-{place}"] = np.array(passage.ids, dtype=np.int32)
    asked = {f.name: getattr(request, f.name) for f in dataclasses.fields(request) if f.name != "samples_16k"}
    return {
        "number": number,
        "request": asked,
        "sound": request.samples_16k is not None,
        "transcript": record.transcript,
        "thinking": record.thinking,
        "thinking_s": record.thinking_s,
        "reason": record.reason,
        "statistics": dataclasses.asdict(record.statistics),
        "pieces": [dataclasses.astuple(piece) for piece in record.pieces],
        "passages": [_passage_values(passage) for passage in record.passages],
    }


def _passage_values(passage: Passage) -> dict[str, Any]:
    return {
        "spoken": passage.spoken,
        "text": passage.text,
        "calls": [dataclasses.asdict(call) for call in passage.calls],
        "results": [dataclasses.asdict(result) for result in passage.results],
    }


def _record(
    values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], vocabulary: Vocabulary, same: bool
) -> TurnRecord:
    number = values["number"]
    samples = _unpacked(arrays[f"sound-{number}"]) if values["sound"] else None
    asked = dict(values["request"])
    asked |= {"thinking": Thinking(asked["thinking"]), "allow_tools": tuple(asked["allow_tools"])}
    passages = []
    for place, passage in enumerate(values["passages"]):
        ids = tuple(arrays[f"ids-{number}-{place}"].tolist())
        passages.append(_passage(passage, ids, vocabulary, same))
    return TurnRecord(
        Turn(samples_16k=samples, **asked),
        values["transcript"],
        values["thinking"],
        values["thinking_s"],
        tuple(passages),
        EndReason(values["reason"]),
        ReplyStatistics(**values["statistics"]),
        tuple(SpokenPiece(*piece) for piece in values["pieces"]) if same else (),
        vocabulary.speech,
    )


def _passage(values: Mapping[str, Any], ids: tuple[int, ...], vocabulary: Vocabulary, same: bool) -> Passage:
    text = str(values["text"])
    return Passage(
        bool(values["spoken"]) and same,
        ids if same else tuple(vocabulary.encode(text)),
        text,
        tuple(ToolCall(**call) for call in values["calls"]),
        tuple(ToolResult(**result) for result in values["results"]),
    )


def _packed(samples: Samples) -> NDArray[Any]:
    """Samples as 16 bit where that loses nothing (most recordings), else as they are."""
    steps = np.rint(samples * 32768.0)
    exact = np.abs(steps).max(initial=0) < 32768 and np.array_equal(steps.astype(np.float32) / 32768.0, samples)
    return steps.astype(np.int16) if exact else samples.astype(np.float32)


def _unpacked(stored: NDArray[Any]) -> Samples:
    if stored.dtype == np.int16:
        return stored.astype(np.float32) / np.float32(32768.0)
    return stored.astype(np.float32)
