"""What rows of the models page have in common: a card of rows, bars on one scale, and words beside them."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.badge import Badge
from app.widgets.controls.card import Card
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.memory_bars import NeedBar
from app.widgets.controls.sizes import gigabytes
from engine.checkpoints.fit import Verdict

SMALL = theme.SMALL_PX + 0.5
_NAMES = 80
PADDING = 16
_WORTH_SAYING = 0.05


class RowsCard(Card):
    """Rows with thin lines between them."""

    RADIUS = theme.FIELD_RADIUS

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(0)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, values = QPainter(self), theme.colours(self)
        rows = self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for row in [row for row in rows if not row.isHidden()][1:]:
            painter.fillRect(QRectF(1, row.y(), self.width() - 2, 1), values.line)


class Figures(QGridLayout):
    """Lines of a name, a bar or words, and figures; a line that has nothing to say is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 4, 0, 0)
        self.setHorizontalSpacing(12)
        self.setVerticalSpacing(4)
        self.setColumnMinimumWidth(0, _NAMES)
        self.setColumnStretch(2, 1)

    def line(self, name: str, middle: QWidget, figures: QWidget | None = None) -> list[QWidget]:
        """Add a line; returns its parts."""
        row, label = self.rowCount(), Label(name, "second", size_px=SMALL)
        self.addWidget(label, row, 0)
        if figures is None:
            self.addWidget(middle, row, 1, 1, 2)
            return [label, middle]
        self.addWidget(middle, row, 1)
        self.addWidget(figures, row, 2)
        return [label, middle, figures]


def figures_label() -> Label:
    """Words in small tabular digits; they give way where there is little room."""
    return ElidedLabel("", "second", size_px=SMALL, tabular=True)


def one_decimal(size: int) -> str:
    """Gigabytes without their unit: "7.6"; small sizes with theirs."""
    return f"{size / 1e9:.1f}" if size >= 1e9 else gigabytes(size)


class Need(QObject):
    """The line "Memory", and the badge that says what it means."""

    def __init__(self, figures: Figures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bar, self.words, self.badge = NeedBar(), figures_label(), Badge()
        self._line = figures.line(self.tr("Memory"), self.bar, self.words)

    def show_need(self, need: int, usable: int, total: int, verdict: Verdict, more: str = "") -> None:
        """What is needed of what a model may take; of next to nothing nothing is said."""
        for part in self._line:
            part.setVisible(need > usable * _WORTH_SAYING)
        if need <= usable:
            words = self.tr("needs {need} of {usable}").format(need=one_decimal(need), usable=gigabytes(usable))
        else:
            excess = gigabytes(need - usable)
            words = self.tr("needs {need}: {excess} too much").format(need=gigabytes(need), excess=excess)
        self.words.setText(" · ".join(part for part in (words, more) if part))
        self.words.set_tone("second" if need <= usable else "trouble")
        said = self._verdict(verdict)
        self.badge.say(said if need else "", "trouble" if verdict is Verdict.TOO_LARGE else "good")
        self.bar.show_need(need, usable, total, f"{words}, {said}")

    def _verdict(self, verdict: Verdict) -> str:
        return {
            Verdict.FITS: self.tr("Fits"),
            Verdict.FITS_AS_COPY: self.tr("Fits as 4-bit copy (recommended)"),
            Verdict.TOO_LARGE: self.tr("Too large"),
        }[verdict]
