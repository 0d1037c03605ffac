"""Reads conversations as 0.1.0 saved them (format 1): session.json, and one file with the arrays of all turns."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.conversation.remembering.records import TurnRecord
from engine.conversation.remembering.turn_values import fingerprint, turn_record
from engine.errors import NewerFormatError, StorageError
from engine.language import Vocabulary
from engine.regular_files import check_regular, read_regular

FILE = "session.json"
ARRAYS = "arrays-*.npz"
_FORMAT = 1
_LARGEST_FILE = 100_000_000


def read_first_format(folder: Path, vocabulary: Vocabulary) -> list[TurnRecord]:
    """The turns saved in `folder`, oldest first. Their ids are new, and the same whenever this folder is read.

    Raises StorageError when the folder holds no conversation, a damaged one, or one of a newer format.
    """
    file = folder / FILE
    try:
        values = json.loads(read_regular(file, _LARGEST_FILE).decode())
        if values["format"] != _FORMAT:
            raise NewerFormatError(
                "{file} was written by a newer Earshot (format {format}): update Earshot.",
                file=file,
                format=values["format"],
            )
        check_regular(folder / values["arrays"])
        with np.load(folder / values["arrays"], allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        same = values["vocabulary"] == fingerprint(vocabulary)
        return [
            _record(turn, f"{values['arrays']} {turn['number']}", arrays, vocabulary, same) for turn in values["turns"]
        ]
    except FileNotFoundError as error:
        raise StorageError(
            "{folder} holds no saved conversation: {missing} is missing.",
            folder=folder,
            missing=Path(error.filename).name,
        ) from None
    except StorageError:
        raise
    except Exception as error:  # zip files, arrays and JSON each have errors of their own for what is damaged
        raise StorageError(
            "The conversation saved in {folder} is damaged and cannot be opened ({reason}).",
            folder=folder,
            reason=error,
        ) from error


def _record(
    values: dict[str, Any], name: str, arrays: dict[str, np.ndarray], vocabulary: Vocabulary, same: bool
) -> TurnRecord:
    number = values["number"]
    turn_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    mine = {f"ids-{place}": arrays[f"ids-{number}-{place}"] for place in range(len(values["passages"]))}
    if values["sound"]:
        mine["sound"] = arrays[f"sound-{number}"]
    return turn_record(values | {"request": values["request"] | {"id": turn_id}}, mine, vocabulary, same)
