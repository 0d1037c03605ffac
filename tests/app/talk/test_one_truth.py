"""Window, database and the model's memory agree, by ids, whatever happens between them. The session, the database file
and the threads are the real ones; only what the networks write is scripted.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest

from app.paths import Paths
from app.shown.talk import State, TurnState
from app.talk.database import Database
from engine.errors import RequestError, StorageError
from engine.events import AnswerText
from tests.app.conftest import Running, noise
from tests.app.fakes import ScriptedEngine, reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Whoever waits at it goes on in the end."""
    gate = threading.Event()
    yield gate
    gate.set()


def questions(app: Running) -> list[str]:
    """What was asked in the turns that the model remembers on its path."""
    return [turn.text for turn in app.engine.sessions[-1].turns]


def assert_agreed(app: Running) -> None:
    """Window, database and memory hold the same turns in the same order."""
    shown = tuple(turn.key for turn in app.controller.turns)
    stored = app.controller._conversation._store.path(app.controller.conversation.key)
    assert tuple(turn.id for turn in stored) == shown
    app.wait(lambda: app.engine.sessions[-1].path == shown)


def ask(app: Running, text: str, answer: str) -> None:
    app.controller.ask_text(text)
    app.wait(lambda: app.controller.turns and app.controller.turns[-1].answer == answer)
    app.wait(lambda: app.controller.turns[-1].state is TurnState.DONE)


def as_killed(app: Running, start: Start, engine: ScriptedEngine) -> Running:
    """The app once more, with the files as a kill at this moment would leave them."""
    home = app.paths.data.with_name(f"{app.paths.data.name}-killed")
    shutil.copytree(app.paths.data, home)
    return start(engine, paths=Paths(home, home / "logs"))


def open_only(app: Running) -> None:
    """Open the one conversation there is."""
    (conversation,) = app.controller.conversations
    app.controller.open_conversation(conversation.key)


# Fault 2.


def test_a_turn_deleted_while_the_model_is_busy_is_not_remembered_after_a_restart(
    start: Start, gate: threading.Event
) -> None:
    app = start(scripted(reply("One.", 0), [AnswerText("Well", 0), gate.wait]))
    ask(app, "First?", "One.")
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[1].answer)
    app.controller.delete_turn(app.controller.turns[0].key)
    app.controller.shutdown()  # the model still hangs: it never hears of the deletion
    again = start(scripted(reply("Three.", 0)))
    open_only(again)
    ask(again, "Third?", "Three.")
    assert "First?" not in questions(again)
    assert [turn.text for turn in again.controller.turns] == ["Second?", "Third?"]
    memory = again.engine.sessions[-1]
    assert memory.path[-1] == again.controller.turns[-1].key
    assert again.controller._conversation.find(again.controller.turns[0].key) is not None


