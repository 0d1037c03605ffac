"""The menu bar, with the roles and shortcuts a Mac expects (Qt's Ctrl is ⌘ there)."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject, QSignalBlocker, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QMenu, QPlainTextEdit, QTextEdit, QWidget

Standard = QKeySequence.StandardKey
_EDITORS = (QLineEdit, QTextEdit, QPlainTextEdit)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Menus", text)


class Menus(QObject):
    """Builds the menu bar of a window; each action is an attribute, so that the window can connect and enable it."""

    undo_wanted = Signal()  # of something else than typing
    redo_wanted = Signal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._acts = "", ""
        self._menus: list[QMenu] = []
        self._build_file()
        self._build_edit()
        self._build_conversation()
        self._build_view()
        self._build_window()
        QApplication.instance().focusChanged.connect(self._show_acts)  # type: ignore[union-attr]
        self._show_acts()

    def name_sidebar_act(self, *, hides: bool) -> None:
        """Say what becomes of the sidebar."""
        self.sidebar.setText(_tr("Hide Sidebar") if hides else _tr("Show Sidebar"))

    def show_switches(self, think: bool, speak: bool, search: bool) -> None:
        """Check the switches as they stand; says nothing."""
        for action, on in ((self.think, think), (self.speak, speak), (self.search_web, search)):
            with QSignalBlocker(action):
                action.setChecked(on)

    def name_acts(self, undo: str, redo: str) -> None:
        """Say what would be undone and done again; "" for nothing."""
        self._acts = undo, redo
        self._show_acts()

    def name_side_column_act(self, *, offered: bool, hides: bool) -> None:
        """Say what becomes of the column beside a transcript."""
        self.side_column.setEnabled(offered)
        self.side_column.setText(_tr("Hide Side Column") if hides else _tr("Show Side Column"))

    def commands(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What has keys, menu by menu: the title of the menu, and for each command its keys and its words."""
        listed = []
        for menu in self._menus:
            rows = [
                (action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), self._words_of(action))
                for action in menu.actions()
                if not action.shortcut().isEmpty()
            ]
            listed.append((menu.title(), rows))
        return listed

    def _words_of(self, action: QAction) -> str:
        plain = {self.undo: _tr("Undo"), self.redo: _tr("Redo")}.get(action, action.text())
        return plain.removesuffix("…")

    def _show_acts(self) -> None:
        """While something is typed, both are about the typing."""
        undo, redo = self._acts
        if typing := isinstance(QApplication.focusWidget(), _EDITORS):
            undo = redo = ""
        self.undo.setText(_tr("Undo {act}").format(act=undo) if undo else _tr("Undo"))
        self.redo.setText(_tr("Redo {act}").format(act=redo) if redo else _tr("Redo"))
        self.undo.setEnabled(typing or bool(undo))
        self.redo.setEnabled(typing or bool(redo))

    def _menu(self, title: str) -> QMenu:
        menu = QMenu(title, self._window)
        self._window.menuBar().addMenu(menu)
        self._menus.append(menu)
        return menu

    def _action(
        self,
        menu: QMenu,
        text: str,
        keys: QKeySequence | Standard | str | None = None,
        role: QAction.MenuRole | None = None,
    ) -> QAction:
        action = QAction(text, self._window)
        if isinstance(keys, Standard):
            action.setShortcuts(keys)
        elif keys is not None:
            action.setShortcut(QKeySequence(keys))
        action.setMenuRole(role if role is not None else QAction.MenuRole.NoRole)
        menu.addAction(action)
        return action

    def _build_file(self) -> None:
        menu = self._menu(_tr("File"))
        self.new = self._action(menu, _tr("New Conversation"), Standard.New)
        self.open = self._action(menu, _tr("Transcribe Files…"), Standard.Open)
        menu.addSeparator()
        self.export = self._action(menu, _tr("Export…"), "Ctrl+Shift+E")
        self.import_file = self._action(menu, _tr("Import Conversation…"))
        self.import_folder = self._action(menu, _tr("Import Conversation with Sound…"))
        self.save_sound = self._action(menu, _tr("Save as Sound…"), Standard.Save)
        menu.addSeparator()
        self.close = self._action(menu, _tr("Close Window"), "Ctrl+W")
        self.settings = self._action(menu, _tr("Settings…"), "Ctrl+,", QAction.MenuRole.PreferencesRole)
        self.about = self._action(menu, _tr("About Earshot"), role=QAction.MenuRole.AboutRole)
        self.quit = self._action(menu, _tr("Quit Earshot"), "Ctrl+Q", QAction.MenuRole.QuitRole)

    def _build_edit(self) -> None:
        menu = self._menu(_tr("Edit"))
        self.undo = self._edit_action(menu, _tr("Undo"), Standard.Undo, "undo")
        self.redo = self._edit_action(menu, _tr("Redo"), Standard.Redo, "redo")
        menu.addSeparator()
        self.cut = self._edit_action(menu, _tr("Cut"), Standard.Cut, "cut")
        self.copy = self._edit_action(menu, _tr("Copy"), Standard.Copy, "copy")
        self.paste = self._edit_action(menu, _tr("Paste"), Standard.Paste, "paste")
        self.select_all = self._edit_action(menu, _tr("Select All"), Standard.SelectAll, "selectAll")
        menu.addSeparator()
        self.copy_answer = self._action(menu, _tr("Copy All or Last Answer"), "Ctrl+Shift+C")
        self.find = self._action(menu, _tr("Find…"), Standard.Find)
        self.replace = self._action(menu, _tr("Find and Replace…"), "Ctrl+Alt+F")
        self.next_hit = self._action(menu, _tr("Find Next"), "Ctrl+G")
        self.previous_hit = self._action(menu, _tr("Find Previous"), "Ctrl+Shift+G")
        self.search = self._action(menu, _tr("Search Everything Said"), "Ctrl+Shift+F")

    def _edit_action(self, menu: QMenu, text: str, keys: Standard, method: str) -> QAction:
        action = self._action(menu, text, keys)
        action.triggered.connect(self._on_text(method))
        return action

    def _on_text(self, method: str) -> Callable[[], None]:
        """Edit the text that has the keyboard. Without one, copying reaches turns, and undoing whatever was done."""

        def do() -> None:
            focused = QApplication.focusWidget()
            if isinstance(focused, _EDITORS):
                getattr(focused, method)()
            elif method in ("undo", "redo"):
                (self.undo_wanted if method == "undo" else self.redo_wanted).emit()
            elif method == "copy":
                self._copy_shown(focused)

        return do

    def _copy_shown(self, focused: QWidget | None) -> None:
        """What is marked anywhere, else the turn with the keyboard."""
        texts = [text for text in self._window.findChildren(QTextEdit) if text.isReadOnly()]
        marked = next((text for text in texts if text.isVisible() and text.textCursor().hasSelection()), None)
        if marked is not None:
            marked.copy()
        elif focused is not None and hasattr(focused, "copy_text"):
            focused.copy_text()

    def _build_conversation(self) -> None:
        menu = self._menu(_tr("Conversation"))
        self.talk = self._action(menu, _tr("Talk or Send"), "Ctrl+T")
        self.hands_free = self._action(menu, _tr("Hands-Free"), "Ctrl+Shift+L")
        self.hands_free.setEnabled(False)
        self.stop = self._action(menu, _tr("Stop"), "Ctrl+.")
        menu.addSeparator()
        self.play = self._action(menu, _tr("Play Last Answer"), "Ctrl+Alt+P")
        self.again = self._action(menu, _tr("Ask Again"), "Ctrl+R")
        menu.addSeparator()
        self.think = self._action(menu, _tr("Think"), "Ctrl+Shift+T")
        self.speak = self._action(menu, _tr("Speak Answers"), "Ctrl+Shift+A")
        self.search_web = self._action(menu, _tr("Web Search"), "Ctrl+Shift+B")
        for switch in (self.think, self.speak, self.search_web):
            switch.setCheckable(True)
        menu.addSeparator()
        self.rename = self._action(menu, _tr("Rename Conversation"))
        self.delete = self._action(menu, _tr("Delete Conversation"))

    def name_entry(self, *, recording: bool, offered: bool) -> None:
        """What is renamed and removed: the conversation or the recording in front, if there is one."""
        self.rename.setText(_tr("Rename Recording") if recording else _tr("Rename Conversation"))
        self.delete.setText(_tr("Remove Recording") if recording else _tr("Delete Conversation"))
        for act in (self.rename, self.delete):
            act.setEnabled(offered)

    def show_play(self, *, speaking: bool, paused: bool) -> None:
        """What the command for the last answer's sound does now."""
        if speaking:
            self.play.setText(_tr("Resume Answer") if paused else _tr("Pause Answer"))
        else:
            self.play.setText(_tr("Play Last Answer"))

    def _build_view(self) -> None:
        menu = self.view = self._menu(_tr("View"))
        self.show_talk = self._action(menu, _tr("Talk"), "Ctrl+1")
        self.show_transcribe = self._action(menu, _tr("Transcribe"), "Ctrl+2")
        menu.addSeparator()
        self.sidebar = self._action(menu, _tr("Hide Sidebar"), "Meta+Ctrl+S")
        self.side_column = self._action(menu, _tr("Hide Side Column"), "Ctrl+Alt+I")
        self.full_screen = self._action(menu, _tr("Enter Full Screen"), Standard.FullScreen)

    def _build_window(self) -> None:
        menu = self._menu(_tr("Window"))
        self.minimise = self._action(menu, _tr("Minimise"), "Ctrl+M")
        self.zoom = self._action(menu, _tr("Zoom"))
        help_menu = self._menu(_tr("Help"))
        self.manual = self._action(help_menu, _tr("Earshot Help"), Standard.HelpContents)
        self.shortcuts = self._action(help_menu, _tr("Keyboard Shortcuts"), "Ctrl+/")
        self.diagnostics = self._action(help_menu, _tr("Copy Diagnostics"))
