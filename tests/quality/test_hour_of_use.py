"""What a person does in an hour: fifteen spoken turns, one asked again, one removed and brought back, quit, start.

The real window with the starter model and a virtual sound card. `EARSHOT_PICTURES=FOLDER` keeps pictures of the story.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.shown import State, TurnState
from app.talk.store import Store
from engine.conversation.remembering.saving import holds_conversation
from engine.engine import Engine
from engine.resources import resource
from engine.session import Session
from tests.app.real_app import Person, RealApp, sound_card
from tests.app.virtual_sound import VirtualSound

QUESTIONS = (
    "what is twelve times seven", "what color is the sky", "what is the capital of france", "what is nine plus five",
    "how are you", "what is twenty minus six", "what is the capital of italy", "what is three times eight",
    "how many days are in a week", "what is the opposite of hot", "what is six plus seven", "what is ten times ten",
    "what is the capital of japan", "what is forty minus four", "thank you",
)  # fmt: skip
WAIT_S = 120.0


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualSound]:
    with sound_card(tmp_path) as card:
        yield card


def begin(qapp: QApplication, qtbot: QtBot, card: VirtualSound, home: Path) -> Person:
    """Somebody starts Earshot and waits until it can be talked to."""
    app = RealApp(qapp, home, resource("starter"))
    app.begin()
    somebody = Person(app, card, qtbot)
    somebody.wait_until_ready(WAIT_S)
    return somebody


def ask(person: Person, folder: Path, question: str) -> None:
    """Say it, and listen to the answer."""
    path, turns = folder / "question.wav", len(person.app.controller.turns)
    subprocess.run(["flite", "-voice", "slt", "-t", question, "-o", str(path)], check=True)
    person.say(*soundfile.read(path, dtype="float32"))
    person.wait(lambda: len(person.app.controller.turns) == turns + 1, WAIT_S)
    settled(person)


def settled(person: Person) -> None:
    person.wait(lambda: person.app.controller.turns[-1].state is TurnState.DONE, WAIT_S)
    person.wait_for(State.IDLE, WAIT_S)


def picture(person: Person, name: str) -> None:
    if folder := os.environ.get("EARSHOT_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        person.app.window.grab().save(str(Path(folder) / f"{name}.png"))


def shown(person: Person) -> list[tuple[str, str]]:
    """Ids and answers on the page, which are those of the controller."""
    turns = [(turn.key, turn.answer) for turn in person.app.window.conversation.turns]
    assert turns == [(turn.key, turn.answer) for turn in person.app.controller.turns]
    return turns


def stored(person: Person) -> list[tuple[str, str]]:
    """The same from the database file, read anew."""
    store = Store(person.app.paths.store, person.app.paths.recordings)
    try:
        return [(turn.id, turn.answer) for turn in store.path(person.app.controller.conversation.key)]
    finally:
        store.close()


def test_an_hour_leaves_window_database_and_memory_equal(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine gets the time it needs
    home = tmp_path / "home"
    person = begin(qapp, qtbot, card, home)
    picture(person, "1-welcome")
    for question in QUESTIONS:
        ask(person, tmp_path, question)
        print(f"{question} → {person.app.newest.answer}", flush=True)
    picture(person, "2-fifteen-turns")
    controller = person.app.controller
    person.wait(lambda: all(turn.text for turn in controller.turns), WAIT_S)
    fifteen = shown(person)
    assert len(fifteen) == 15
    assert stored(person) == fifteen

    fifth = controller.turns[4].key
    controller.ask_again(fifth)
    person.wait(lambda: len(controller.turns) == 5 and controller.turns[-1].key != fifth, WAIT_S)
    settled(person)
    picture(person, "3-asked-again")
    controller.show_version(controller.turns[-1].key, -1)
    assert shown(person) == fifteen

    controller.delete_turn(fifteen[9][0])
    assert shown(person) == [*fifteen[:9], *fifteen[10:]]
    picture(person, "4-removed")
    controller.undo_history.undo()
    assert shown(person) == fifteen
    controller.delete_turn(fifteen[11][0])
    left = [*fifteen[:11], *fifteen[12:]]
    assert shown(person) == left
    assert stored(person) == left
    folder = person.app.paths.recordings / controller.conversation.key
    key = controller.conversation.key
    assert person.app.close()

    person = begin(qapp, qtbot, card, home)
    person.app.controller.open_conversation(key)
    assert shown(person) == left
    assert stored(person) == left
    picture(person, "5-started-again")
    ask(person, tmp_path, "what is two plus two")
    picture(person, "6-goes-on")
    now = shown(person)
    assert now[:-1] == left
    assert person.app.close()
    assert holds_conversation(folder / "session")
    memory = Session(Engine.load(resource("starter")), saved=folder / "session")
    assert list(memory.path) == [id for id, _ in now]
    assert fifteen[11][0] not in memory.remembered