def test_a_database_that_forgot_a_turn_and_a_memory_that_lost_one_are_brought_together(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    ask(app, "First?", "One.")
    ask(app, "Second?", "Two.")
    app.controller.shutdown()
    shutil.rmtree(app.paths.recordings)
    again = start(scripted(reply("Three.", 0)))
    open_only(again)
    ask(again, "Third?", "Three.")
    assert questions(again) == ["First?", "Second?", "Third?"]
    assert [turn.answer for turn in again.engine.sessions[-1].turns] == ["One.", "Two.", "Three."]
    assert_agreed(again)


# Fault 5.


def test_a_new_conversation_knows_nothing_of_one_that_could_not_be_saved(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise StorageError("The disk is full: make room.")

    app = start(scripted(reply("I keep it.", 0.5), reply("I do not know.", 0.5)))
    monkeypatch.setattr(Database, "write", full)
    app.controller.ask_text("My secret is 42.")
    app.wait(lambda: app.controller.turns and app.controller.turns[0].has_sound)
    app.hear_all()
    app.controller.new_conversation()
    app.controller.ask_text("What is my secret?")
    app.wait(lambda: app.controller.turns and app.controller.turns[0].has_sound)
    app.hear_all()
    assert questions(app) == ["What is my secret?"]
    assert [path for path in app.paths.recordings.iterdir() if path.is_file()] == []
    assert app.controller.notice.text == "The disk is full: make room."


# Fault 6.


def test_a_transcript_finds_its_turn_although_one_before_it_was_deleted(start: Start, gate: threading.Event) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    transcribing = threading.Event()

    def transcribe(record: object) -> str:
        if len(app.controller.turns) == 2:
            transcribing.set()
            assert gate.wait(60)
        return f"words {len(app.controller.turns)}"

    app.engine.transcribe = transcribe
    ask(app, "First?", "One.")
    app.say()
    app.wait(transcribing.is_set)
    app.controller.delete_turn(app.controller.turns[0].key)
    gate.set()
    app.wait(lambda: app.controller.turns[0].text.startswith("words"))
    assert app.controller.turns[0].answer == "Two."
    assert_agreed(app)


# Fault 7.


def test_an_answer_that_fails_after_it_was_interrupted_leaves_the_one_before_whole(
    start: Start, gate: threading.Event
) -> None:
    def fail() -> None:
        assert gate.wait(60)
        raise RequestError("Too long: say less.")

    app = start(scripted(reply("One two three.", 1.0), [AnswerText("Well", 0), fail]))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns and app.controller.turns[0].has_sound)
    app.hear_all()
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[1].answer)
    app.controller.stop()
    gate.set()
    app.wait(lambda: not app.controller._thread.working)
    (first,) = app.engine.sessions[-1].turns
    assert (first.text, first.answer) == ("First?", "One two three.")


# Fault 8.


def test_a_failed_answer_that_is_tried_again_is_remembered_once(start: Start) -> None:
    app = start(scripted(reply("One.", 0), [RequestError("Too long: say less.")], reply("Two.", 0)))
    ask(app, "First?", "One.")
    app.controller.ask_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].state is TurnState.FAILED)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "Two.")
    assert questions(app) == ["First?"]
    assert_agreed(app)


# Fault 11.


def test_killed_while_an_answer_sounds_nothing_is_lost_and_nothing_doubled(start: Start) -> None:
    app = start(scripted(reply("One two three four.", 4.0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller._talk.answerer.answer is not None and app.controller._talk.answerer.answer.over)
    app.wait(lambda: app.sound.listen(0.1).any())
    app.wait_for(State.SPEAKING)
    again = as_killed(app, start, scripted(reply("Two.", 0)))
    open_only(again)
    (turn,) = again.controller.turns
    assert (turn.state, turn.answer, turn.has_sound) == (TurnState.DONE, "One two three four.", True)
    ask(again, "Second?", "Two.")
    assert questions(again) == ["First?", "Second?"]
    assert_agreed(again)


def test_killed_while_the_model_answers_the_question_is_asked_again_once(start: Start, gate: threading.Event) -> None:
    app = start(scripted([AnswerText("Well", 0), gate.wait]))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns and app.controller.turns[0].answer)
    again = as_killed(app, start, scripted(reply("One.", 0)))
    open_only(again)
    assert [turn.state for turn in again.controller.turns] == [TurnState.FAILED]
    again.controller.try_again(again.controller.turns[0].key)
    again.wait(lambda: again.controller.turns[0].answer == "One.")
    assert questions(again) == ["First?"]
    assert_agreed(again)


def test_killed_between_the_memory_and_the_window_the_question_is_asked_again_once(start: Start) -> None:
    app = start(scripted(reply("One.", 0)))
    ask(app, "First?", "One.")
    key = app.controller.turns[0].key
    app.controller._conversation.keep(key, state=TurnState.ANSWERING)  # as before the window heard that it is over
    again = as_killed(app, start, scripted(reply("Again.", 0)))
    open_only(again)
    assert again.controller.turns[0].state is TurnState.FAILED
    again.controller.try_again(key)
    again.wait(lambda: again.controller.turns[0].answer == "Again.")
    assert questions(again) == ["First?"]
    assert_agreed(again)


def test_killed_while_an_interrupted_answer_was_not_cut_yet_memory_keeps_what_was_heard(start: Start) -> None:
    app = start(scripted(reply("One two three four five six seven eight.", 4.0)))
    app.controller.ask_text("Count.")
    app.wait(lambda: app.controller._talk.answerer.answer is not None and app.controller._talk.answerer.answer.over)
    app.wait(lambda: app.sound.listen(0.2).any())
    key = app.controller.turns[0].key
    app.controller._conversation.keep(key, state=TurnState.INTERRUPTED, heard_24k=24_000)
    again = as_killed(app, start, scripted(reply("Two.", 0)))
    open_only(again)
    ask(again, "Second?", "Two.")
    remembered = again.engine.sessions[-1].turns[0].answer
    assert remembered.startswith("One")
    assert len(remembered) < 20


@pytest.mark.parametrize("seconds", [2.0, 4.0])
def test_killed_while_somebody_speaks_what_was_said_is_kept(start: Start, seconds: float) -> None:
    app = start(scripted(reply("One.", 0)))
    ask(app, "First?", "One.")
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(seconds))
    app.wait(lambda: app.controller._sound.microphone.recorded_s > seconds - 0.2)
    app.wait(lambda: [file for file in app.paths.recordings.rglob("*.growing") if file.stat().st_size])
    written: list[object] = []
    app.controller._disk.run(lambda: None, lambda *_: written.append(True))
    app.wait(lambda: written)
    again = as_killed(app, start, scripted(reply("Two.", 0)))
    again.wait(lambda: again.controller.conversations and again.controller.conversations[0].turns == 2)
    open_only(again)
    turn = again.controller.turns[1]
    assert turn.state is TurnState.FAILED
    assert turn.seconds is not None
    assert turn.seconds > seconds - 1
    again.controller.try_again(turn.key)
    again.wait(lambda: again.controller.turns[1].answer == "Two.")
    again.wait(lambda: not list(again.paths.recordings.rglob("*.growing")))


