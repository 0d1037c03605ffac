"""A model on another machine: its address, its token, and what was found there."""

from __future__ import annotations

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.shown.settings import OtherMachineView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PillButton, TextButton
from app.widgets.controls.card import Card
from app.widgets.controls.fields import SheetField
from app.widgets.controls.labels import Label

_PADDING = 14


class OtherMachineCard(Card):
    """Asks where, tries it, and uses it."""

    RADIUS = theme.FIELD_RADIUS
    test_wanted = Signal(str, str)
    use_wanted = Signal(str, str)
    file_allowed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        small = theme.SMALL_PX + 0.5
        hint = self.tr(
            "Another Mac on which “earshot serve” runs. What you say goes there, and the line at the bottom left says "
            "so; conversations, tools and voices stay here."
        )
        self.address = SheetField(self.tr("Address, such as studio.local:8765"))
        self.token = SheetField(self.tr("Token"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self._test = PillButton(self.tr("Test"))
        self._test.setAccessibleName(self.tr("Test the other machine"))
        self._use = PillButton(self.tr("Connect"))
        self._use.setAccessibleName(self.tr("Use the model of the other machine"))
        self._words = Label("", "second", size_px=small, wrap=True)
        self._allow = TextButton(self.tr("Keep it in a file"), size_px=small)
        self._test.clicked.connect(lambda: self._ask(self.test_wanted))
        self._use.clicked.connect(lambda: self._ask(self.use_wanted))
        self.address.returnPressed.connect(lambda: self._ask(self.test_wanted))
        self.token.returnPressed.connect(lambda: self._ask(self.test_wanted))
        self.address.textEdited.connect(lambda _text: self._show_buttons())
        self._allow.clicked.connect(self.file_allowed)
        self._busy = False
        self._lay_out(Label(hint, "second", size_px=small, wrap=True))
        self.show_machine(OtherMachineView())

    def _lay_out(self, hint: Label) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.address, 3)
        row.addWidget(self.token, 2)
        row.addWidget(self._test)
        row.addWidget(self._use)
        column = QVBoxLayout(self)
        column.setContentsMargins(_PADDING, 12, _PADDING, 12)
        column.setSpacing(8)
        column.addWidget(hint)
        column.addLayout(row)
        column.addWidget(self._words)
        column.addWidget(self._allow)

    def show_machine(self, view: OtherMachineView) -> None:
        """Show this; what is being typed stays."""
        if view.address and not self.address.text():
            self.address.setText(view.address)
        in_use = self.tr("In use.") if view.in_use and not view.words else ""
        self._words.setText(view.words or in_use)
        self._words.set_tone("trouble" if view.trouble else "second")
        self._words.setVisible(bool(self._words.text()))
        self._allow.setVisible(view.offers_file)
        self._busy = view.busy
        self._show_buttons()

    def _show_buttons(self) -> None:
        ready = bool(self.address.text().strip()) and not self._busy
        self._test.setEnabled(ready)
        self._use.setEnabled(ready)

    def _ask(self, wanted: SignalInstance) -> None:
        if self._test.isEnabled():
            wanted.emit(self.address.text(), self.token.text().strip())

    @property
    def words(self) -> str:
        """The sentence that is shown; "" for none."""
        return self._words.text()
