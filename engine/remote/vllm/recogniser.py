"""Transcribes windows of recordings by a vLLM server, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from engine.conversation.prompting.reading import Readable
from engine.events import Samples
from engine.remote.listener import RemoteWindow
from engine.remote.vllm.reader import VllmReader
from engine.transcription.recogniser import WindowTask, without_loop
from engine.transcription.results import Options, Recognised

if TYPE_CHECKING:
    from engine.remote.vllm.model import VllmModel


class VllmRecogniser:
    """See `Recogniser`: texts of the windows with their places, and None while nothing comes.

    Raises RequestError for a language that the model does not know.
    """

    def __init__(self, model: VllmModel, options: Options) -> None:
        self._model, self._task = model, WindowTask(model, options)

    def __call__(self, windows: Sequence[Samples]) -> Iterator[tuple[int, str | Recognised] | None]:
        """Raises RemoteError."""
        for place, samples_16k in enumerate(windows):
            ids: list[int] = []
            with closing(self._written(samples_16k)) as written:
                for id in written:
                    ids += [] if id is None else [id]
                    yield None
            done = bool(ids) and ids[-1] in self._model.vocabulary.end_ids
            yield place, self._task.text(ids if done else without_loop(ids))

    def _written(self, samples_16k: Samples) -> Generator[int | None]:
        window = RemoteWindow.of(samples_16k)
        return VllmReader(self._model).written_and_waits(
            Readable.alone(self._task.prompt(window.shape[0]), (window,)),
            sampling=self._task.sampling,
            end_ids=self._model.vocabulary.end_ids,
            max_tokens=self._task.most_ids(len(samples_16k)),
        )
