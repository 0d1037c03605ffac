"""Labels: words in one of the window's tones, cut with an ellipsis rather than clipped."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtGui import Qt as RichText
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import theme


class Label(QLabel):
    """A label whose colour is a name in the theme ("text", "second", "faint", "accent_text", "good", "trouble")."""

    def __init__(
        self,
        text: str = "",
        tone: str = "text",
        *,
        size_px: float = theme.TEXT_PX,
        weight: int = 400,
        wrap: bool = False,
        tabular: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._tone = tone
        self.setFont(theme.font(size_px, weight, tabular=tabular))
        self.setWordWrap(wrap)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._tint()

    def set_tone(self, tone: str) -> None:
        """Speak in another tone."""
        if tone != self._tone:
            self._tone = tone
            self._tint()

    def _tint(self) -> None:
        colour: QColor = getattr(theme.colours(self), self._tone)
        palette = self.palette()
        if palette.color(self.foregroundRole()) != colour:
            palette.setColor(self.foregroundRole(), colour)
            self.setPalette(palette)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_tone"):
            self._tint()


def tip(text: str) -> str:
    """A text as a tool tip shows it: names and results are words, never markup."""
    return RichText.convertFromPlainText(text) if RichText.mightBeRichText(text) else text


class ElidedLabel(Label):
    """One line that ends in an ellipsis when there is no room; the whole text is in its tool tip."""

    def __init__(self, text: str = "", tone: str = "text", **options: object) -> None:
        super().__init__(text, tone, **options)  # type: ignore[arg-type]
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(tip(self.text()) if words != self.text() else "")
        alignment = int(self.alignment() | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(self.rect()), alignment, words)
