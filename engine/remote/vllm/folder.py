"""Where the vocabulary of a server's model is found: config.json and tokenizer.json, which vLLM does not send."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path, PurePath

from engine.checkpoints import catalogue
from engine.checkpoints.download import PUBLISHED
from engine.checkpoints.hub import Hub, PassingError
from engine.errors import RemoteError
from engine.storage import make_private_folder, replacing

_CONFIG, _TOKENIZER = "config.json", "tokenizer.json"


def folder_of(served: str, place: str) -> Path:
    """A folder with the small files of the model that is served under a path or name. One of this machine's, or fetched
    once from the hub for a published model. Raises RemoteError, CheckpointError, StorageError.
    """
    name = PurePath(served.rstrip("/")).name
    for model in catalogue.installed():
        if model.folder.name == name and not model.problem:
            return model.folder
    kept = catalogue.models_folder().parent / "elsewhere" / name
    if not (kept / _TOKENIZER).exists():
        if name not in PUBLISHED:
            raise RemoteError(
                "{place} serves {model}, whose vocabulary is not on this machine: put its config.json and "
                "tokenizer.json into {folder}.",
                place=place,
                model=name or served,
                folder=kept,
            )
        _fetch(PUBLISHED[name], kept)
    return kept


def _fetch(repository: str, folder: Path) -> None:
    """The tokenizer comes last: with it the folder is complete."""
    make_private_folder(folder)
    with closing(Hub.of_environment()) as hub:
        try:
            commit = hub.find_commit(repository)
            for name in (_CONFIG, _TOKENIZER):
                with hub.open_file(repository, commit, name) as answer, replacing(folder / name) as file:
                    for block in answer.iter_raw():
                        file.write(block)
        except PassingError as error:
            raise RemoteError("The model's vocabulary cannot be fetched: {reason}.", reason=error.sentence) from error
