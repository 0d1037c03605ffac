"""One recording, one page: heard, read, searched, corrected, asked about and taken elsewhere."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.qt import override
from app.shown.choices import SPEEDS
from app.shown.transcribe import ExportChoices, JobState, JobView
from app.widgets.controls.find_field import FindField
from app.widgets.controls.labels import Label
from app.widgets.transcribe.find_bar import ReplaceBar
from app.widgets.transcribe.player_bar import PlayerBar
from app.widgets.transcribe.segment_model import Hit, find_hits
from app.widgets.transcribe.segments import SegmentList
from app.widgets.transcribe.side_column import SideColumn

ARROW_S = 5.0
SIDE_NEEDS_PX = 720  # of the page: below this the side column stays away until it is asked for
_PLAIN = ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.AltModifier)


class TranscriptPage(QWidget):
    """Shows a job and its player. `edited` gives (number of the segment → text)."""

    toggle_wanted = Signal()
    seek_wanted = Signal(float)
    speed_wanted = Signal(float)
    edited = Signal(object)
    speaker_named = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Transcript"))
        self.job = JobView("", "")
        self._starts: list[float] = []
        self._at_s = 0.0
        self._hits: list[Hit] = []
        self._place = -1
        self.find_field = FindField()
        self.replace = ReplaceBar()
        self.player = PlayerBar(SPEEDS)
        self.segments = SegmentList()
        self.file_for: Callable[[str], Path | None] = lambda _kind: None  # writes what is dragged out
        self.side = SideColumn(lambda kind: self.file_for(kind))
        self._side_wanted: bool | None = None
        self._nothing = Label("", "second")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(0)
        for each in (self.replace, self.player, self._nothing):
            column.addWidget(each)
        column.addWidget(self.segments, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(column, 1)
        row.addWidget(self.side)

    def _connect(self) -> None:
        self.player.toggled.connect(self.toggle_wanted)
        self.player.seek_wanted.connect(self.seek_wanted)
        self.player.speed_wanted.connect(self.speed_wanted)
        self.side.seek_wanted.connect(self.seek_wanted)
        self.segments.seek_wanted.connect(lambda row: self.seek_wanted.emit(self._starts[row]))
        self.segments.edited.connect(lambda row, text: self.edited.emit({row: text}))
        self.segments.speaker_named.connect(self.speaker_named)
        self.segments.scrolled_by_hand.connect(lambda: self.player.follow.setChecked(False))
        self.player.follow.toggled.connect(lambda _on: self._show_place())
        self.find_field.words_changed.connect(lambda _words: self._look())
        self.find_field.next_wanted.connect(lambda: self.go_to_hit(1))
        self.find_field.previous_wanted.connect(lambda: self.go_to_hit(-1))
        self.replace.replace_wanted.connect(self._replace_one)
        self.replace.replace_all_wanted.connect(self._replace_all)

    # The recording.

    def show_job(self, job: JobView) -> None:
        """Show how this recording stands; another one from its beginning."""
        another = job.key != self.job.key
        before, self.job = self.job, job
        if another:
            self.find_field.clear()
            self.replace.hide()
            self.player.follow.setChecked(True)
            self.side.show_answer("", "")
            self.side.say("")
        self._starts = [segment.start_s for segment in job.segments]
        self.segments.show_job(job)
        self.segments.setVisible(bool(job.segments))
        self._nothing.setText(self._nothing_words(job))
        self._nothing.setVisible(not job.segments)
        self.player.wave.show_speakers(_speaker_turns(job))
        self.side.speakers.setVisible(bool(job.speakers))
        if another or before.segments != job.segments:
            self._look(stay=not another)

    def _nothing_words(self, job: JobView) -> str:
        if job.state in (JobState.WAITING, JobState.RUNNING):
            return self.tr("The text appears here while it is transcribed.")
        return job.problem or self.tr("There is no text yet.")

    def show_waveform(self, duration_s: float, peaks: Sequence[float]) -> None:
        """How long the recording is, and how loud."""
        self.player.wave.show_recording(duration_s, peaks)

    def show_player(self, at_s: float, duration_s: float, playing: bool) -> None:
        """Where the player is."""
        self._at_s = at_s
        self.player.show_player(at_s, duration_s, playing)
        self._show_place()

    def _row_now(self) -> int | None:
        row = bisect.bisect_right(self._starts, self._at_s + 0.01) - 1
        return row if row >= 0 else None

    def _show_place(self) -> None:
        self.segments.show_playing(self._row_now(), self.player.follow.isChecked())

    # Finding and replacing.

    def start_find(self, replacing: bool = False) -> None:
        """Put the keyboard into the find field."""
        if replacing:
            self.replace.show()
        self.find_field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.find_field.selectAll()

    def _look(self, stay: bool = False) -> None:
        """Find the words again: from where the reader is, or staying at the same place."""
        at = self._hits[self._place] if stay and 0 <= self._place < len(self._hits) else None
        words = self.find_field.words
        texts = [segment.text for segment in self.job.segments]
        self._hits = list(find_hits(texts, words)) if words else []
        row = self._row_now() or 0
        following = (
            n for n, hit in enumerate(self._hits) if (hit.row, hit.start) >= ((at.row, at.start) if at else (row, 0))
        )
        self._place = next(following, 0 if self._hits else -1)
        self.segments.segments.set_hits(self._hits)
        self.player.wave.show_hits([self._said_at(hit) for hit in self._hits])
        self.replace.offer(bool(self._hits))
        self._show_hit()

    def go_to_hit(self, step: int) -> None:
        """The next place, or with -1 the one before; around the end."""
        if self._hits:
            self._place = (self._place + step) % len(self._hits)
            self._show_hit()

    def _show_hit(self) -> None:
        now = self._hits[self._place] if self._hits else None
        self.segments.show_hit(now)
        self.find_field.show_count(self._place + 1, len(self._hits))
        self.player.wave.show_hit_now(None if now is None else self._said_at(now))

    def _said_at(self, hit: Hit) -> float:
        segment = self.job.segments[hit.row]
        share = hit.start / max(len(segment.text), 1)
        return segment.start_s + share * (segment.end_s - segment.start_s)

    def _replace_one(self, words: str) -> None:
        if self._hits:
            hit = self._hits[self._place]
            text = self.job.segments[hit.row].text
            self.edited.emit({hit.row: text[: hit.start] + words + text[hit.end :]})

    def _replace_all(self, words: str) -> None:
        texts: dict[int, str] = {}
        for hit in reversed(self._hits):  # from the end, so that the places before stay true
            text = texts.get(hit.row, self.job.segments[hit.row].text)
            texts[hit.row] = text[: hit.start] + words + text[hit.end :]
        if texts:
            self.edited.emit(texts)

    @property
    def export_choices(self) -> ExportChoices:
        """What a text is to say beside the words."""
        return ExportChoices(self.side.times.isChecked(), self.side.speakers.isChecked())

    # Keys and room.

    @property
    def edits_text(self) -> bool:
        """Whether the words of a segment or a name are being typed."""
        return self.segments.editing

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        segments = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or event.modifiers() & _PLAIN:
            super().keyPressEvent(event)
        elif not segments:
            self.seek_wanted.emit(self._at_s + step * ARROW_S)
        elif self._starts:
            self.seek_wanted.emit(self._starts[self._row_beside(step)])

    def _row_beside(self, step: int) -> int:
        """The segment after the one that sounds, or with -1 its beginning, and from there the one before."""
        row = self._row_now()
        if row is None:
            return 0
        if step < 0 and self._at_s > self._starts[row] + 1.0:
            return row
        return min(max(row + step, 0), len(self._starts) - 1)

    def show_side(self, shown: bool) -> None:
        """Show or hide the column beside the text."""
        self._side_wanted = shown
        self.side.setVisible(shown)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(320, 240)  # the side column stays away where there is no room for it

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._side_wanted is None:
            self.side.setVisible(event.size().width() >= SIDE_NEEDS_PX)


def _speaker_turns(job: JobView) -> list[tuple[float, float, int]]:
    orders = {label: place for place, label in enumerate(job.speakers)}
    turns: list[tuple[float, float, int]] = []
    for segment in job.segments:
        order = orders.get(segment.speaker)
        if order is None:
            continue
        if turns and turns[-1][2] == order:
            turns[-1] = (turns[-1][0], segment.end_s, order)
        else:
            turns.append((segment.start_s, segment.end_s, order))
    return turns
