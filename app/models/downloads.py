"""Published models on their way to this machine. A person starts each download; what arrived is never lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.models.wanted_copies import WantedCopies, WantedCopy
from app.shown.models import DownloadState, DownloadView, SizeView
from app.translations import told
from app.worker import Worker
from engine.checkpoints.catalogue import UNFINISHED
from engine.checkpoints.download import PUBLISHED, PUBLISHED_BYTES, discard_download, downloading
from engine.checkpoints.fit import AS_PUBLISHED_BITS, COPY_BITS, published_sizes
from engine.errors import EngineError
from engine.events import Progress

log = logging.getLogger(__name__)

Fetch = Callable[[str, Path], Generator[Progress, None, Path]]
_Found = tuple[dict[str, int], tuple[SizeView, ...], int]
_SAY_EVERY_S = 0.2


class Downloads(QObject):
    """Each download runs on a thread of its own: it waits for the network and touches no model."""

    changed = Signal()
    arrived = Signal(str)  # name of a model that is complete
    _progressed = Signal(str, object, float)  # name, Progress, bytes per second
    _ended = Signal(str, object)  # name, exception or None

    def __init__(
        self,
        folder: Callable[[], Path],
        worker: Worker,
        wanted: WantedCopies,
        fetch: Fetch = downloading,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folder, self._worker, self._wanted, self._fetch = folder, worker, wanted, fetch
        self._sizes: tuple[SizeView, ...] = ()
        self._usable = 0
        self._stops: dict[str, threading.Event] = {}
        self._views: dict[str, DownloadView] = {}
        self._discarding: set[str] = set()
        self._unwanted: set[str] = set()  # to be discarded as soon as they have stopped
        self._progressed.connect(self._on_progress)
        self._ended.connect(self._on_ended)

    @property
    def listed(self) -> tuple[DownloadView, ...]:
        """Published models that are not installed."""
        return tuple(self._views.values())

    @property
    def running(self) -> DownloadView | None:
        """The download that is under way; of several the first."""
        return next((view for view in self._views.values() if view.state is DownloadState.RUNNING), None)

    def choose_size(self, name: str, bits: int) -> None:
        """Want a model as published, or as a smaller copy."""
        if name in self._views:
            keep = self._views[name].keep_original
            self._wanted.want(name, None if bits == AS_PUBLISHED_BITS else WantedCopy(bits, keep))
            self._show(name, bits=bits)

    def keep_original(self, name: str, keep: bool) -> None:
        """Whether what was downloaded stays beside the smaller copy."""
        view = self._views.get(name)
        if view is not None:
            if view.bits != AS_PUBLISHED_BITS:
                self._wanted.want(name, WantedCopy(view.bits, keep))
            self._show(name, keep_original=keep)

    def refresh(self) -> None:
        """Look again at which models are missing, and how much of each is here."""
        folder = self._folder()
        self._worker.run(lambda: _found(folder), self._on_found)

    def _on_found(self, result: _Found | None, error: Exception | None) -> None:
        if result is None:
            log.error("downloads cannot be listed", exc_info=error)
            return
        found, self._sizes, self._usable = result
        views = {name: self._view(name, have) for name, have in found.items()}
        if views != self._views:
            self._views = views
            self.changed.emit()

    def _view(self, name: str, have: int) -> DownloadView:
        known, wanted = self._views.get(name), self._wanted.of(name)
        if known is not None and name in self._stops:
            return known
        state = DownloadState.PAUSED if have else DownloadState.OFFERED
        problem = known.problem if known is not None else ""
        total = known.total if known is not None and known.total else PUBLISHED_BYTES
        return DownloadView(
            name, state, have, total, problem=problem, sizes=self._sizes, usable=self._usable,
            bits=self._bits_of(name), keep_original=wanted.keep_original if wanted else False,
        )  # fmt: skip

    def _bits_of(self, name: str) -> int:
        """The size that is wanted; as long as nobody chose, the one that is recommended."""
        if (wanted := self._wanted.of(name)) is not None:
            return wanted.bits
        if name in self._views:
            return self._views[name].bits
        return recommended_bits(self._sizes, self._usable)

    def start(self, name: str) -> None:
        """Download a model, or resume where it was stopped."""
        if name in self._stops or name not in self._views:
            return
        if name in self._discarding:  # what arrives must not be thrown away as well
            self._worker.run(lambda: None, lambda _done, _error: self.start(name))
            return
        view = self._views[name]
        if view.bits != AS_PUBLISHED_BITS:
            self._wanted.want(name, WantedCopy(view.bits, view.keep_original))
        stop = self._stops[name] = threading.Event()
        self._show(name, state=DownloadState.RUNNING, problem="", bytes_per_s=0.0)
        arguments = (name, self._folder(), stop)
        threading.Thread(target=self._run, args=arguments, name=f"download {name}", daemon=True).start()

    def pause(self, name: str) -> None:
        """Stop; what arrived stays."""
        if name in self._stops:
            self._stops[name].set()

    def discard(self, name: str) -> None:
        """Discard what arrived of a download; a running one is stopped first."""
        if name in self._stops:
            self._unwanted.add(name)
            self.pause(name)
        if name not in self._stops and name not in self._discarding and name in self._views:
            folder = self._folder()
            self._discarding.add(name)
            self._show(name, problem="")
            self._worker.run(
                lambda: discard_download(name, folder), lambda _done, error: self._on_discarded(name, error)
            )

    def _on_discarded(self, name: str, error: Exception | None) -> None:
        self._discarding.discard(name)
        if error is not None:
            self._show(name, problem=self._sentence_of(name, error))
        self.refresh()

    def close(self) -> None:
        """Stop all; they go on next time."""
        for stop in self._stops.values():
            stop.set()

    def _run(self, name: str, folder: Path, stop: threading.Event) -> None:
        error: Exception | None = None
        try:
            with closing(self._fetch(name, folder)) as steps:
                self._follow(name, steps, stop)
        except Exception as raised:
            error = raised
        self._ended.emit(name, error)

    def _follow(self, name: str, steps: Generator[Progress, None, Path], stop: threading.Event) -> None:
        began, first, said = time.monotonic(), -1.0, 0.0
        for progress in steps:
            now = time.monotonic()
            first = progress.done if first < 0 else first
            if now - said >= _SAY_EVERY_S:
                said = now
                self._progressed.emit(name, progress, (progress.done - first) / max(now - began, 0.1))
            if stop.is_set():
                return

    def _on_progress(self, name: str, progress: Progress, bytes_per_s: float) -> None:
        self._show(name, done=int(progress.done), total=int(progress.total), bytes_per_s=bytes_per_s)

    def _on_ended(self, name: str, error: Exception | None) -> None:
        stopped = self._stops.pop(name).is_set()
        if error is not None:
            self._show(name, problem=self._sentence_of(name, error))
        elif not stopped:
            self.arrived.emit(name)
        if name in self._unwanted:
            self._unwanted.discard(name)
            self._show(name, state=DownloadState.PAUSED)
            self.discard(name)
        self.refresh()

    def _sentence_of(self, name: str, error: Exception) -> str:
        log.warning("the download of %s failed", name, exc_info=error)
        unknown = self.tr("The download stopped unexpectedly; the log says more. What arrived is kept.")
        return told(error) if isinstance(error, EngineError) else unknown

    def _show(self, name: str, **values: object) -> None:
        if name in self._views:
            self._views[name] = replace(self._views[name], **values)  # type: ignore[arg-type]
            self.changed.emit()


def recommended_bits(sizes: Sequence[SizeView], usable: int) -> int:
    """As published where that fits, else the largest copy that does; as published again where none fits."""
    return next((size.bits for size in sizes if size.memory <= usable), AS_PUBLISHED_BITS)


def _found(folder: Path) -> _Found:
    """Bytes that are here of each published model that is not installed, and how the sizes and the memory stand."""
    from engine.checkpoints.memory import memory_budget

    found = {}
    for name in PUBLISHED:
        if not (folder / name).exists() and not (folder / f"{name}-{COPY_BITS}bit").exists():
            partial = folder / f"{name}{UNFINISHED}"
            found[name] = sum(_size(file) for file in partial.rglob("*"))
    sizes = [size for size in published_sizes() if size.bits in (AS_PUBLISHED_BITS, COPY_BITS)]
    views = tuple(SizeView(size.bits, size.memory, size.disk) for size in sizes)
    return found, views, memory_budget().usable


def _size(file: Path) -> int:
    """Bytes of a file; none of a folder, or of one that a download renames right now."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0