def test_a_recording_that_was_asked_or_dropped_leaves_nothing_beside_it(start: Start) -> None:
    app = start(scripted(reply("One.", 0)))
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(2.0))
    app.wait(lambda: list(app.paths.recordings.rglob("*.growing")))
    app.controller.stop()
    app.wait(lambda: not list(app.paths.recordings.rglob("*.growing")))
    app.say(2.0)
    app.wait(lambda: app.controller.turns and app.controller.turns[0].answer == "One.")
    app.wait(lambda: not list(app.paths.recordings.rglob("*.growing")))


def test_quitting_while_somebody_speaks_keeps_what_was_said(start: Start) -> None:
    app = start(scripted(reply("One.", 0)))
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(3.0))
    app.wait(lambda: [file for file in app.paths.recordings.rglob("*.growing") if file.stat().st_size > 64_000])
    app.controller.shutdown()
    again = start(scripted(reply("Two.", 0)))
    again.wait(lambda: again.controller.conversations)
    open_only(again)
    assert [turn.state for turn in again.controller.turns] == [TurnState.FAILED]


def test_nothing_is_kept_of_what_is_said_while_quitting_when_nothing_is_to_be_kept(start: Start) -> None:
    app = start(scripted(reply("One.", 0)), retention="none")
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(3.0))
    app.wait(lambda: list(app.paths.recordings.rglob("*.growing")))
    app.controller.shutdown()
    assert list(app.paths.recordings.rglob("*.growing")) == []


def test_a_memory_of_a_newer_earshot_is_refused_and_left_alone(start: Start) -> None:
    app = start(scripted(reply("One.", 0)))
    ask(app, "First?", "One.")
    app.controller.shutdown()
    (index,) = app.paths.recordings.rglob("index.jsonl")
    index.write_text(json.dumps({"format": 99, "turns": {}, "path": []}) + "\n")
    again = start(scripted(reply("Two.", 0)))
    open_only(again)
    again.controller.ask_text("Second?")
    again.wait(lambda: again.controller.turns[-1].state is TurnState.FAILED)
    assert "newer Earshot" in again.controller.turns[-1].problem
    assert '"format": 99' in index.read_text()
