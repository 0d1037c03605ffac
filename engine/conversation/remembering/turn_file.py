"""One turn in one file: a zip archive of arrays as numpy writes it, of which one holds the turn's values as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.conversation.remembering.records import TurnRecord
from engine.conversation.remembering.turn_values import Arrays, fingerprint, turn_record, turn_values
from engine.errors import StorageError
from engine.language import Vocabulary
from engine.regular_files import check_regular
from engine.storage import replacing

_VALUES = "turn"


class DamagedTurnError(Exception):
    """The file of a turn is missing or cannot be read; the message says why."""


def write_turn(path: Path, record: TurnRecord, vocabulary: Vocabulary, model: str) -> None:
    """Write a turn. Raises StorageError; what was there before is then untouched."""
    values, arrays = turn_values(record)
    values |= {"model": model, "vocabulary": fingerprint(vocabulary)}
    # Half a surrogate, which UTF-8 does not know, becomes what JSON writes for it.
    data = json.dumps(values, ensure_ascii=False).encode(errors="backslashreplace")
    with replacing(path, private=True) as file:
        np.savez(file, **{_VALUES: np.frombuffer(data, dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]


def read_turn(path: Path, vocabulary: Vocabulary) -> TurnRecord:
    """Read a turn. Raises DamagedTurnError, and StorageError for a file that may not be read."""
    try:
        arrays = _arrays(path)
        values = json.loads(arrays.pop(_VALUES).tobytes())
        return turn_record(values, arrays, vocabulary, values["vocabulary"] == fingerprint(vocabulary))
    except FileNotFoundError:
        raise DamagedTurnError("it is missing") from None
    except OSError as error:
        raise StorageError(
            "{path} cannot be read ({reason}).", path=path, reason=(error.strerror or str(error)).lower()
        ) from error
    except Exception as error:  # archives, arrays and JSON each have errors of their own for what is damaged
        raise DamagedTurnError(str(error) or type(error).__name__) from error


def _arrays(path: Path) -> Arrays:
    """The arrays of an archive, each checked against its sum, and none larger than the file."""
    check_regular(path)
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed")
        return {name.removesuffix(".npy"): _array(archive.read(name)) for name in archive.namelist()}


def _array(data: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array
