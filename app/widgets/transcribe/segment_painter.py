"""Paints one segment: its time, who speaks, what was said with the hits of a search, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import draw_focus
from app.widgets.transcribe.segment_layout import SegmentLayout, boxes_of
from app.widgets.transcribe.segment_model import SegmentModel

LEFT, TEXT_LEFT, RIGHT = 24, 68, 16
CARD_LEFT, CARD_RIGHT = 12, 6
ABOVE, BELOW, HEAD = 8, 10, 20
BARE = 10  # above and below where nobody's name is shown
AVATAR = 16
ICON, ICON_BOX = 16, 28
ICONS_WIDTH = 2 * ICON_BOX
HIT_RADIUS = 4


class Part(Enum):
    """What of a segment is under the mouse."""

    TIME = auto()
    NAME = auto()
    WORDS = auto()
    EDIT = auto()
    MORE = auto()


@dataclass(frozen=True)
class Look:
    """How a row stands out."""

    playing: bool = False
    hover: bool = False
    part: Part | None = None  # under the mouse
    ring: bool = False
    edited: bool = False


class SegmentPainter:
    """Knows where the parts of a row are."""

    def __init__(self, model: SegmentModel, layout: SegmentLayout) -> None:
        self._model, self._layout = model, layout

    @property
    def head(self) -> int:
        """Height of the line with the speaker's name."""
        return HEAD if self._model.has_speakers else 0

    @property
    def above(self) -> int:
        """From the row's top to its words, or to the name over them."""
        return ABOVE if self._model.has_speakers else BARE

    @property
    def around(self) -> float:
        """Height of a row beside its words."""
        return float(ABOVE + HEAD + BELOW if self._model.has_speakers else 2 * BARE)

    def text_width(self, width: float) -> float:
        """Room for words in a column of this width."""
        return width - TEXT_LEFT - RIGHT - (0 if self._model.has_speakers else ICONS_WIDTH)

    def words_at(self, box: QRectF) -> QPointF:
        """Where the words of a row begin."""
        return QPointF(box.left() + TEXT_LEFT, box.top() + self.above + self.head)

    def name_box(self, box: QRectF, row: int) -> QRectF:
        """Where the speaker's name stands, with its letter."""
        width = AVATAR + 8 + QFontMetricsF(_name_font()).horizontalAdvance(self._model.speaker(row)[0]) + 4
        return QRectF(box.left() + TEXT_LEFT, box.top() + ABOVE, min(width, box.width() - TEXT_LEFT - 90), HEAD)

    def icon_box(self, box: QRectF, part: Part) -> QRectF:
        """Where an icon of the row is pressed."""
        left = box.right() - CARD_RIGHT - 8 - ICONS_WIDTH + (ICON_BOX if part is Part.MORE else 0)
        middle = box.top() + self.above + (HEAD / 2 if self.head else 12)
        return QRectF(left, middle - ICON_BOX / 2, ICON_BOX, ICON_BOX)

    def part_at(self, box: QRectF, row: int, at: QPoint) -> Part | None:
        """What of a row is there."""
        place = QPointF(at)
        for part in (Part.EDIT, Part.MORE):
            if self.icon_box(box, part).contains(place):
                return part
        if self.head and self.name_box(box, row).contains(place):
            return Part.NAME
        if place.x() < box.left() + TEXT_LEFT - 4:
            return Part.TIME if place.y() < box.top() + self.above + 24 else None
        return Part.WORDS if place.y() >= box.top() + self.above + self.head else None

    def paint(self, painter: QPainter, box: QRectF, row: int, look: Look, values: theme.Colours) -> None:
        """Paint a row into its box, which is as wide as the column."""
        card = box.adjusted(CARD_LEFT, 0, -CARD_RIGHT, -2)
        painter.setPen(Qt.PenStyle.NoPen)
        if look.playing or look.hover:
            painter.setBrush(values.accent_soft if look.playing else values.card)
            painter.drawRoundedRect(card, theme.FIELD_RADIUS, theme.FIELD_RADIUS)
        self._paint_time(painter, box, row, look, values)
        if self.head:
            self._paint_name(painter, box, row, look, values)
        if not look.edited:
            self._paint_words(painter, self.words_at(box), row, values)
            if look.playing or look.hover or look.ring:
                self._paint_icons(painter, box, look, values)
        if look.ring:
            draw_focus(painter, card, theme.FIELD_RADIUS, values.accent)

    def _paint_time(self, painter: QPainter, box: QRectF, row: int, look: Look, values: theme.Colours) -> None:
        painter.setFont(theme.font(theme.TEXT_PX, tabular=True))
        painter.setPen(values.accent_text if look.part is Part.TIME else values.second)
        place = QRectF(box.left(), box.top() + self.above, TEXT_LEFT - 12, HEAD if self.head else 24)
        end = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight | Qt.TextFlag.TextDontClip)
        painter.drawText(place, end, self._model.time(row))

    def _paint_name(self, painter: QPainter, box: QRectF, row: int, look: Look, values: theme.Colours) -> None:
        name, order = self._model.speaker(row)
        if not name:
            return
        words, soft = values.speakers[order % len(values.speakers)]
        place = self.name_box(box, row)
        middle = place.center().y()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(soft if not look.playing else values.window)
        painter.drawEllipse(QRectF(place.left(), middle - AVATAR / 2, AVATAR, AVATAR))
        painter.setPen(words)
        painter.setFont(theme.font(9.5, 600))
        painter.drawText(QRectF(place.left(), middle - AVATAR / 2, AVATAR, AVATAR), _CENTRE, letter_of(name))
        font = _name_font()
        font.setUnderline(look.part is Part.NAME)
        painter.setFont(font)
        shown = QFontMetricsF(font).elidedText(name, Qt.TextElideMode.ElideRight, place.width() - AVATAR - 8)
        left = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(place.adjusted(AVATAR + 8, 0, 0, 0), left, shown)

    def _paint_words(self, painter: QPainter, at: QPointF, row: int, values: theme.Colours) -> None:
        layout = self._layout.text(row)
        painter.setPen(Qt.PenStyle.NoPen)
        for hit in self._model.hits(row):
            painter.setBrush(values.hit_now if hit == self._model.hit_now else values.hit)
            for box in boxes_of(layout, hit.start, hit.end):
                painter.drawRoundedRect(box.translated(at).adjusted(-2, 2, 2, -2), HIT_RADIUS, HIT_RADIUS)
        painter.setPen(values.text)
        layout.draw(painter, at)

    def _paint_icons(self, painter: QPainter, box: QRectF, look: Look, values: theme.Colours) -> None:
        for part, icon in ((Part.EDIT, "pencil"), (Part.MORE, "more")):
            place = self.icon_box(box, part)
            inset = (ICON_BOX - ICON) / 2
            colour = values.text if look.part is part else values.second
            icons.draw(painter, icon, place.adjusted(inset, inset, -inset, -inset), colour)


_CENTRE = int(Qt.AlignmentFlag.AlignCenter)


def _name_font() -> QFont:
    return theme.font(theme.TEXT_PX, 500)


def letter_of(name: str) -> str:
    """The letter that stands for a speaker: of a name its first, of "Speaker 2" the number."""
    words = name.split()
    return words[-1][:1] if len(words) > 1 and len(words[-1]) <= 2 else name.strip()[:1].upper()
