"""Small sheets over the window: something to be told, a name to give, a text to edit. None of them blocks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.widgets.controls.buttons import PillButton, PrimaryButton
from app.widgets.controls.fields import Field, TextArea
from app.widgets.controls.labels import Label


def cancel_button(words: str) -> PillButton:
    """As high as the button beside it."""
    button = PillButton(words)
    button.setFixedHeight(PrimaryButton("").sizeHint().height())
    return button


class Message(QDialog):
    """Something that was asked for."""

    def __init__(self, parent: QWidget, title: str, detail: str) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setAccessibleDescription(detail)
        self.setFixedWidth(400)
        done = PrimaryButton(self.tr("Done"))
        done.clicked.connect(self.accept)
        done.setDefault(True)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(done)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(Label(title, weight=600, wrap=True))
        column.addWidget(Label(detail, "second", wrap=True))
        column.addSpacing(6)
        column.addLayout(row)


def tell(parent: QWidget, title: str, detail: str) -> None:
    """Say something that was asked for."""
    Message(parent, title, detail).open()


class Question(QDialog):
    """Something that is done only when its button is pressed."""

    def __init__(self, parent: QWidget, title: str, detail: str, command: str, on_done: Callable[[], object]) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setAccessibleDescription(detail)
        self.setFixedWidth(400)
        self.done_button = PrimaryButton(command)
        self.done_button.clicked.connect(self.accept)
        self.accepted.connect(on_done)
        cancel = cancel_button(self.tr("Cancel"))
        cancel.setDefault(True)
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.done_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(Label(title, weight=600, wrap=True))
        column.addWidget(Label(detail, "second", wrap=True))
        column.addSpacing(6)
        column.addLayout(row)


class NameSheet(QDialog):
    """One line to fill in."""

    def __init__(
        self, parent: QWidget, title: str, detail: str, name: str, command: str, on_done: Callable[[str], object]
    ) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setFixedWidth(400)
        self._on_done = on_done
        self.field = Field(title)
        self.field.setText(name)
        self.field.selectAll()
        self.done_button = PrimaryButton(command)
        self.done_button.setDefault(True)
        self.done_button.clicked.connect(self._on_clicked)
        cancel = cancel_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.done_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(Label(title, weight=600, wrap=True))
        column.addWidget(Label(detail, "second", wrap=True))
        column.addWidget(self.field)
        column.addSpacing(6)
        column.addLayout(row)
        self.field.textChanged.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        self.done_button.setEnabled(bool(self.field.text().strip()))

    def _on_clicked(self) -> None:
        self._on_done(self.field.text().strip())
        self.accept()


class TextSheet(QDialog):
    """A text to change, with what happens to it named on the button."""

    def __init__(self, parent: QWidget, title: str, text: str, command: str, on_done: Callable[[str], None]) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.resize(480, 220)
        self._on_done = on_done
        self.editor = TextArea(title, text)
        self.editor.selectAll()
        self.done_button = PrimaryButton(command)
        self.done_button.clicked.connect(self._on_clicked)
        cancel = cancel_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.done_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        column.addWidget(Label(title, weight=600))
        column.addWidget(self.editor, 1)
        column.addLayout(row)
        self.editor.textChanged.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        self.done_button.setEnabled(bool(self.editor.toPlainText().strip()))

    def _on_clicked(self) -> None:
        self._on_done(self.editor.toPlainText().strip())
        self.accept()
