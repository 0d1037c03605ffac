"""Words in transcripts: found as in conversations, on a thread of their own."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from app.transcribe.job import Job
from app.worker import Worker

_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_AROUND = 40  # characters before the first hit of a snippet
_SNIPPET = 120

log = logging.getLogger(__name__)

Found = dict[str, str]


def find_in(job: Job, words: Sequence[str]) -> str | None:
    """A piece of the newest segment that has all words, hits between \\x02 and \\x03; "" where the name has them."""
    patterns = [_pattern(word) for word in words]
    for segment in reversed(job.segments):
        folded = fold(segment.text)
        if all(pattern.search(folded) for pattern in patterns):
            return _snippet(segment.text, folded, patterns)
    name = fold(job.path.stem)
    return "" if all(pattern.search(name) for pattern in patterns) else None


def fold(text: str) -> str:
    """Without case and accents, character by character, so that places stay the same."""
    if text.isascii():
        return text.lower()
    return "".join(_folded(character) for character in text)


def _folded(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)[0].lower()
    return plain if len(plain) == 1 else character


def _pattern(word: str) -> re.Pattern[str]:
    """Words are found by their beginning, characters of scripts without spaces anywhere."""
    begins = "" if _WITHOUT_SPACES.match(word) or not word[0].isalnum() else r"(?<![^\W_])"
    return re.compile(begins + re.escape(fold(word)))


def _snippet(text: str, folded: str, patterns: Sequence[re.Pattern[str]]) -> str:
    spans = sorted(found.span() for pattern in patterns for found in pattern.finditer(folded))
    start = max(0, spans[0][0] - _AROUND)
    start = text.find(" ", start) + 1 if start and " " in text[start : spans[0][0]] else start
    end, place, pieces = min(len(text), start + _SNIPPET), start, ["…" if start else ""]
    for first, last in spans:
        if place <= first and last <= end:
            pieces += [text[place:first], "\x02", text[first:last], "\x03"]
            place = last
    return " ".join("".join([*pieces, text[place:end], "…" if end < len(text) else ""]).split())


class TranscriptSearcher(QObject):
    """Answers the newest query: for each recording in which it was said, `newest` has a piece of it."""

    answered = Signal()

    def __init__(self, jobs: Callable[[], Sequence[Job]], worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._worker = jobs, worker
        self._wanted: object = None
        self.answered_query = ""
        self.newest: Found = {}

    def search(self, query: str) -> None:
        """Find recordings; what was asked before is not answered any more. "" finds none."""
        wanted = self._wanted = object()
        if not query:
            self._take(query, {})
            return
        jobs, words = tuple(self._jobs()), query.split()

        def find() -> Found:
            found: Found = {}
            for job in jobs:
                if wanted is not self._wanted:
                    break
                if (snippet := find_in(job, words)) is not None:
                    found[job.key] = snippet
            return found

        def answer(found: Found | None, error: Exception | None) -> None:
            if error is not None:
                log.error("the search in transcripts failed", exc_info=error)
            if wanted is self._wanted and found is not None:
                self._take(query, found)

        self._worker.run(find, answer)

    def _take(self, query: str, found: Found) -> None:
        self.answered_query, self.newest = query, found
        self.answered.emit()

    def close(self) -> None:
        """Answer nothing any more."""
        self._wanted = None
        self._worker.close(0.05)
