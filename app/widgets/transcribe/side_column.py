"""Beside a transcript: questions about it, its summary, and ways to take it elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QRectF, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QContextMenuEvent, QDrag, QGuiApplication, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QScrollArea, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import Chip, IconButton, PaintedButton, TextButton, draw_focus, pen
from app.widgets.controls.fields import Field
from app.widgets.controls.flow_layout import FlowLayout
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar

FORMATS = {"txt": "TXT", "srt": "SRT", "vtt": "VTT", "json": "JSON", "md": "Markdown"}
FEEDBACK_MS = 4_000
_LINE = "<p style='margin:0 0 {below}px 0; line-height:20px'>"
_BULLET = re.compile(r"^[-*•–]\s+")
_TIME = re.compile(r"\b(?:(\d+):)?(\d{1,2}):(\d{2})\b")


class OutlinedButton(PaintedButton):
    """A word in a thin outline: a pill, or with square corners."""

    def __init__(self, text: str, radius: float, tone: str = "text", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._radius, self._tone = radius, tone
        self.setFont(theme.font(theme.SMALL_PX + 0.5, 500 if tone == "text" else 400))

    @override
    def sizeHint(self) -> QSize:
        return QSize(int(self.text_width() + 0.999) + 20, theme.CHIP if self._tone == "second" else theme.ICON_BUTTON)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        active = self.underMouse() and self.isEnabled()
        painter.setPen(pen(values.faint if active else values.field_line))
        painter.setBrush(values.card if active else values.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self._radius, self._radius)
        painter.setPen(getattr(values, self._tone) if self.isEnabled() else values.faint)
        painter.setFont(self.font())
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, self.text())
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), self._radius, values.accent)


class FormatButton(OutlinedButton):
    """A format: a click saves, dragging takes a file out. `file_for` writes it when a drag begins."""

    def __init__(self, kind: str, file_for: Callable[[str], Path | None], parent: QWidget | None = None) -> None:
        super().__init__(FORMATS[kind], theme.ROW_RADIUS, parent=parent)
        self._kind, self._file_for = kind, file_for
        self._pressed_at: QPoint | None = None
        self.setAccessibleName(self.tr("Export as {format}").format(format=FORMATS[kind]))

    def drag_data(self) -> QMimeData | None:
        """What is dragged out: a file with the text."""
        file = self._file_for(self._kind)
        if file is None:
            return None
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file))])
        return data

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = event.position().toPoint()
        super().mousePressEvent(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        far = QGuiApplication.styleHints().startDragDistance()
        moved = event.position().toPoint() - (self._pressed_at or event.position().toPoint())
        if self._pressed_at is None or moved.manhattanLength() < far:
            super().mouseMoveEvent(event)
            return
        self._pressed_at = None
        self.setDown(False)
        if (data := self.drag_data()) is not None:
            drag = QDrag(self)
            drag.setMimeData(data)
            drag.exec(Qt.DropAction.CopyAction)


class Section(QWidget):
    """A heading, what belongs to it, and a line below."""

    def __init__(self, heading: str, last: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last = last
        self.head = QHBoxLayout()
        self.head.setSpacing(2)
        words = Label(heading, weight=600)
        words.setMinimumHeight(theme.ICON_BUTTON)
        self.head.addWidget(words)
        self.head.addStretch(1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 12, 16, 15)
        self.column.setSpacing(6)
        self.column.addLayout(self.head)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._last:
            QPainter(self).fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.colours(self).line)


class AnswerLabel(QLabel):
    """Words of the model, times in them as links."""

    seek_wanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(theme.font())
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.linkActivated.connect(lambda seconds: self.seek_wanted.emit(float(seconds)))
        self.words = ""

    def show_words(self, words: str) -> None:
        """Show these."""
        self.words = words
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        second = theme.colours(self).second.name()
        pairs = zip_longest(lines, lines[1:], fillvalue="")
        heads = (bool(_BULLET.match(after)) and not _BULLET.match(line) for line, after in pairs)
        parts = (_heading(line, second) if head else _in_html(line) for line, head in zip(lines, heads, strict=True))
        self.setText("".join(parts))
        self.setAccessibleName(words)
        self.setVisible(bool(words))

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy"), lambda: QGuiApplication.clipboard().setText(self.words))
        menu.popup(event.globalPos())


def _heading(line: str, colour: str) -> str:
    """A line over bullets: "To do"."""
    return f"{_LINE.format(below=2)}<span style='color:{colour}; font-weight:500'>{html.escape(line)}</span></p>"


def _in_html(line: str) -> str:
    """A paragraph; after a bullet in a table of its own, so that its lines stand under themselves."""
    words, begin = _BULLET.sub("", line), _LINE.format(below=0)
    text = f"{begin}{_linked(html.escape(words))}</p>"
    if words == line:
        return text
    cells = f"<td width='13' style='padding-bottom:5px'>{begin}•</p></td><td style='padding-bottom:5px'>{text}</td>"
    return f"<table cellspacing='0' cellpadding='0'><tr>{cells}</tr></table>"


def _linked(line: str) -> str:
    def link(found: re.Match[str]) -> str:
        seconds = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
        return f"<a href='{seconds}' style='text-decoration:none'>{found[0]}</a>"

    return _TIME.sub(link, line)


class SideColumn(QScrollArea):
    """What is wanted goes out as signals; what is known comes in."""

    asked = Signal(str)
    summary_wanted = Signal()
    export_wanted = Signal(str)
    seek_wanted = Signal(float)

    def __init__(self, file_for: Callable[[str], Path | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(theme.SIDE_COLUMN_WIDTH)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("About this recording"))
        use_thin_bar(self)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._ask_section())
        column.addWidget(self._summary_section())
        column.addWidget(self._export_section(file_for))
        column.addStretch(1)
        self.setWidget(whole)
        self._feedback_over = QTimer(self, singleShot=True, interval=FEEDBACK_MS)
        self._feedback_over.timeout.connect(lambda: self.say(""))
        self.show_answer("", "")
        self.show_summary("", busy=False)

    def _ask_section(self) -> Section:
        section = Section(self.tr("Ask"))
        self.question = Field(self.tr("Ask about this recording"), height=theme.CARD + 4, radius=theme.CARD_RADIUS)
        self.question.returnPressed.connect(self._on_asked)
        section.column.addWidget(self.question)
        self._unable = Label(self.tr("Questions about a recording need the full model."), "second", wrap=True)
        self._unable.hide()
        section.column.addWidget(self._unable)
        self._tries = QWidget()
        flow = FlowLayout(self._tries, 6)
        for words in (self.tr("What was decided?"), self.tr("Who does what by when?")):
            chip = OutlinedButton(words, theme.CHIP / 2, "second")
            chip.clicked.connect(lambda _checked=False, w=words: self.asked.emit(w))
            flow.addWidget(chip)
        section.column.addWidget(self._tries)
        self._asked = Label("", "second", wrap=True)
        self.answer = AnswerLabel()
        self.answer.seek_wanted.connect(self.seek_wanted)
        section.column.addWidget(self._asked)
        section.column.addWidget(self.answer)
        return section

    def _summary_section(self) -> Section:
        section = Section(self.tr("Summary"))
        self.summary = AnswerLabel()
        self.copy_summary = IconButton("copy", self.tr("Copy summary"))
        self.copy_summary.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.summary.words))
        self.renew_summary = IconButton("again", self.tr("Summarise again"))
        self.renew_summary.clicked.connect(self.summary_wanted)
        section.head.setContentsMargins(0, 0, -6, 0)  # the signs end where the fields do
        section.head.addWidget(self.copy_summary)
        section.head.addWidget(self.renew_summary)
        self.summary.seek_wanted.connect(self.seek_wanted)
        self.summarise = TextButton(self.tr("Summarise"))
        self.summarise.clicked.connect(self.summary_wanted)
        self._summary_state = Label("", "second", wrap=True)
        for each in (self.summary, self._summary_state, self.summarise):
            section.column.addWidget(each)
        return section

    def _export_section(self, file_for: Callable[[str], Path | None]) -> Section:
        section = Section(self.tr("Export"), last=True)
        section.head.addWidget(Label(self.tr("or drag one out"), "second", size_px=theme.SMALL_PX + 0.5))
        formats = QWidget()
        flow = FlowLayout(formats, 6)
        self.formats = {kind: FormatButton(kind, file_for) for kind in FORMATS}
        for kind, button in self.formats.items():
            button.clicked.connect(lambda _checked=False, k=kind: self.export_wanted.emit(k))
            flow.addWidget(button)
        section.column.addWidget(formats)
        self.times, self.speakers = Chip(self.tr("Times")), Chip(self.tr("Speakers"))
        chips = QHBoxLayout()
        chips.setSpacing(6)
        for chip in (self.times, self.speakers):
            chip.setChecked(True)
            chips.addWidget(chip)
        chips.addStretch(1)
        section.column.addLayout(chips)
        self._feedback = Label("", "good", wrap=True)
        section.column.addWidget(self._feedback)
        return section

    def _on_asked(self) -> None:
        if words := self.question.text().strip():
            self.asked.emit(words)

    def offer_asking(self, offered: bool, *, able: bool = True) -> None:
        """Whether the model can answer now, and whether it is one that can."""
        for each in (self.question, self._tries, self.summarise, self.renew_summary):
            each.setEnabled(offered)
        self._unable.setVisible(not able)
        self._tries.setVisible(able)

    def show_answer(self, question: str, answer: str) -> None:
        """What was asked, and what is answered so far; "" while it is thought about."""
        self.question.clear()
        self._asked.setText(question)
        self._asked.setVisible(bool(question))
        self.answer.show_words(answer or (self.tr("Reading…") if question else ""))

    def show_summary(self, summary: str, *, busy: bool) -> None:
        """The summary, as far as there is one."""
        self.summary.show_words(summary)
        self._summary_state.setText(self.tr("Reading…"))
        self._summary_state.setVisible(busy and not summary)
        self.summarise.setVisible(not summary and not busy)
        self.copy_summary.setVisible(bool(summary))
        self.renew_summary.setVisible(bool(summary) and not busy)

    def say(self, words: str, *, trouble: bool = False) -> None:
        """Tell for a while what became of an export."""
        self._feedback.setText(words)
        self._feedback.set_tone("trouble" if trouble else "good")
        self._feedback.setVisible(bool(words))
        if words:
            self._feedback_over.start()

    @property
    def said(self) -> str:
        """What it tells."""
        return self._feedback.text()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(QRectF(0, 0, 1, self.height()), theme.colours(self).line)
