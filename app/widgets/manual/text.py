"""One page of the manual as it is read: headings, pictures as wide as the column, code on cards."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.flow_text import FlowText, open_link
from app.widgets.manual.pages import Page, anchor
from engine.resources import manual_folder

_LINE_PX = 24
_HEADING_PX = {1: 26.0, 2: 17.0}
_CODE_INDENT_PX, _CODE_ABOVE_PX, _CODE_LINE_PX = 14, 8, 20


class PageText(FlowText):
    """Shows one page; `page_wanted` names another one that a link leads to, and the heading there."""

    page_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(theme.ANSWER_PX, _LINE_PX, parent)
        self._page: Page | None = None
        self._width = theme.COLUMN_WIDTH
        self.anchorClicked.disconnect()
        self.anchorClicked.connect(self._on_link)

    def show_page(self, page: Page) -> None:
        """Show this page from its beginning."""
        self._page = page
        self.setAccessibleName(page.title)
        self._lay_out()

    def fit(self, width: int) -> None:
        """Be as wide, and as high as the page needs then; pictures are drawn again for it."""
        if width != self._width:
            self._width = width
            self._lay_out()

    def _lay_out(self) -> None:
        if self._page is not None:
            self.set_text("")  # the same text would not be laid out again
            self.set_text(self._page.source, markdown=True)
            self._style_blocks()
            self.setFixedSize(QSize(self._width, self.height_for(self._width)))

    def _style_blocks(self) -> None:
        block = self.document().begin()
        while block.isValid():
            level = block.blockFormat().headingLevel()
            if level:
                self._style_heading(block, level)
            elif _is_code(block):
                self._style_code(block)
            block = block.next()

    def _style_heading(self, block: QTextBlock, level: int) -> None:
        look, space = QTextCharFormat(), QTextBlockFormat()
        look.setFontPointSize(theme.font(_HEADING_PX.get(level, theme.ANSWER_PX)).pointSizeF())
        look.setFontWeight(600)
        space.setTopMargin(0 if block.blockNumber() == 0 else 20)
        space.setBottomMargin(12 if level == 1 else 6)
        cursor = _all_of(block)
        cursor.setCharFormat(look)  # in the place of the format that scales by the level
        cursor.mergeBlockFormat(space)

    def _style_code(self, block: QTextBlock) -> None:
        look, space = QTextCharFormat(), QTextBlockFormat()
        look.setFont(theme.mono_font())
        space.setLeftMargin(_CODE_INDENT_PX)
        space.setRightMargin(_CODE_INDENT_PX)
        space.setNonBreakableLines(False)
        space.setLineHeight(_CODE_LINE_PX, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        space.setTopMargin(0 if _is_code(block.previous()) else _CODE_ABOVE_PX + 4)
        space.setBottomMargin(0 if _is_code(block.next()) else _CODE_ABOVE_PX + 12)
        cursor = _all_of(block)
        cursor.mergeCharFormat(look)
        cursor.mergeBlockFormat(space)

    def top_of(self, heading: str) -> int:
        """How far below the top a heading stands, by its anchor; 0 for one that is not there."""
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and anchor(block.text()) == heading:
                return int(self.document().documentLayout().blockBoundingRect(block).top())
            block = block.next()
        return 0

    @override
    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture of the manual, as wide as the column."""
        path = name.path() if isinstance(name, QUrl) else name
        picture = QImage(str(manual_folder() / "pictures" / path.rpartition("/")[2]))
        if picture.isNull():
            return super().loadResource(kind, name)
        ratio = self.devicePixelRatioF()
        width = min(round(self._width * ratio), picture.width())
        scaled = picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        scaled.setDevicePixelRatio(width / self._width)
        return self._framed(scaled)

    def _framed(self, picture: QImage) -> QImage:
        """A picture with round corners and a thin line around it."""
        framed = QImage(picture.size(), QImage.Format.Format_ARGB32_Premultiplied)
        framed.setDevicePixelRatio(picture.devicePixelRatio())
        framed.fill(Qt.GlobalColor.transparent)
        box = QRectF(0, 0, picture.deviceIndependentSize().width(), picture.deviceIndependentSize().height())
        shape = QPainterPath()
        shape.addRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.CARD_RADIUS, theme.CARD_RADIUS)
        painter = QPainter(framed)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipPath(shape)
        painter.drawImage(box, picture)
        painter.setClipping(False)
        painter.setPen(theme.colours(self).line)
        painter.drawPath(shape)
        painter.end()
        return framed

    def _on_link(self, link: QUrl) -> None:
        if link.isRelative():
            here = self._page.name if self._page is not None else ""
            self.page_wanted.emit(link.path() or here, link.fragment(QUrl.ComponentFormattingOption.FullyDecoded))
        else:
            open_link(link)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self.viewport()), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(values.line)
        painter.setBrush(values.card)
        for box in self._code_boxes():
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.CARD_RADIUS, theme.CARD_RADIUS)
        painter.end()
        super().paintEvent(event)

    def _code_boxes(self) -> list[QRectF]:
        """Around each run of lines of code."""
        boxes: list[QRectF] = []
        block = self.document().begin()
        while block.isValid():
            if _is_code(block):
                place = block.layout().boundingRect().translated(block.layout().position())
                box = QRectF(0, place.top() - _CODE_ABOVE_PX, self.width(), place.height() + 2 * _CODE_ABOVE_PX)
                if _is_code(block.previous()):
                    boxes[-1] = boxes[-1].united(box)
                else:
                    boxes.append(box)
            block = block.next()
        return boxes

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_look_change(event) and hasattr(self, "_page"):
            self._lay_out()


def _is_code(block: QTextBlock) -> bool:
    """Whether it is a line of code, fenced or set in."""
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeLanguage)


def _all_of(block: QTextBlock) -> QTextCursor:
    """A cursor that has the words of a block selected."""
    cursor = QTextCursor(block)
    cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
    return cursor
