"""Collects entries and arrays, and writes them as a goldens folder."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

_PACKAGES = ("step-audio2", "torch", "transformers", "tokenizers", "librosa", "numpy", "s3tokenizer", "onnxruntime")


class Recorder:
    """Entries of a goldens.json in the making; arrays go to `<area>.safetensors`, area being an id's first part."""

    def __init__(self, folder: Path, checkpoint: str, seed: int) -> None:
        self.folder = folder
        self._head = {"checkpoint": checkpoint, "seed": seed}
        self._entries: list[dict[str, Any]] = []
        self._arrays: dict[str, dict[str, np.ndarray]] = {}

    def entry(
        self,
        id: str,
        how: str,
        inputs: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Add an entry. Inputs and outputs are arrays; an input may be "other.entry/name", a stored one."""
        self._entries.append(
            {
                "id": id,
                "how": how,
                "inputs": {name: self._place(id, name, array) for name, array in (inputs or {}).items()},
                "outputs": {name: self._place(id, name, array) for name, array in (outputs or {}).items()},
                "values": values,
            }
        )

    def _place(self, id: str, name: str, array: Any) -> dict[str, Any]:
        if isinstance(array, str):
            key, file = array, array.partition(".")[0]
        else:
            key, file = f"{id}/{name}", id.partition(".")[0]
            self._arrays.setdefault(file, {})[key] = np.ascontiguousarray(array)
        stored = self._arrays[file][key]
        return {
            "key": key,
            "file": f"{file}.safetensors",
            "shape": list(stored.shape),
            "dtype": str(stored.dtype),
        }

    def write(self) -> None:
        """Write goldens.json and the arrays."""
        for file, arrays in self._arrays.items():
            save_file(arrays, self.folder / f"{file}.safetensors")
        content = {
            "about": "Outputs of the official Step-Audio 2 code on a tiny random checkpoint, float32 on a CPU; made by "
            "make_goldens.py, which says how. Arrays lie in <file> under <key>.",
            **self._head,
            "made_with": {name: found for name in _PACKAGES if (found := _version(name))},
            "entries": self._entries,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (self.folder / "goldens.json").write_text(text + "\n", encoding="utf-8")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
