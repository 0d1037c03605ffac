"""The segments of a recording as a list model: texts, times, speakers, hits of a search, and which one sounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from app.qt import override
from app.shown.transcribe import JobView, TextSegment
from app.widgets.controls.model_index import Index
from app.widgets.transcribe.times import stamp


@dataclass(frozen=True)
class Hit:
    """Words that were looked for: the number of the segment, and where in its text they stand."""

    row: int
    start: int
    end: int


def find_hits(texts: Sequence[str], words: str) -> Iterator[Hit]:
    """Where the words stand, from the first segment on, whatever their case."""
    pattern = re.compile(re.escape(words), re.IGNORECASE)
    for row, text in enumerate(texts):
        for found in pattern.finditer(text):
            yield Hit(row, *found.span())


class SegmentModel(QAbstractListModel):
    """What the list shows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._segments: tuple[TextSegment, ...] = ()
        self._names: dict[str, str] = {}
        self._orders: dict[str, int] = {}
        self._hits: dict[int, list[Hit]] = {}
        self.hit_now: Hit | None = None  # the one that one is at
        self.playing: int | None = None

    def show(self, job: JobView) -> None:
        """Show the segments of a recording; corrected ones and new ones at the end leave the others alone."""
        new, old = job.segments, self._segments
        names, orders = dict(job.names), {label: place for place, label in enumerate(job.speakers)}
        renamed = (names, orders) != (self._names, self._orders)
        self._names, self._orders = names, orders
        if len(new) < len(old) or any(one.stretch != other.stretch for one, other in zip(old, new, strict=False)):
            self.beginResetModel()
            self._segments = new
            self.endResetModel()
            return
        if len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._segments = (*old, *new[len(old) :])
            self.endInsertRows()
        self._segments = new
        changed = [row for row, before in enumerate(old) if new[row] != before]
        if renamed and new:
            self.dataChanged.emit(self.index(0), self.index(len(new) - 1))
        elif changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))

    def set_playing(self, row: int | None) -> None:
        """Which one sounds."""
        before, self.playing = self.playing, row
        for changed in (before, row):
            if changed is not None and before != row and changed < len(self._segments):
                self.dataChanged.emit(self.index(changed), self.index(changed), [Qt.ItemDataRole.DecorationRole])

    def set_hits(self, hits: Sequence[Hit]) -> None:
        """Which words were looked for."""
        self._hits = {}
        for hit in hits:
            self._hits.setdefault(hit.row, []).append(hit)
        if self._segments:
            self.dataChanged.emit(self.index(0), self.index(len(self._segments) - 1), [Qt.ItemDataRole.DecorationRole])

    def hits(self, row: int) -> Sequence[Hit]:
        """Those in one segment."""
        return self._hits.get(row, ())

    @property
    def has_speakers(self) -> bool:
        """Whether it is known who speaks."""
        return bool(self._orders)

    @property
    def segments(self) -> tuple[TextSegment, ...]:
        """All of them."""
        return self._segments

    def speaker(self, row: int) -> tuple[str, int]:
        """What the speaker of a segment is called, and as which one they appeared; ("", 0) when not known."""
        label = self._segments[row].speaker
        return self._names.get(label, label), self._orders.get(label, 0)

    def time(self, row: int) -> str:
        """When a segment begins."""
        return stamp(self._segments[row].start_s, hours=self._segments[-1].end_s >= 3600)

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._segments)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._segments[index.row()].text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            named = ", ".join(filter(None, (self.time(index.row()), self.speaker(index.row())[0])))
            return f"{named}: {self._segments[index.row()].text}"
        return None
