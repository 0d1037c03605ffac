"""The official modules, imported so that they work without a GPU and with any build of torchaudio."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import transformers  # noqa: F401 - looks at torchaudio itself, so before it may be replaced


def _import() -> tuple[Any, Any]:
    try:
        import torchaudio  # noqa: F401
    except OSError:  # a build for CUDA on a machine without it; only file reading needs it, and that we do ourselves
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    import stepaudio2  # type: ignore[import-not-found]
    import utils  # type: ignore[import-not-found]

    return stepaudio2, utils


stepaudio2, official_utils = _import()
