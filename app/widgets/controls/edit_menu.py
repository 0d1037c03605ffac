"""What a right click on something typed offers: the same menu for every field of the window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLineEdit, QMenu, QPlainTextEdit, QTextEdit


def open_edit_menu(editor: QLineEdit | QPlainTextEdit | QTextEdit, at: QPoint) -> QMenu:
    """Open it at a place of the screen."""
    if isinstance(editor, QLineEdit):
        selected, empty, can_paste = editor.hasSelectedText(), not editor.text(), not editor.isReadOnly()
    else:
        selected, empty = editor.textCursor().hasSelection(), editor.document().isEmpty()
        can_paste = editor.canPaste()
    menu = QMenu(editor)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    keys = QKeySequence.StandardKey
    for words, key, act, offered in (
        (_tr("Cut"), keys.Cut, editor.cut, selected),
        (_tr("Copy"), keys.Copy, editor.copy, selected),
        (_tr("Paste"), keys.Paste, editor.paste, can_paste),
        (_tr("Select All"), keys.SelectAll, editor.selectAll, not empty),
    ):
        action = menu.addAction(words, act)
        action.setShortcut(key)
        action.setEnabled(offered)
    menu.popup(at)
    return menu


def _tr(text: str) -> str:
    return QCoreApplication.translate("Menus", text)
