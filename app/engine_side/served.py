"""Queues other programs' jobs among the window's requests. The person at the window comes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.engine_side.engine_thread import EngineThread
from app.engine_side.loading import Loaded
from app.engine_side.requests import PATIENT, SERVED, SERVED_AT_ONCE, Request
from app.translations import sentence
from engine.errors import RequestError
from engine.events import Pause

if TYPE_CHECKING:
    from engine.serving import About, Job

_LEVELS = {"AT_ONCE": SERVED_AT_ONCE, "SPEAKER": SERVED, "FILES": PATIENT}  # of `engine.serving.Priority`


class ServedHost(QObject):
    """What a server of `engine.serving` gives its work to: the window's own engine thread."""

    def __init__(self, thread: EngineThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._loaded: Loaded | None = None
        self._jobs: dict[Request, Job] = {}
        thread.happened.connect(self._on_happened)
        thread.ended.connect(self._on_ended)

    @property
    def about(self) -> About:
        """What the model in use can do. From any thread. Raises RequestError while there is none."""
        from engine.serving import About

        if (loaded := self._loaded) is None:
            raise RequestError(sentence("No model is loaded: choose one on the models page of the settings."))
        if loaded.place:
            words = sentence("The model in use is on another machine, {place}: ask there.")
            raise RequestError(words.format(place=loaded.place))
        languages = tuple(map(str, loaded.about.get("languages") or ()))
        return About(loaded.name, loaded.folder, languages, loaded.chats, loaded.thinks, loaded.speaks)

    def submit(self, job: Job) -> None:
        """Have a job done, from any thread: between its steps, the person at the window goes first."""
        level = _LEVELS[job.priority.name]
        request = Request(job.name, lambda work, _request: _carry_out(work, job), level)
        self._jobs[request] = job
        self._thread.submit(request)

    def _on_happened(self, request: Request, event: object) -> None:
        if isinstance(event, Loaded):
            self._loaded = event

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        """Whatever ended it: a job ends once, so this counts only for what never began or hangs."""
        from engine.serving.jobs import ended

        if (job := self._jobs.pop(request, None)) is not None:
            job.end(ended())


def _carry_out(work: Any, job: Job) -> Iterator[Pause]:
    """A job's steps on the engine's thread. What goes wrong is the business of whoever asked."""
    from engine.serving.jobs import ended

    error: BaseException | None = None
    try:
        with closing(job.steps(work.model.engine, job)) as steps:  # type: ignore[type-var]
            for event in steps:
                if job.cancelled():
                    return
                if event is not None:
                    job.on_event(event)
                yield Pause()
    except GeneratorExit:
        error = ended()
        raise
    except Exception as raised:
        error = raised
    finally:
        job.end(error)
