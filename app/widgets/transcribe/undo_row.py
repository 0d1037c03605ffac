"""What was just removed, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton
from app.widgets.controls.labels import ElidedLabel

SHOWN_MS = 10_000


class UndoRow(QWidget):
    """Offers to bring something back, for ten seconds."""

    undone = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ElidedLabel("", weight=400)
        self.button = TextButton(self.tr("Undo"), size_px=theme.SMALL_PX + 0.5)
        self.button.clicked.connect(self.undone)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 12, 4)
        row.addWidget(self._words)
        row.addWidget(self.button)
        row.addStretch(1)
        self._timer = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def words(self) -> str:
        """What it says, while it is shown."""
        return "" if self.isHidden() else self._words.text()

    def offer(self, name: str) -> None:
        """Say that this was removed."""
        words = self.tr("{name} was removed.").format(name=name)
        self._words.setText(words)
        self.button.setAccessibleName(self.tr("Undo: {words}").format(words=words))
        self.show()
        self._timer.start()
