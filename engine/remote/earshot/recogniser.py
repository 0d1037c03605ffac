"""Transcribes windows of recordings on another machine, several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.events import Samples
from engine.remote.earshot.connection import Connection, LostConnectionError
from engine.remote.earshot.returning import Line, wait_for_return
from engine.remote.earshot.wire import misunderstood, samples_bytes
from engine.transcription.results import Options, Recognised

_TOGETHER = 8  # windows in a message: 25 s take 1.6 MB

Text = tuple[int, str | Recognised] | None


class EarshotRecogniser:
    """See `Recogniser`: texts of the windows with their places, and None while nothing comes."""

    def __init__(self, line: Line, options: Options) -> None:
        self._line, self._options = line, options

    def __call__(self, windows: Sequence[Samples]) -> Iterator[Text]:
        """Raises RemoteError, and RequestError for a language that the model does not know."""
        for first in range(0, len(windows), _TOGETHER):
            places = list(range(first, min(first + _TOGETHER, len(windows))))
            while places:
                try:
                    yield from self._some(places, windows)
                except LostConnectionError as lost:
                    wait_for_return(self._line, lost)

    def _some(self, places: list[int], windows: Sequence[Samples]) -> Iterator[Text]:
        """The texts of the windows at these places; those that are done are taken out of `places`."""
        asked = list(places)
        for found in self._recognised(self._line.connection(), [windows[place] for place in asked]):
            if found is None:
                yield None
                continue
            row, text = found
            if row >= len(asked) or asked[row] not in places:
                raise misunderstood("a text is of a window that was sent, and comes once")
            places.remove(asked[row])
            yield asked[row], text
        if places:
            raise misunderstood("each window has a text")

    def _recognised(self, connection: Connection, windows: Sequence[Samples]) -> Iterator[Text]:
        call = connection.call(
            "recognise",
            b"".join(map(samples_bytes, windows)),
            lengths=[len(window) for window in windows],
            language=self._options.language,
            translate_to=self._options.translate_to,
        )
        for answer in call.answers_and_waits():
            yield None if answer is None else (answer.get("row", int), answer.get("text", str))
