"""The model in use and those that could be; what to do when it hangs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.loading import Loaded
from app.engine_side.requests import FIRST, PATIENT, Request
from app.models.downloads import Downloads
from app.settings import Settings
from app.shown import ModelStatus, ModelView, Welcome
from app.translations import chosen_language, sentence, told
from app.worker import Worker
from engine.errors import EngineError
from engine.events import Progress

log = logging.getLogger(__name__)

COPY_BITS = 4  # of the language model's layers; what hears and what speaks stays finer
HANGING_S = 60.0
_LOADING_HANGS_S = 180.0  # reading 16 GB from a slow disk is a long step
_STAGE_SHARES = {"read": 0.9, "voice": 0.95}


class Catalogue:
    """What models there are. The functions read small files only."""

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

        free = memory_budget().usable
        models = catalogue.installed(self._folder())
        if current and all(str(model.folder) != current for model in models):
            models.insert(0, catalogue.describe(Path(current)))  # chosen by hand from somewhere else
        return tuple(self._view(model, free, current) for model in models)

    def _view(self, model: Any, free: int, current: str) -> ModelView:
        from engine.checkpoints.load import memory_needed

        needed, problem = 0, model.problem
        if not problem:
            try:
                needed = memory_needed(model.folder)
            except EngineError as error:
                problem = error.sentence
        key, whole = str(model.folder), not problem and model.bits is None
        return ModelView(
            key, model.name, _about(model), model.bytes, needed, free, key == current, problem=told(problem),
            shrinkable=whole and not self.copy_of(model.folder).exists(),
        )  # fmt: skip

    def copy_of(self, folder: Path) -> Path:
        """Where a smaller copy of a model goes."""
        return self._folder() / f"{folder.name}-{COPY_BITS}bit"


def _about(model: Any) -> str:
    bits = sentence("{bits}-bit").format(bits=model.bits) if model.bits else ""
    return " · ".join(part for part in (bits, "" if model.speaks else sentence("cannot speak")) if part)


def kept_in(settings: Settings) -> Path:
    """The folder that models are kept in: the user's choice, or the usual one."""
    from engine.checkpoints import catalogue

    return Path(settings.now.models_folder) if settings.now.models_folder else catalogue.models_folder()


