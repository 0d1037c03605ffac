"""Somebody at the real window, with the real controller behind it: presses keys and words, reads what is shown.

Only what lies below the controller may be fake (see fakes.py): the engine, the sound card, the system's permission.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QMenu, QWidget

from app.shown.talk import State
from app.widgets.frame.conversation_list import ConversationListModel
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.settings.dialog import SettingsDialog
from app.widgets.talk.turn_widget import TurnWidget
from app.widgets.transcribe.job_row import JobRow
from tests.app.conftest import Running, noise


class User:
    """Holds Space, presses, types, drops; `sees` waits until the window says something."""

    def __init__(self, app: Running) -> None:
        self.app, self.qtbot, self.sound = app, app.qtbot, app.sound
        self.window = MainWindow(app.controller, app.settings)
        self.qtbot.addWidget(self.window)
        self.window.show()
        self.window.activateWindow()
        self.words: list[str] = []  # of the talk bar, as they change
        app.controller.state_changed.connect(lambda _state: self.words.append(self.window.talk_bar.word))

    def sees(self, condition: Callable[[], object], timeout_ms: int = 20_000) -> None:
        """Wait until something is so; a failure tells what the window shows."""
        try:
            self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout_ms)
        except self.qtbot.TimeoutError:
            bar = self.window.talk_bar
            turns = [(turn.state.value, turn.text, turn.answer, turn.problem) for turn in self.app.controller.turns]
            raise AssertionError(f"the window shows {bar.word!r}, {bar.notice!r}, {turns}") from None

    def sees_word(self, word: str) -> None:
        """Wait for the word beside the talk button."""
        self.sees(lambda: self.window.talk_bar.word == word)

    def sees_notice(self, part: str) -> None:
        """Wait for a notice over the message field."""
        self.sees(lambda: part in self.window.talk_bar.notice)

    def _come_to_front(self) -> None:
        """What a window manager does when a dialog closes, and a person is not as fast as that."""
        if QApplication.activePopupWidget() is None and QApplication.activeModalWidget() is None:
            self.window.activateWindow()
            self.sees(lambda: QApplication.activeWindow() is self.window)

    # Talking.

    def hold_space(self) -> None:
        """Space goes down; where the keyboard is, as a person left it."""
        self._come_to_front()
        QTest.keyPress(QApplication.focusWidget() or self.window, Qt.Key.Key_Space)

    def let_go(self) -> None:
        """Space goes up."""
        QTest.keyRelease(QApplication.focusWidget() or self.window, Qt.Key.Key_Space)

    def escape(self) -> None:
        """Esc."""
        QTest.keyClick(QApplication.focusWidget() or self.window, Qt.Key.Key_Escape)

    def speak(self, seconds: float = 1.0) -> None:
        """Sound for the microphone, once it is open."""
        self.sees(lambda: self.app.controller._sound.microphone.open)
        self.sound.speak(noise(seconds))

    def say(self, seconds: float = 1.0) -> None:
        """Hold Space, speak, let go."""
        self.hold_space()
        self.speak(seconds)
        self.sees_word("Listening")
        self.let_go()

    def type(self, text: str) -> None:
        """Type a question and press Return; then the keyboard goes back to the page."""
        field = self.window.talk_bar.field
        field.setPlainText(text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.window.go_home()

    def hears(self) -> float:
        """Listen until it is over; seconds from the first sound to the last one."""
        heard = 0.0

        def over() -> bool:
            nonlocal heard
            heard += 0.01 * sum(bool(self.sound.listen(0.01).any()) for _ in range(5))
            return self.app.controller.state is State.IDLE

        self.sees(over)
        return heard

    def hears_something(self) -> None:
        """Listen until something sounds."""
        self.sees(lambda: self.sound.listen(0.02).any())

    def silence(self, seconds: float = 0.3) -> bool:
        """Whether nothing sounds, after the 5 ms in which a sound fades."""
        self.sound.listen(0.01)
        return not self.sound.listen(seconds).any()

    # Pressing.

    def press(self, button: QAbstractButton) -> None:
        """A click with the mouse on something that can be pressed."""
        assert button.isVisible(), f"{button.text()!r} is not to be seen"
        assert button.isEnabled(), f"{button.text()!r} cannot be pressed"
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def word(self, text: str, inside: QWidget | None = None) -> QAbstractButton:
        """The button of these words that is to be seen."""
        found = [
            button
            for button in (inside or self.window).findChildren(QAbstractButton)
            if button.text() == text and button.isVisible()
        ]
        assert len(found) == 1, f"{len(found)} buttons say {text!r}"
        return found[0]

    def act(self, words: str, number: int = -1) -> None:
        """Press the icon of a turn that is called so, or choose it from the menu behind "…"."""
        row = self.turn(number).action_row
        icon = next((icon for icon in row.icons if icon.accessibleName() == words), None)
        if icon is not None:
            self.press(icon)
        else:
            self.press(row.more)
            self.choose(words)

    def turn(self, number: int = -1) -> TurnWidget:
        """A turn on the page, from the top; the newest one by default."""
        widget = self.window.conversation.widget_of(number % len(self.app.controller.turns))
        assert widget is not None, "the turn is not in sight"
        return widget

    def choose(self, words: str) -> None:
        """Pick from the menu that opens."""
        self.sees(lambda: QApplication.activePopupWidget() is not None)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu), "no menu is open"
        actions = [*menu.actions(), *(each for inner in menu.findChildren(QMenu) for each in inner.actions())]
        action = next(action for action in actions if action.text() == words)
        action.trigger()
        menu.close()

    @property
    def settings(self) -> SettingsDialog:
        """The settings, opened."""
        if self.window.preferences.dialog is None or not self.window.preferences.dialog.isVisible():
            self.window.menus.settings.trigger()
        dialog = self.window.preferences.dialog
        assert dialog is not None
        return dialog

    # Sidebar and files.

    @property
    def saved(self) -> list[str]:
        """Titles in the sidebar."""
        model = self.window.sidebar.conversations.model()
        assert isinstance(model, ConversationListModel)
        rows = [model.at(model.index(row)) for row in range(model.rowCount())]
        return [row.title for row in rows if row is not None]

    def drop(self, *files: Path) -> None:
        """Drop files on the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.window, QDragEnterEvent(QPoint(500, 300), copy, data, left, none))
        QApplication.sendEvent(self.window, QDropEvent(QPointF(500, 300), copy, data, left, none, QEvent.Type.Drop))

    def cards(self) -> dict[str, JobRow]:
        """The recordings on the transcribe page by name, from the top."""
        assert self.window.page == TRANSCRIBE
        cards = sorted(self.window.transcribe.findChildren(JobRow), key=lambda card: card.y())
        return {card.job.name: card for card in cards if card.isVisible()}


Sit = Callable[..., User]  # the fixture `sit`


def pick(box: QComboBox, words: str) -> None:
    """Choose an entry as a person does: the box says so."""
    number = box.findText(words)
    assert number >= 0, f"{words!r} is not offered"
    box.setCurrentIndex(number)
    box.activated.emit(number)
