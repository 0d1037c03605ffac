"""Text that is as high as what it says: selectable, copied by keyboard, with the words being spoken marked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, QUrl
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QFont,
    QMouseEvent,
    QPainter,
    QPalette,
    QPixmap,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextLine,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QTextEdit, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.growing_markdown import MARKDOWN, parsed, position_of_end, replace_end, settled_start
from app.widgets.controls.text_setting import space_lines, space_prose, style_tables

_MARK_ROOM_PX = 8  # for the mark at the point heard
_OPENED = ("http", "https", "mailto")
_CODE = re.compile(r"`|~~~")  # without one of these no Markdown is code
_TIGHT = re.compile(r"\||```|~~~")  # without one of these there are no tables and no fences around code
_LINK_TAIL = re.compile(r"\]\([^)\s]*\)")


def rendered_positions(source: str, rendered: str, known: Sequence[int] = (0,)) -> list[int]:
    """For every place in Markdown `source` (and its end) the place in `rendered` where that character shows.

    `known` are the answers for its first characters, where they stay as they were.
    """
    first = len(known) - 1
    hidden = {i for match in _LINK_TAIL.finditer(source, first) for i in range(*match.span())}
    places, at = list(known[:-1]), known[-1]
    for i in range(first, len(source)):
        character = source[i]
        places.append(at)
        if i in hidden or at >= len(rendered):
            continue
        shown = rendered[at]
        if shown == character or (shown.isspace() and character.isspace()):
            at += 1
    return [*places, at]


def open_link(link: QUrl) -> None:
    """Open a web page or begin a letter. Whatever else an answer links to stays shut: it may start programs."""
    if link.scheme() in _OPENED:
        QDesktopServices.openUrl(link)


def _x_of(line: QTextLine, place: int) -> float:
    found = line.cursorToX(place)  # PySide hands back the place as well
    return float(found[0] if isinstance(found, tuple) else found)  # type: ignore[arg-type]


class FlowText(QTextBrowser):
    """A read-only text without frame or scroll bars. Its owner asks `height_for` and gives it that room."""

    def __init__(self, size_px: float, line_px: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line_px = line_px
        self._source = ""
        self._markdown = False
        self._spoken: tuple[int, int] | None = None
        self._settled = (0, 0)  # where the part of growing text begins that can still change: in source and document
        self._known_places: list[int] = [0]
        self._places: list[int] | None = None
        self._sounding: tuple[int, int] | None = None  # what is marked, as positions in the document
        self._interrupted = self._watched = False
        self._quiet = False
        self._hits: tuple[str, int | None] = "", None  # words that are looked for, and the number of the one in front
        self._measured: tuple[int, int] | None = None  # the width the text is laid out at, and its height there
        self._natural: tuple[int, int] | None = None
        self.setFont(theme.font(size_px))
        self.document().setDefaultFont(theme.font(size_px))
        self.document().setDocumentMargin(0)
        self.document().setIndentWidth(22)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is marked is copied wherever the keyboard is
        self.setOpenLinks(False)
        self.anchorClicked.connect(open_link)

    @override
    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture of nothing: an answer may name any file of this machine as one, also one that never ends."""
        nothing = QPixmap(1, 1)
        nothing.fill(Qt.GlobalColor.transparent)
        return nothing

    @property
    def words(self) -> str:
        """The text as it was given."""
        return self._source

    def set_text(self, text: str, *, markdown: bool = False, growing: bool = False) -> None:
        """Show plain text or Markdown; while it is `growing`, only its last paragraphs are laid out again."""
        if text == self._source and markdown == self._markdown and (growing or not self._settled[0]):
            return
        selected = self.textCursor()
        anchor, position, words = selected.anchor(), selected.position(), selected.selectedText()
        if markdown:
            self._show_markdown(text, growing and self._markdown)
        else:
            self._settle(0, 0)
            self.document().setPlainText(text)
            space_lines(self.document(), self._line_px, markdown=False)
        self._source, self._markdown, self._places = text, markdown, None
        self._spoken, self._interrupted = (None, False) if self._interrupted else (self._spoken, False)
        self._measured = self._natural = None
        self._colour_spoken()
        if words:
            self._select_again(anchor, position, words)

    def _show_markdown(self, text: str, growing: bool) -> None:
        start, at = self._settled
        if not (growing and text.startswith(self._source[:start])):
            start = at = 0
        settled = settled_start(text, start) if growing else None
        if settled is None or not at:
            self.document().setMarkdown(text, MARKDOWN)
            if _TIGHT.search(text):
                space_lines(self.document(), self._line_px, code=_CODE.search(text) is not None)
                style_tables(self.document(), theme.colours(self).line)
            else:
                space_prose(self.document(), text, self._line_px)
        else:  # its end looks as it shall before it is put in: then it is laid out once
            end = parsed(text[start:], self.document().defaultFont())
            space_prose(end, text[start:], self._line_px)
            replace_end(self.document(), at, end)
        if not settled:
            self._settle(0, 0)
        elif settled != self._settled[0]:
            self._settle(settled, position_of_end(self.document(), text[settled:]))

    def _settle(self, start: int, at: int) -> None:
        self._settled = (start, at)
        self._known_places = [0]

    def _select_again(self, anchor: int, position: int, words: str) -> None:
        """What was selected stays so while the text grows, if it is still there."""
        if max(anchor, position) < self.document().characterCount():
            cursor = self.textCursor()
            cursor.setPosition(anchor)
            cursor.setPosition(position, QTextCursor.MoveMode.KeepAnchor)
            if cursor.selectedText() == words:
                self.setTextCursor(cursor)

    def set_quiet(self, quiet: bool) -> None:
        """Write in the second colour."""
        self._quiet = quiet
        self._take_colours()

    def _take_colours(self) -> None:
        values, palette = theme.colours(self), self.palette()
        colour = values.second if self._quiet else values.text
        if palette.color(QPalette.ColorRole.Text) != colour:
            palette.setColor(QPalette.ColorRole.Text, colour)
            self.setPalette(palette)

    def height_for(self, width: int) -> int:
        """Pixels the text needs at this width."""
        if self._measured is None or self._measured[0] != width:
            self._set_width(width)
            self._measured = (width, math.ceil(self.document().size().height()))
        return self._measured[1]

    def natural_width(self, most: int) -> int:
        """Width the longest line wants, at most `most`."""
        if self._natural is None or self._natural[0] != most:
            self._set_width(most)
            self._natural = (most, min(most, math.ceil(self.document().idealWidth()) + 1))
            self._measured = None
        return self._natural[1]

    def _set_width(self, width: int) -> None:
        if self.lineWrapColumnOrWidth() != width:  # each lays out the whole text, also for the width it has
            self.setLineWrapColumnOrWidth(width)  # else the editor wraps at its own present width again
        if self.document().textWidth() != width:
            self.document().setTextWidth(width)

    def set_spoken(self, span: tuple[int, int] | None) -> None:
        """Mark these characters of the text as sounding now and show later ones lighter; None: no marks."""
        if span != self._spoken or self._interrupted:
            self._spoken, self._interrupted = span, False
            self._colour_spoken()
            self.viewport().update()

    def set_heard(self, characters: int) -> None:
        """Mark the point up to which the text was heard, and show the rest lighter."""
        if self._interrupted and self._spoken == (characters, characters):
            return
        self._spoken, self._interrupted = (characters, characters), True
        self._make_room_for_mark()
        self._colour_spoken()
        self.viewport().update()

    def _make_room_for_mark(self) -> None:
        """Widen the blank after what was heard: the mark stands in it."""
        at = self._spoken_positions()
        if at is None or at[0] >= self.document().characterCount() - 1:
            return
        cursor = QTextCursor(self.document())
        cursor.setPosition(at[0])
        cursor.setPosition(at[0] + 1, QTextCursor.MoveMode.KeepAnchor)
        if cursor.selectedText() == " ":
            wider = QTextCharFormat()
            wider.setFontLetterSpacingType(QFont.SpacingType.AbsoluteSpacing)
            wider.setFontLetterSpacing(_MARK_ROOM_PX)
            cursor.mergeCharFormat(wider)
            self._measured = self._natural = None

    def spoken_span(self) -> tuple[int, int] | None:
        """Where the marked words lie in the rendered text."""
        if self._spoken is None:
            return None
        if self._places is None:
            self._places = rendered_positions(self._source, self.toPlainText(), self._known_places)
            self._known_places = self._places[: self._settled[0] + 1]
        last = len(self._places) - 1
        start, end = (self._places[min(max(place, 0), last)] for place in self._spoken)
        return start, end

    def _spoken_positions(self) -> tuple[int, int] | None:
        """The same in the document, where a character beyond the first 65,536 (an emoji) takes two positions."""
        span = self.spoken_span()
        if span is None:
            return None
        text = self.toPlainText()
        start, end = (len(text[:place].encode("utf-16-le")) // 2 for place in span)
        return start, end

    def _colour_spoken(self) -> None:
        span = self._sounding = self._spoken_positions()
        self._watch_painting()
        if span is None:
            if self._hits[0] or self.extraSelections():
                self.setExtraSelections(self._hit_marks())
            return
        later = QTextEdit.ExtraSelection()
        later.cursor = QTextCursor(self.document())
        later.cursor.setPosition(min(span[1], max(self.document().characterCount() - 1, 0)))
        later.cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        later.format = QTextCharFormat()
        later.format.setForeground(theme.colours(self).unheard)
        self.setExtraSelections([later, *self._hit_marks()])

    def set_hits(self, words: str, now: int | None) -> None:
        """Mark these words wherever they stand, and one of the places above the others; "" for none."""
        if (words, now) != self._hits:
            self._hits = words, now
            self._colour_spoken()

    def _found(self) -> list[QTextCursor]:
        found: list[QTextCursor] = []
        cursor = QTextCursor(self.document())
        while self._hits[0] and not (cursor := self.document().find(self._hits[0], cursor)).isNull():
            found.append(cursor)
        return found

    def _hit_marks(self) -> list[QTextEdit.ExtraSelection]:
        marks, values = [], theme.colours(self)
        for number, cursor in enumerate(self._found()):
            mark = QTextEdit.ExtraSelection()
            mark.cursor, mark.format = cursor, QTextCharFormat()
            mark.format.setBackground(values.hit_now if number == self._hits[1] else values.hit)
            mark.format.setForeground(values.text)
            marks.append(mark)
        return marks

    def hit_place(self) -> QRect:
        """Where the hit in front stands; nowhere if there is none."""
        found = self._found()
        now = self._hits[1]
        return self.cursorRect(found[now]) if now is not None and now < len(found) else QRect()

    def _spoken_boxes(self, start: int, end: int) -> list[QRectF]:
        boxes: list[QRectF] = []
        block = self.document().findBlock(start)
        while block.isValid() and block.position() < end:
            boxes += self._boxes_in(block, start - block.position(), end - block.position())
            block = block.next()
        return boxes

    def _boxes_in(self, block: QTextBlock, start: int, end: int) -> list[QRectF]:
        layout, boxes = block.layout(), []
        origin = self.document().documentLayout().blockBoundingRect(block).topLeft()
        for number in range(layout.lineCount()):
            line = layout.lineAt(number)
            first, last = line.textStart(), line.textStart() + line.textLength()
            if first < end and last > start:
                left, right = _x_of(line, max(start, first)), _x_of(line, min(end, last))
                bottom = origin.y() + line.y() + line.ascent() + line.descent()
                tall = line.ascent() + line.descent()
                boxes.append(QRectF(origin.x() + left - 2, bottom - tall - 1, right - left + 4, tall + 2))
        return boxes

    def _watch_painting(self) -> None:
        """Be asked before the text is painted, if something stands behind it. Qt paints any other text by itself: for
        what Python is asked to do, the thread that writes has to wait.
        """
        marked = self._sounding is not None
        if marked and not self._watched:
            self.viewport().installEventFilter(self)
        elif self._watched and not marked:
            self.viewport().removeEventFilter(self)
        self._watched = marked

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._sounding is not None:
            self._paint_marks(self._sounding)
        return False

    def _paint_marks(self, span: tuple[int, int]) -> None:
        if span[1] > span[0]:
            painter = QPainter(self.viewport())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colours(self).accent_soft)
            for box in self._spoken_boxes(*span):
                painter.drawRoundedRect(box, 4, 4)
            painter.end()
        if self._interrupted:
            self._paint_mark(span[0])

    def _paint_mark(self, at: int) -> None:
        boxes = self._spoken_boxes(max(at - 1, 0), max(at, 1))
        if boxes:
            place = boxes[-1] if at else QRectF(boxes[0].left(), boxes[0].top(), 0, boxes[0].height())
            painter = QPainter(self.viewport())
            painter.fillRect(QRectF(place.right() + 3, place.top(), 2, place.height()), theme.colours(self).field_line)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_look_change(event) and hasattr(self, "_spoken"):
            self._measured = self._natural = None
            self._take_colours()
            style_tables(self.document(), theme.colours(self).line)
            self._colour_spoken()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for other in self.window().findChildren(FlowText):
            if other is not self and other.textCursor().hasSelection():  # one text is marked at a time
                cursor = other.textCursor()
                cursor.clearSelection()
                other.setTextCursor(cursor)
        super().mousePressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()  # its owner has a menu of its own

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
