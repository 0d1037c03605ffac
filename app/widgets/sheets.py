"""Small sheets over the window: a question before something is lost, a text to edit. None of them blocks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMessageBox, QPlainTextEdit, QVBoxLayout, QWidget

from app import theme
from app.widgets.buttons import PillButton, PrimaryButton
from app.widgets.labels import Label


def confirm(parent: QWidget, question: str, detail: str, command: str, on_yes: Callable[[], None]) -> QMessageBox:
    """Ask before something is lost; `command` names what happens, and Cancel is the default."""
    box = QMessageBox(parent)
    box.setOption(QMessageBox.Option.DontUseNativeDialog)
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(question)
    box.setInformativeText(detail)
    yes = box.addButton(command, QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.buttonClicked.connect(lambda pressed: on_yes() if pressed is yes else None)
    box.open()
    return box


def tell(parent: QWidget, title: str, detail: str) -> QMessageBox:
    """Say something that was asked for."""
    box = QMessageBox(parent)
    box.setOption(QMessageBox.Option.DontUseNativeDialog)
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(title)
    box.setInformativeText(detail)
    box.addButton(QMessageBox.StandardButton.Ok)
    box.open()
    return box


class TextSheet(QDialog):
    """A text to change, with what happens to it named on the button."""

    def __init__(self, parent: QWidget, title: str, text: str, command: str, on_done: Callable[[str], None]) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.resize(480, 220)
        self._on_done = on_done
        self.editor = QPlainTextEdit(text)
        self.editor.setFont(theme.font())
        self.editor.setAccessibleName(title)
        self.editor.setTabChangesFocus(True)
        self.editor.selectAll()
        self.done_button = PrimaryButton(command)
        self.done_button.clicked.connect(self._on_clicked)
        cancel = PillButton(self.tr("Cancel"))
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
