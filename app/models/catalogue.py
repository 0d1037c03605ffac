"""What models there are on this machine, and what the machine is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.settings import Settings
from app.shown.models import MachineView, ModelView
from app.translations import sentence, told
from engine.checkpoints import fit
from engine.checkpoints.fit import COPY_BITS
from engine.errors import EngineError


class Catalogue:
    """The functions read small files only. They run on a thread of their own."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder  # where models are kept

    def best(self) -> Path:
        """The best installed model. Raises CheckpointError."""
        from engine.checkpoints import catalogue

        return catalogue.best(self._folder())

    def installed(self, current: str) -> tuple[ModelView, ...]:
        """All models, as the models page shows them."""
        from engine.checkpoints import catalogue
        from engine.checkpoints.memory import memory_budget

        usable = memory_budget().usable
        models = catalogue.installed(self._folder())
        if current and all(str(model.folder) != current for model in models):
            models.insert(0, catalogue.describe(Path(current)))  # chosen by hand from somewhere else
        return tuple(self._view(model, usable, current) for model in models)

    def machine(self) -> MachineView:
        """This machine, without what Earshot itself takes."""
        from engine.checkpoints.memory import memory_budget
        from engine.commands.machine import processor

        budget, free = memory_budget(), fit.free_memory()
        others = budget.total - free if free is not None else None
        return MachineView(processor(), budget.total, budget.usable, 0, others, free_on_disk(self._folder()))

    def _view(self, model: Any, usable: int, current: str) -> ModelView:
        from engine.checkpoints.load import memory_needed

        needed, copy, problem = 0, 0, model.problem
        shrinkable = not problem and model.bits is None and not self.copy_of(model.folder).exists()
        if not problem:
            try:
                needed = memory_needed(model.folder)
                copy = fit.copy_needed(model.folder) if shrinkable else 0
            except EngineError as error:
                problem, shrinkable = error.sentence, False
        key = str(model.folder)
        return ModelView(
            key, model.name, _about(model), model.bytes, needed, usable, key == current, told(problem), shrinkable,
            removable=model.folder.parent == self._folder(), verdict=fit.judge(needed, copy, usable),
            speaks=model.speaks, fingerprint=model.fingerprint,
        )  # fmt: skip

    def copy_of(self, folder: Path) -> Path:
        """Where a smaller copy of a model goes."""
        return self._folder() / f"{folder.name}-{COPY_BITS}bit"


def _about(model: Any) -> str:
    if model.demonstration:
        return sentence("demonstration, comes with the app")
    parts = [sentence("{bits}-bit copy").format(bits=model.bits) if model.bits else sentence("as published, 16-bit")]
    return " · ".join(parts if model.speaks else [*parts, sentence("cannot speak")])


def free_on_disk(folder: Path) -> int:
    """Bytes that are free where a folder lies, or will lie."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def kept_in(settings: Settings) -> Path:
    """The folder that models are kept in: the user's choice, or the usual one."""
    from engine.checkpoints import catalogue

    return Path(settings.now.models_folder) if settings.now.models_folder else catalogue.models_folder()
