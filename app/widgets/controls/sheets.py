"""Small sheets over the window: something to be told, a name to give, a text to edit. None of them blocks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.widgets.controls.buttons import PillButton, PrimaryButton
from app.widgets.controls.fields import Field, TextArea
from app.widgets.controls.labels import Label

_WIDTH, _MARGINS = 400, (20, 18, 20, 16)


def cancel_button(words: str) -> PillButton:
    """As high as the button beside it."""
    button = PillButton(words)
    button.setFixedHeight(PrimaryButton("").sizeHint().height())
    return button


class Sheet(QDialog):
    """A title, parts below it, and at the end the button that does what the sheet is for; `may_cancel` adds one that
    does nothing.
    """

    def __init__(
        self, parent: QWidget, title: str, command: str, *parts: QWidget, may_cancel: bool = True, stretched: int = -1
    ) -> None:
        """`stretched` is the part that takes the room there is."""
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.done_button = PrimaryButton(command)
        self.done_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        if may_cancel:
            self.cancel = cancel_button(self.tr("Cancel"))
            self.cancel.clicked.connect(self.reject)
            row.addWidget(self.cancel)
        row.addWidget(self.done_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(*_MARGINS)
        column.setSpacing(8)
        column.addWidget(Label(title, weight=600, wrap=True))
        for number, part in enumerate(parts):
            column.addWidget(part, int(number == stretched))
        column.addSpacing(6)
        column.addLayout(row)


class Message(Sheet):
    """Something that was asked for."""

    def __init__(self, parent: QWidget, title: str, detail: str) -> None:
        super().__init__(parent, title, self.tr("Done"), Label(detail, "second", wrap=True), may_cancel=False)
        self.setAccessibleDescription(detail)
        self.setFixedWidth(_WIDTH)
        self.done_button.setDefault(True)


def tell(parent: QWidget, title: str, detail: str) -> None:
    """Say something that was asked for."""
    Message(parent, title, detail).open()


class Question(Sheet):
    """Something that is done only when its button is pressed."""

    def __init__(self, parent: QWidget, title: str, detail: str, command: str, on_done: Callable[[], object]) -> None:
        super().__init__(parent, title, command, Label(detail, "second", wrap=True))
        self.setAccessibleDescription(detail)
        self.setFixedWidth(_WIDTH)
        self.cancel.setDefault(True)
        self.accepted.connect(on_done)


class NameSheet(Sheet):
    """One line to fill in."""

    def __init__(
        self, parent: QWidget, title: str, detail: str, name: str, command: str, on_done: Callable[[str], object]
    ) -> None:
        self.field = Field(title)
        super().__init__(parent, title, command, Label(detail, "second", wrap=True), self.field)
        self.setFixedWidth(_WIDTH)
        self.field.setText(name)
        self.field.selectAll()
        self.done_button.setDefault(True)
        self.accepted.connect(lambda: on_done(self.field.text().strip()))
        self.field.textChanged.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        self.done_button.setEnabled(bool(self.field.text().strip()))


class TextSheet(Sheet):
    """A text to change, with what happens to it named on the button."""

    def __init__(self, parent: QWidget, title: str, text: str, command: str, on_done: Callable[[str], None]) -> None:
        self.editor = TextArea(title, text)
        super().__init__(parent, title, command, self.editor, stretched=0)
        self.resize(480, 220)
        self.editor.selectAll()
        self.accepted.connect(lambda: on_done(self.editor.toPlainText().strip()))
        self.editor.textChanged.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        self.done_button.setEnabled(bool(self.editor.toPlainText().strip()))
