"""A turn as plain values and arrays, and back: what the files of saved conversations are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.conversation.remembering.records import Passage, SpokenPiece, TurnRecord
from engine.events import EndReason, ReplyStatistics, Samples, Thinking, ToolCall, ToolResult, Turn
from engine.language import Vocabulary

Arrays = dict[str, NDArray[Any]]


def fingerprint(vocabulary: Vocabulary) -> str:
    """What tells one vocabulary from another: its size and where its special ids lie."""
    return f"{vocabulary.size}:{vocabulary.bot}:{vocabulary.speech.start}:{vocabulary.speech.stop}"


def turn_values(record: TurnRecord) -> tuple[dict[str, Any], Arrays]:
    """What JSON can hold of a turn, and its arrays: "sound", and "ids-0", "ids-1", … of its passages."""
    request, arrays = record.request, {}
    if request.samples_16k is not None:
        arrays["sound"] = _packed(request.samples_16k)
    for number, passage in enumerate(record.passages):
        arrays[f"ids-{number}"] = np.array(passage.ids, dtype=np.int32)
    asked = {f.name: getattr(request, f.name) for f in dataclasses.fields(request) if f.name != "samples_16k"}
    values = {
        "request": asked,
        "transcript": record.transcript,
        "thinking": record.thinking,
        "thinking_s": record.thinking_s,
        "reason": record.reason,
        "statistics": dataclasses.asdict(record.statistics),
        "pieces": [dataclasses.astuple(piece) for piece in record.pieces],
        "passages": [_passage_values(passage) for passage in record.passages],
    }
    return values, arrays


def turn_record(
    values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], vocabulary: Vocabulary, same: bool
) -> TurnRecord:
    """The turn that these values describe; `same` if they were written with this vocabulary.

    Ids of another model's vocabulary mean nothing here: its answers come back as text without speech. Raises whatever
    Python raises for values that describe no turn.
    """
    samples = _unpacked(arrays["sound"]) if "sound" in arrays else None
    asked = dict(values["request"])
    asked |= {"thinking": Thinking(asked["thinking"]), "allow_tools": tuple(asked["allow_tools"])}
    passages = []
    for number, passage in enumerate(values["passages"]):
        ids = tuple(arrays[f"ids-{number}"].tolist())
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


def _passage_values(passage: Passage) -> dict[str, Any]:
    return {
        "spoken": passage.spoken,
        "text": passage.text,
        "calls": [dataclasses.asdict(call) for call in passage.calls],
        "results": [dataclasses.asdict(result) for result in passage.results],
    }


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
