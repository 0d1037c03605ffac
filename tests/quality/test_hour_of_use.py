"""The first hour of a new user, in the real window with the starter model and a virtual sound card.

Welcome and microphone test, fifteen spoken turns, one asked again, one removed and brought back, a recording
transcribed, corrected, searched and exported, a long one beside it, the models looked at, quit, start: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.widgets.frame.window import TALK, TRANSCRIBE
from engine.conversation.remembering.saving import holds_conversation
from engine.engine import Engine
from engine.resources import resource
from engine.session import Session
from tests.app.real_app import sound_card
from tests.app.virtual_sound import VirtualSound
from tests.quality.window_story import WAIT_S, Pictures, Protagonist, record, said

QUESTIONS = (
    "what is twelve times seven", "what color is the sky", "what is the capital of france", "what is nine plus five",
    "how are you", "what is twenty minus six", "what is the capital of italy", "what is three times eight",
    "how many days are in a week", "what is the opposite of hot", "what is ten plus six",
    "what is the capital of spain", "how many minutes are in an hour", "what is two times six", "thank you",
)  # fmt: skip
MEMO = [
    ("slt", "The meeting begins at nine in the morning."),
    ("slt", "Please bring the report and two copies of the budget."),
    ("slt", "We have lunch at twelve and go home at five."),
]
LONG = 30 * MEMO  # nearly five minutes
CORRECTED = " ".join(text for _, text in MEMO).replace("report", "quarterly report")


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualSound]:
    with sound_card(tmp_path) as card:
        yield card


def test_the_first_hour_of_a_new_user_loses_nothing(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine gets the time it needs
    home, pictures = tmp_path / "home", Pictures("first-hour")
    user = Protagonist(qapp, qtbot, card, home, pictures)
    try_the_microphone(user)
    spoken = talk(user)
    branch(user, spoken)
    remove_and_undo(user, spoken)
    exported = transcribe(user, tmp_path, monkeypatch)
    look_at_the_models(user)
    controller = user.app.controller
    key, texts = controller.conversation.key, user.texts
    user.quit()

    user = Protagonist(qapp, qtbot, card, home, pictures)
    user.app.controller.open_conversation(key)
    assert user.shown == user.stored == spoken
    assert user.texts == user.stored_texts == texts
    assert CORRECTED in exported.read_text()
    user.picture("started-again")
    user.ask("what is two plus two")
    user.picture("goes-on")
    now = user.shown
    assert now[:-1] == spoken
    user.quit()
    folder = user.app.paths.recordings / key
    assert holds_conversation(folder / "session")
    memory = Session(Engine.load(resource("starter")), saved=folder / "session")
    assert list(memory.path) == [id for id, _ in now]


def try_the_microphone(user: Protagonist) -> None:
    """Allow it on the welcome page, and be heard."""
    user.picture("welcome")
    user.press(user.word("Allow the microphone…"))
    user.person.wait_until_ready(WAIT_S)
    user.picture("the-microphone-is-tested")
    card = user.window.welcome.microphone
    speaking = user.card.say(*said("hello, can you hear me now"))
    user.sees(lambda: card.says_heard, 60_000)
    user.person.wait(lambda: speaking.poll() is not None)
    user.picture("it-hears")


def talk(user: Protagonist) -> list[tuple[str, str]]:
    """Ask them all; each turn is on the page and in the database."""
    for number, question in enumerate(QUESTIONS):
        user.ask(question)
        if number == 0:
            user.picture("the-first-answer")
    user.person.wait(lambda: all(turn.text for turn in user.app.controller.turns), WAIT_S)
    user.picture("all-turns")
    spoken = user.shown
    assert len(spoken) == len(QUESTIONS)
    assert user.stored == spoken
    return spoken


def branch(user: Protagonist, spoken: list[tuple[str, str]]) -> None:
    """Ask the fifth again: another conversation from there, and the first one is still there."""
    fifth = spoken[4][0]
    user.window.conversation.verticalScrollBar().setValue(0)
    user.app.controller.ask_again(fifth)
    user.person.wait(lambda: len(user.shown) == 5 and user.shown[-1][0] != fifth, WAIT_S)
    user.settle()
    user.picture("asked-again")
    user.app.controller.show_version(user.shown[-1][0], -1)
    assert user.shown == spoken


def remove_and_undo(user: Protagonist, spoken: list[tuple[str, str]]) -> None:
    """Remove the last turn by its menu, undo by the toast; once more, undo by the Edit menu."""
    user.go_to_the_end()
    user.act("Delete turn")
    user.sees(lambda: user.shown == spoken[:-1])
    user.picture("removed")
    user.press(user.window.toast.undo_button)
    user.sees(lambda: user.shown == spoken)
    user.go_to_the_end()
    user.act("Delete turn")
    assert user.stored == spoken[:-1]
    user.window.menus.undo.trigger()
    assert user.shown == user.stored == spoken
    user.picture("brought-back")


def transcribe(user: Protagonist, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drop recordings; correct a segment, find a word, export the text. Returns the file."""
    memo, exported = folder / "Voice memo.wav", folder / "Voice memo.txt"
    record(memo, MEMO)
    record(folder / "Long memo.wav", LONG)
    user.window.show_page(TRANSCRIBE)
    user.picture("no-recordings-yet")
    user.drop(memo)
    user.wait_for_texts(1)
    user.drop(folder / "Long memo.wav")
    user.wait_for_texts(2)
    user.picture("transcribed")
    heard = " ".join(text for _, text in user.texts["Long memo.wav"][0]).split()
    assert len(heard) == pytest.approx(sum(len(text.split()) for _, text in LONG), rel=0.05)
    assert heard[-1] == "five."
    (short,) = (job for job in user.window.transcribe.jobs if job.name == memo.name)
    user.press(user.word("Open", user.window.transcribe.card(short.key)))
    user.edit(0, CORRECTED)
    user.sees(lambda: user.texts[memo.name][0][0] == ("", CORRECTED))
    assert user.find("quarterly") == "1 of 1"
    user.picture("found")
    QTest.keyClick(user.window.transcript.find_field, Qt.Key.Key_Escape)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(exported), ""))
    side = user.window.transcript.side
    user.press(side.formats["txt"])
    user.sees(lambda: side.said == "Saved as Voice memo.txt")
    user.picture("exported")
    return exported


def look_at_the_models(user: Protagonist) -> None:
    """Open the page of models from the window, and go back."""
    user.window.show_page(TALK)
    dialog = user.settings
    dialog.open_page(dialog.models)
    user.picture("models", dialog)
    dialog.close()
