"""What is dragged out of a turn, in the real window: the drop itself is the system's."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.shown.talk import State
from app.widgets.controls import dragging
from app.widgets.talk.turn_actions import TurnAction
from tests.app.fakes import reply
from tests.app.user import Sit

TAKEN: list[Drag] = []


class Drag(QDrag):
    """The drop is the system's, and no test can carry it out: this keeps what was taken up."""

    @override
    def exec(self, *_: object) -> Qt.DropAction:
        TAKEN.append(self)
        return Qt.DropAction.CopyAction


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Drag]:
    monkeypatch.setattr(dragging, "QDrag", Drag)
    TAKEN.clear()
    return TAKEN


def drag(widget: QWidget) -> None:
    """Press on it, go away, let go."""
    start = widget.rect().center()
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(widget, start + QPoint(6, 0))
    QTest.mouseMove(widget, start + QPoint(60, 40))
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=start + QPoint(60, 40))


def sound_of(data: QMimeData) -> tuple[str, float]:
    """Name and length of the file that is dragged."""
    (url,) = data.urls()
    path = Path(url.toLocalFile())
    return path.name, soundfile.info(path).duration


def test_sound_and_words_are_dragged_out_of_a_turn(sit: Sit, taken: list[Drag]) -> None:
    user = sit(reply("Well, hello.", speech_s=1.0))
    user.say(1.0)
    user.sees(lambda: user.app.controller.turns)
    user.hears()
    user.sees(lambda: user.app.controller.turns[0].has_sound and user.app.controller.state is State.IDLE)
    row, bubble = user.turn().action_row, user.turn().bubble
    drag(row.icon_of(TurnAction.PLAY))
    drag(row.icon_of(TurnAction.COPY))
    drag(bubble.wave)
    drag(bubble.play_button)
    answer, words, said, again = (drag.mimeData() for drag in taken)
    name, seconds = sound_of(answer)
    assert name == "Well hello.wav"
    assert seconds == pytest.approx(1.0, abs=0.1)
    assert words.text() == "Well, hello."
    assert sound_of(said)[1] > 0.9
    assert sound_of(again)[0].endswith(".wav")
    assert user.app.controller.state is State.IDLE, "a drag plays nothing"


def test_typed_words_have_no_sound_to_drag(sit: Sit, taken: list[Drag]) -> None:
    user = sit(reply("Silent.", 0))
    user.type("Anything?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Silent.")
    user.sees(lambda: user.app.controller.state is State.IDLE)
    assert not user.app.controller.export_sound(user.turn().turn.key, Path("/nowhere/a.wav"), question=True)
    drag(user.turn().action_row.icon_of(TurnAction.COPY))
    assert [drag.mimeData().text() for drag in taken] == ["Silent."]