class Models(QObject):
    """Loads, switches and watches the model. `lost` says that whatever it was asked will not be answered."""

    status_changed = Signal(ModelStatus)
    welcome_changed = Signal(Welcome)
    models_changed = Signal()
    ready = Signal()
    lost = Signal(str)

    def __init__(
        self,
        thread: EngineThread,
        settings: Settings,
        worker: Worker,
        catalogue: Catalogue | None = None,
        downloads: Downloads | None = None,
    ) -> None:
        super().__init__()
        self._thread, self._settings, self._worker = thread, settings, worker
        self._catalogue = catalogue or Catalogue(lambda: kept_in(settings))
        self.downloads = downloads or Downloads(lambda: kept_in(settings), worker)
        self._request: Request | None = None
        self._folder: Path | None = None
        self._making: Request | None = None
        self._made: tuple[str, float] = ("", 0.0)  # key of the model a copy is made of, and how much of it is
        self._making_failed: tuple[str, str] = ("", "")  # key, and the sentence
        self._insist = False
        self._trouble_said = False
        self.status = ModelStatus()
        self.about: dict[str, Any] = {}
        self.speaks = False
        self.listed: tuple[ModelView, ...] = ()
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)
        settings.changed.connect(self._on_setting)

    @property
    def welcome(self) -> Welcome:
        """What the model says of itself."""
        explain = not (self._settings.now.microphone_explained or self._settings.now.microphone_postponed)
        language = chosen_language(self._settings.now.language)[:2]
        return Welcome(
            about=str(self.about.get(f"about_{language}") or self.about.get("about", "")),
            phrases=tuple(map(str, self.about.get("try", ())))[:3],
            explain_microphone=explain,
            demonstration=bool(self.about.get("demonstration")),
        )

    @property
    def folder_in_use(self) -> str:
        """Where the model lies that is loaded, or is being loaded."""
        return str(self._folder or "")

    def folder_of(self, name: str) -> Path:
        """Where a published model of this name lies."""
        return kept_in(self._settings) / name

    def load_best(self) -> None:
        """Load the model chosen last time, or the best there is."""
        chosen = Path(self._settings.now.model) if self._settings.now.model else None

        def find() -> Path:
            if chosen is not None and (chosen / "config.json").exists():
                return chosen
            return self._catalogue.best()

        self._worker.run(find, self._on_found)

    def _on_found(self, folder: Path | None, error: Exception | None) -> None:
        if self._folder is not None:
            pass  # another one was chosen meanwhile
        elif folder is not None:
            self.load(folder)
        elif error is not None:
            self._fail(error)
        self.refresh()

    def load(self, folder: Path, insist: bool = False) -> None:
        """Replace the model."""
        if self._request is not None:
            self._request.cancel()
        self._folder, self._insist, self._trouble_said = folder, insist, False
        self._show(ModelStatus(name=folder.name))
        self._request = self._thread.submit(
            Request("load", lambda work, request: work.load(folder, insist), FIRST, alone=True)
        )

    def retry(self) -> None:
        """Load again; a thread that hangs or died is replaced first."""
        if self._thread.dead or self._trouble_said:
            self._thread.restart()
            self._making = None
        if self._folder is not None:
            self.load(self._folder, self._insist)
        else:
            self.load_best()

    def make_copy(self, key: str) -> None:
        """Make a smaller copy of an installed model, step by step while nobody asks anything."""
        if self._making is not None:
            return
        source, target = Path(key), self._catalogue.copy_of(Path(key))

        def work(_work: Any, _request: Request) -> Any:
            from engine.checkpoints.convert import converting

            return converting(source, target, bits=COPY_BITS)

        self._made, self._making_failed = (key, 0.0), ("", "")
        self._making = self._thread.submit(Request("make a copy", work, PATIENT, needs_engine=False))
        self.models_changed.emit()

    def stop_copy(self) -> None:
        """Make no copy after all; what was made of it is removed."""
        if self._making is not None:
            self._making.cancel()

    def _on_copied(self, error: BaseException | None) -> None:
        if error is not None:
            known = isinstance(error, EngineError)
            self._making_failed = self._made[0], told(error) if known else self.tr("The copy could not be made.")
        self._making = None
        self.models_changed.emit()
        self.refresh()

    @property
    def shown(self) -> tuple[ModelView, ...]:
        """What is installed, with what is being made of it."""
        key, share = self._made
        failed, sentence = self._making_failed
        return tuple(
            replace(model, making=share) if self._making is not None and model.key == key
            else replace(model, problem=sentence) if model.key == failed else model
            for model in self.listed
        )  # fmt: skip

    def refresh(self) -> None:
        """Read again what is installed, and what could be."""
        self.downloads.refresh()
        current = str(self._folder or "")

        def listed(result: tuple[ModelView, ...] | None, error: Exception | None) -> None:
            if result is not None and result != self.listed:
                self.listed = result
                self.models_changed.emit()

        self._worker.run(lambda: self._catalogue.installed(current), listed)

    def _on_setting(self, name: str) -> None:
        if name == "models_folder":
            self.refresh()

    def watch(self) -> None:
        """Notice an engine that hangs or died; called about once a second."""
        if self._trouble_said:
            return
        limit = _LOADING_HANGS_S if not self.status.ready else HANGING_S
        if self._thread.dead:
            sentence = self.tr("The engine stopped unexpectedly. Nothing you said is lost; start it again.")
        elif self._thread.hanging_s > limit:
            sentence = self.tr("The model has not answered for {seconds} s. Nothing you said is lost; start it again.")
            sentence = sentence.format(seconds=int(self._thread.hanging_s))
        else:
            return
        log.error("engine dead: %s, hanging for %.1f s", self._thread.dead, self._thread.hanging_s)
        self._trouble_said = True
        self._show(replace(self.status, ready=False, problem=sentence))
        self.lost.emit(sentence)

    def _on_event(self, request: Request, event: Any) -> None:
        if request is self._making and isinstance(event, Progress):
            self._made = self._made[0], min(event.done / event.total, 1.0) if event.total else 0.0
            self.models_changed.emit()
        elif request is not self._request:
            return
        elif isinstance(event, Progress):
            share = event.done / event.total if event.total else self.status.share
            self._show(replace(self.status, share=max(self.status.share, min(share, 1.0))))
        elif isinstance(event, Loaded):
            self._on_loaded(event)

    def _on_loaded(self, loaded: Loaded) -> None:
        self.about, self.speaks = loaded.about, loaded.speaks
        self._show(ModelStatus(loaded.name, True, 1.0, "", loaded.memory, loaded.total_memory, thinks=loaded.thinks))
        if str(loaded.folder) != self._settings.now.model:
            self._settings.change(model=str(loaded.folder))
        self.welcome_changed.emit(self.welcome)
        self.refresh()
        self.ready.emit()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is self._making:
            self._on_copied(error)
        if request is self._request:
            self._request = None
            if error is not None:
                self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, EngineError):
            sentence = told(error)
        else:
            log.error("the model could not be loaded", exc_info=error)
            sentence = self.tr("The model could not be loaded. The log says more; choose another model.")
        self._show(replace(self.status, ready=False, problem=sentence))

    def _show(self, status: ModelStatus) -> None:
        if status != self.status:
            self.status = status
            self.status_changed.emit(status)
