"""The model in use and those that could be; what to do when it hangs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.loading import Elsewhere, Loaded, Place
from app.engine_side.requests import FIRST, Request
from app.models.catalogue import Catalogue, kept_in
from app.models.copies import Copies
from app.models.downloads import Downloads
from app.models.ear_checks import EarCheckFile, EarChecks
from app.models.trash import move_to_trash, take_back
from app.models.wanted_copies import WantedCopies
from app.settings import Settings
from app.shown.models import MachineView, ModelStatus, ModelView
from app.shown.talk import Welcome
from app.translations import chosen_language, told
from app.worker import Worker
from engine.checkpoints.fit import COPY_BITS
from engine.errors import EngineError
from engine.events import Progress
from engine.remote.address import is_address

log = logging.getLogger(__name__)

HANGING_S = 60.0
_LOADING_HANGS_S = 180.0  # reading 16 GB from a slow disk is a long step


class Models(QObject):
    """Loads, switches and watches the model. `lost` says that whatever it was asked will not be answered."""

    status_changed = Signal(ModelStatus)
    welcome_changed = Signal(Welcome)
    models_changed = Signal()
    arrived = Signal(str)  # folder of a model that was downloaded and is ready to be used
    failed = Signal(Exception)  # to remove a model, or to bring it back
    ready = Signal()
    lost = Signal(str)

    def __init__(
        self,
        thread: EngineThread,
        settings: Settings,
        worker: Worker,
        ear_checks: EarCheckFile,
        catalogue: Catalogue | None = None,
        downloads: Downloads | None = None,
        elsewhere_of: Callable[[str], Elsewhere] = Elsewhere,
    ) -> None:
        """`elsewhere_of` is given an address and adds what is known of it; it may take its time."""
        super().__init__()
        self._thread, self._settings, self._worker = thread, settings, worker
        self._catalogue = catalogue or Catalogue(lambda: kept_in(settings))
        self.wanted_copies = WantedCopies(settings)
        self.downloads = downloads or Downloads(lambda: kept_in(settings), worker, self.wanted_copies)
        self.copies = Copies(thread, worker)
        self.ear_checks = EarChecks(thread, ear_checks, lambda: chosen_language(settings.now.language)[:2])
        self._request: Request | None = None
        self._elsewhere_of = elsewhere_of
        self._place: Place | None = None
        self._insist = self._chosen = False
        self._arrived = ""  # folder of a model that is offered for use
        self._trashed: dict[str, Path] = {}  # where removed models lie, by their folders
        self._was_in_use = ""
        self._machine = MachineView()
        self._trouble_said = self._was_ready = False
        self.status = ModelStatus()
        self.about: dict[str, Any] = {}
        self.speaks = False
        self.listed: tuple[ModelView, ...] = ()
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)
        settings.changed.connect(self._on_setting)
        self.downloads.arrived.connect(self._on_arrived)
        self.copies.made.connect(self._on_copied)
        self.copies.changed.connect(self.models_changed)
        self.ear_checks.changed.connect(self.models_changed)
        self.status_changed.connect(self._on_status)

    @property
    def welcome(self) -> Welcome:
        """What the model says of itself."""
        language = chosen_language(self._settings.now.language)[:2]

        def own(name: str) -> Any:
            return self.about.get(f"{name}_{language}") or self.about.get(name)

        return Welcome(
            about=str(own("about") or ""),
            can=tuple(map(str, own("can") or ())),
            cannot=tuple(map(str, own("cannot") or ())),
            phrases=tuple(map(str, self.about.get("try", ())))[:3],
            demonstration=bool(self.about.get("demonstration")),
        )

    @property
    def folder_in_use(self) -> str:
        """Where the model lies that is loaded, or is being loaded: a folder, or an address."""
        return str(self._place or "")

    def folder_of(self, name: str) -> Path:
        """Where a published model of this name lies."""
        return kept_in(self._settings) / name

    def load_best(self) -> None:
        """Load the model chosen last time, or the best there is."""
        chosen = self._settings.now.model

        def find() -> Place:
            if is_address(chosen):
                return self._elsewhere_of(chosen)
            if chosen and (Path(chosen) / "config.json").exists():
                return Path(chosen)
            return self._catalogue.best()

        self._worker.run(find, self._on_found)

    def _on_found(self, place: Place | None, error: Exception | None) -> None:
        if self._place is not None:
            pass  # another one was chosen meanwhile
        elif place is not None:
            self.load(place, chosen=str(place) == self._settings.now.model)
        elif error is not None:
            self._fail(error)
        self.refresh()

    def load(self, place: Place, insist: bool = False, *, chosen: bool) -> None:
        """Replace the model. One that a person has chosen is the one to begin with next time."""
        if self._request is not None:
            self._request.cancel()
        self.ear_checks.stop()
        self._place, self._insist, self._chosen, self._trouble_said = place, insist, chosen, False
        self._show(ModelStatus(name=place.name, place=place.name if isinstance(place, Elsewhere) else ""))
        self._request = self._thread.submit(
            Request("load", lambda work, request: work.load(place, insist), FIRST, alone=True)
        )

    def retry(self) -> None:
        """Load again; a thread that hangs or died is replaced first."""
        if self._thread.dead or self._trouble_said:
            self._thread.restart()
            self.copies.give_up()
        if self._place is not None:
            self.load(self._place, self._insist, chosen=self._chosen)
        else:
            self.load_best()

    def make_copy(self, key: str) -> None:
        """Make a smaller copy of an installed model, step by step while nobody asks anything."""
        self.copies.make(Path(key), self._catalogue.copy_of(Path(key)), COPY_BITS)

    def _on_arrived(self, name: str) -> None:
        """A download is complete: it is offered for use, or first made smaller."""
        folder, wanted = self.folder_of(name), self.wanted_copies.of(name)
        if wanted is None:
            self._offer(folder)
        else:
            keep = wanted.keep_original or folder == self._place
            self.copies.make(folder, self._catalogue.copy_of(folder), wanted.bits, keep_original=keep)
        self.refresh()

    def _on_copied(self, original: Path, copy: Path) -> None:
        if self.wanted_copies.of(original.name) is not None:
            self.wanted_copies.want(original.name, None)
            self._offer(copy)
        self.refresh()

    def _offer(self, folder: Path) -> None:
        self._arrived = str(folder)
        self.arrived.emit(str(folder))

    def _go_on_with_copies(self) -> None:
        """Make the copies of downloads that a quit came before."""
        for model in self.listed:
            folder = Path(model.key)
            wanted = self.wanted_copies.of(folder.name) if model.shrinkable and model.removable else None
            if wanted is not None and not self.copies.source and not self.copies.problem_of(model.key):
                target = self._catalogue.copy_of(folder)
                self.copies.make(folder, target, wanted.bits, keep_original=wanted.keep_original)

    def remove(self, key: str) -> None:
        """Move a model to the Trash; if it is in use, the best of the others takes its place."""
        folder, in_use = Path(key), key == str(self._place or "")

        def moved(trashed: Path | None, error: Exception | None) -> None:
            if trashed is not None:
                self._trashed[key] = trashed
                self._was_in_use = key if in_use else self._was_in_use
                if in_use:
                    self._place = None
                    self._settings.change(model="")
                    self.load_best()
            elif error is not None:
                self.failed.emit(error)
            self.refresh()

        self._worker.run(lambda: move_to_trash(folder), moved)

    def restore(self, key: str) -> None:
        """Take a model back from the Trash, and use it again if it was in use."""

        def back(_done: None, error: Exception | None) -> None:
            if error is not None:
                self.failed.emit(error)
            elif self._was_in_use == key:
                self.load(Path(key), chosen=True)
            self.refresh()

        def take() -> None:
            take_back(self._trashed.pop(key), Path(key))

        self._worker.run(take, back)

    @property
    def shown(self) -> tuple[ModelView, ...]:
        """What is installed, with what is being made of it."""
        return tuple(self._shown(model) for model in self.listed)

    def _shown(self, model: ModelView) -> ModelView:
        making = self.copies.share if model.key == self.copies.source else None
        problem = self.copies.problem_of(model.key) or model.problem
        ear = self.ear_checks.view(model, ready=self._loaded(model))
        arrived = model.key == self._arrived and not model.current
        return replace(model, making=making, problem=problem, arrived=arrived, ear=ear)

    def _loaded(self, model: ModelView) -> bool:
        return self.status.ready and model.key == str(self._place)

    def check_by_ear(self, key: str) -> None:
        """Let the model in use read aloud and hear itself; another one is not checked."""
        for model in self.listed:
            if model.key == key and self._loaded(model):
                self.ear_checks.check(model)

    @property
    def machine(self) -> MachineView:
        """This machine, and how much of it the model in use takes."""
        own = self.status.memory_bytes
        others = None if self._machine.others is None else max(self._machine.others - own, 0)
        return replace(self._machine, own=own, others=others)

    def refresh(self) -> None:
        """Read again what is installed, and what could be."""
        self.downloads.refresh()
        current = "" if isinstance(self._place, Elsewhere) else str(self._place or "")

        def listed(result: tuple[tuple[ModelView, ...], MachineView] | None, error: Exception | None) -> None:
            if result is not None and result != (self.listed, self._machine):
                self.listed, self._machine = result
                self.models_changed.emit()
            if error is not None:
                log.error("models cannot be listed", exc_info=error)
            self._go_on_with_copies()

        self._worker.run(lambda: (self._catalogue.installed(current), self._catalogue.machine()), listed)

    def _on_status(self, status: ModelStatus) -> None:
        if status.ready != self._was_ready:  # it can be checked, or cannot
            self._was_ready = status.ready
            self.models_changed.emit()

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
        if request is not self._request:
            return
        elif isinstance(event, Progress):
            share = event.done / event.total if event.total else self.status.share
            self._show(replace(self.status, share=max(self.status.share, min(share, 1.0))))
        elif isinstance(event, Loaded):
            self._on_loaded(event)

    def _on_loaded(self, loaded: Loaded) -> None:
        self.about, self.speaks = loaded.about, loaded.speaks
        self._show(
            ModelStatus(
                loaded.name, True, 1.0, "", loaded.memory, loaded.total_memory, thinks=loaded.thinks, place=loaded.place
            )
        )
        if self._chosen:
            self._settings.change(model=str(self._place))
        if self._arrived == str(self._place):
            self._arrived = ""
        self.welcome_changed.emit(self.welcome)
        self.refresh()
        self.ready.emit()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
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
        if isinstance(self._place, Elsewhere):
            self.lost.emit(sentence)  # it may answer when it is asked once more

    def _show(self, status: ModelStatus) -> None:
        if status != self.status:
            self.status = status
            self.status_changed.emit(status)
