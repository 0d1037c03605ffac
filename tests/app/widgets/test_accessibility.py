"""Every control has a name and a role and is reached by the Tab key; texts are not cut off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QFontMetricsF
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.widgets.controls.buttons import Chip, PillButton, PrimaryButton, TextButton
from app.widgets.controls.check_box import WORDS_LEFT, CheckBox
from app.widgets.controls.flow_text import FlowText
from app.widgets.controls.labels import ElidedLabel
from app.widgets.controls.sheets import Message, NameSheet, TextSheet
from app.widgets.frame.window import Window
from app.widgets.settings.dialog import SettingsDialog
from tests.app.widgets.scenes import SCENES
from tests.app.widgets.scenes.settings import SETTINGS

pytestmark = pytest.mark.slow

CONTROLS = (QAbstractButton, QLineEdit, QAbstractItemView, QComboBox, QAbstractSpinBox)
INSIDE_OTHERS = ("qt_spinbox_lineedit", "qt_edit_menu")


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    main = Window()
    qtbot.addWidget(main)
    main.show()
    main.activateWindow()
    return main


@pytest.fixture
def dialog(qtbot: QtBot) -> SettingsDialog:
    shown = SettingsDialog()
    qtbot.addWidget(shown)
    shown.show_settings(SETTINGS)
    shown.show()
    return shown


def controls_of(root: QWidget) -> list[QWidget]:
    """What a person can work, as far as it is shown; parts inside a standard control are left out."""
    found = []
    for widget in root.findChildren(QWidget):
        inside = widget.objectName() in INSIDE_OTHERS or isinstance(
            widget.parent(), QComboBox | QLineEdit | QAbstractSpinBox
        )
        if isinstance(widget, CONTROLS) and widget.isVisible() and not inside:
            found.append(widget)
    return found


def name_and_role(widget: QWidget) -> tuple[str, QAccessible.Role]:
    interface = QAccessible.queryAccessibleInterface(widget)
    assert interface is not None
    return interface.text(QAccessible.Text.Name), interface.role()


def tab_stops(root: QWidget) -> set[QWidget]:
    """Every widget the Tab key reaches, going once around."""
    reached: set[QWidget] = set()
    widget = root.nextInFocusChain()
    while widget is not root and widget is not None and widget not in reached:
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reached.add(widget)
        widget = widget.nextInFocusChain()
    return reached


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_every_control_of_the_window_has_a_name_a_role_and_is_reached_by_tab(
    window: Window, scene: Callable[[Window], None]
) -> None:
    scene(window)
    controls = controls_of(window)
    assert len(controls) >= 6
    stops = tab_stops(window)
    for widget in controls:
        name, role = name_and_role(widget)
        assert name.strip(), f"{widget} has no name"
        assert role not in (QAccessible.Role.NoRole, QAccessible.Role.Client), name
        if widget.isEnabled() and not _in_group(widget):
            assert widget in stops, f"Tab does not reach {name!r}"


def _in_group(widget: QWidget) -> bool:
    """Buttons of which one is chosen share one tab stop; arrow keys move among them."""
    return isinstance(widget, QAbstractButton) and widget.group() is not None and not widget.isChecked()


def test_every_control_of_the_settings_has_a_name_a_role_and_is_reached_by_tab(dialog: SettingsDialog) -> None:
    for page in dialog.all_pages:
        dialog.open_page(page)
        stops = tab_stops(dialog)
        for widget in controls_of(dialog):
            name, role = name_and_role(widget)
            assert name.strip(), f"{widget} has no name on {page.accessibleName()}"
            assert role not in (QAccessible.Role.NoRole, QAccessible.Role.Client), name
            if widget.isEnabled():
                assert widget in stops, f"Tab does not reach {name!r}"


def test_texts_of_a_conversation_are_read_out(window: Window) -> None:
    SCENES["speaking"](window)
    turn = window.conversation.widget_of(0)
    assert turn is not None
    assert "five past twelve" in turn.accessibleName()
    texts = [w for w in turn.findChildren(FlowText) if w.isVisible()]
    assert {name_and_role(text)[0] for text in texts} == {"What I said", "What it thinks", "Answer"}


def test_the_state_is_announced(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QAccessible, "isActive", staticmethod(lambda: True))
    monkeypatch.setattr(QAccessible, "updateAccessibility", staticmethod(lambda event: told.append(event.message())))
    SCENES["listening"](window)
    SCENES["thinking"](window)
    assert told == ["Listening", "Thinking"]


def clipped(root: QWidget) -> list[str]:
    """Words that have less room than they need and are not shortened on purpose."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, TextButton | Chip | PillButton | PrimaryButton | CheckBox):
            room = widget.width() - (WORDS_LEFT if isinstance(widget, CheckBox) else 0)
            if room + 0.5 < QFontMetricsF(widget.font()).horizontalAdvance(widget.text()):
                found.append(widget.text())
        elif isinstance(widget, QLabel) and not isinstance(widget, ElidedLabel) and widget.text():
            needed = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            wide = widget.wordWrap() or widget.sizeHint().width() <= widget.width()
            if widget.height() + 1 < needed or not wide:
                found.append(widget.text())
        elif isinstance(widget, FlowText) and widget.height() + 1 < widget.document().size().height():
            found.append(widget.words[:40])
    return found


def settle(cut: Callable[[], list[str]], qtbot: QtBot) -> None:
    """Give layouts the rounds of the event loop that they need."""
    for _ in range(20):
        qtbot.wait(10)
        if not cut():
            return


@pytest.mark.parametrize("size", [(1120, 760), (760, 520)], ids=["usual", "smallest"])
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_no_text_is_cut_off(
    window: Window, scene: Callable[[Window], None], size: tuple[int, int], qtbot: QtBot
) -> None:
    scene(window)
    window.resize(*size)
    settle(partial(clipped, window), qtbot)
    assert clipped(window) == []
    smallest = window.minimumSizeHint()
    assert smallest.width() <= 760
    assert smallest.height() <= 560


def test_no_text_of_the_settings_is_cut_off(dialog: SettingsDialog, qtbot: QtBot) -> None:
    for page in dialog.all_pages:
        dialog.open_page(page)
        settle(partial(clipped, page), qtbot)
        assert clipped(page) == [], page.accessibleName()


@pytest.mark.parametrize("kind", ["told", "name", "text"])
def test_every_control_of_a_sheet_has_a_name_and_is_reached_by_tab_and_no_word_is_cut(
    window: Window, kind: str, qtbot: QtBot
) -> None:
    long = "A title that is long enough to need a second line in a sheet as narrow as this one is"
    sheet: QDialog
    if kind == "told":
        sheet = Message(window, long, long)
        sheet.open()
    elif kind == "name":
        sheet = NameSheet(window, long, long, "Anna", "Rename", lambda name: None)
        sheet.open()
    else:
        sheet = TextSheet(window, "Edit what you said", long, "Ask again", lambda text: None)
        sheet.open()
    settle(partial(clipped, sheet), qtbot)
    assert clipped(sheet) == []
    controls = [*controls_of(sheet), *sheet.findChildren(QPlainTextEdit)]
    assert controls
    for widget in controls:
        assert name_and_role(widget)[0].strip(), f"{widget} has no name"
        assert widget in tab_stops(sheet)
