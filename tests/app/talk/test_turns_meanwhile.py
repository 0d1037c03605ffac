"""What becomes of turns while they or others are answered: what is shown and what the model remembers agree."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import Retention
from app.shown.talk import Notice, State, TurnState
from engine.errors import RequestError
from engine.events import AnswerText, ToolCall
from engine.samples import write_wav
from tests.app.conftest import Running, noise
from tests.app.fakes import reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def test_quitting_while_it_speaks_keeps_only_what_was_heard(start: Start) -> None:
    app = start(scripted(reply("One two three four five six seven eight.", speech_s=4.0)))
    app.controller.ask_text("Count.")
    app.wait(lambda: app.controller._talk.answerer.answer is not None and app.controller._talk.answerer.answer.over)
    app.wait(lambda: app.sound.listen(0.2).any())
    assert app.controller.shutdown()
    assert app.engine.heard


def test_a_turn_deleted_just_before_quitting_is_forgotten(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted(reply("One.", 0), [AnswerText("Well", 0), gate.wait]))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[1].answer)
    app.controller.delete_turn(app.controller.turns[0].key)
    app.controller._thread.end()
    gate.set()
    assert app.controller._thread.join(20.0)
    assert [turn.text for turn in app.engine.sessions[0].turns] == ["Second?"]


def test_a_written_answer_made_again_and_stopped_keeps_what_was_read(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted(reply("One.", 0), [AnswerText("Other", 0), gate.wait]), spoken_answers=False)
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.controller.ask_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "Other")
    app.controller.stop()
    gate.set()
    assert app.controller.turns[0].answer == "Other"


def test_a_spoken_question_about_a_recording_is_tried_again_with_the_recording(start: Start, tmp_path: Path) -> None:
    write_wav(tmp_path / "street.wav", noise(2.0, 16_000), 16_000)
    app = start(scripted([RequestError("Too long: say less.")], reply("Cars.", 0)))
    app.controller.attach(tmp_path / "street.wav")
    app.say()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].state is TurnState.FAILED)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: len(app.engine.asked) == 2)
    first, second = (turn.samples_16k for turn in app.engine.asked)
    assert first is not None
    assert second is not None
    assert len(second) == len(first)


def test_an_answer_spoken_again_keeps_its_sound_when_it_is_stopped(start: Start) -> None:
    app = start(scripted(reply("One.")))
    app.controller.ask_text("Speak.")
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.hear_all()
    app.controller.speak_again(app.controller.turns[0].key, "Mei")
    app.wait(lambda: app.controller._talk.answerer.answer is not None and app.controller._talk.answerer.answer.over)
    app.wait(lambda: app.sound.listen(0.05).any())
    app.controller.stop()
    key = app.controller.conversation.key
    app.controller.new_conversation()
    app.controller.open_conversation(key)
    assert [app.paths.recordings / key / turn.sound for turn in app.controller._conversation.stored] == [
        *app.paths.recordings.rglob("*.wav")
    ]


def test_a_sound_that_could_not_be_read_does_not_end_what_was_begun_meanwhile(start: Start) -> None:
    app = start(scripted(reply("One.")))
    app.controller.ask_text("Speak.")
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.hear_all()
    for file in app.paths.recordings.rglob("*.wav"):
        file.unlink()
    app.controller.play_again(app.controller.turns[0].key)
    for thread in threading.enumerate():
        if thread.name == "player":
            thread.join()
    app.controller.press_talk()  # before the window hears of it
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(0.5))
    app.qtbot.wait(200)
    assert app.controller.state is State.LISTENING


def test_nothing_of_a_conversation_deleted_while_it_is_answered_comes_back(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([*reply("One.", 0.5), gate.wait], reply("Two.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].has_sound)
    folder = app.controller._conversation.folder
    app.controller.delete_conversation(app.controller.conversation.key)
    gate.set()
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[0].answer == "Two.")
    app.controller.shutdown()
    app.controller._thread.join(20)
    assert not folder.exists()


def test_a_turn_edited_while_the_engine_is_busy_and_stopped_is_asked_as_it_is_shown(start: Start) -> None:
    gate, loading = threading.Event(), threading.Event()
    app = start(scripted(reply("One.", 0), reply("New.", 0)))
    app.controller.ask_text("Old?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.engine.while_loading = lambda: (loading.set(), gate.wait(60))
    app.controller.model_commands.switch_model("two")
    app.wait(loading.is_set)
    app.controller.edit_turn(app.controller.turns[0].key, "New?")
    app.controller.stop()
    gate.set()
    app.controller.ask_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "New.")
    assert [turn.text for turn in app.engine.sessions[-1].turns] == ["New?"]


def test_what_an_edit_left_behind_stays_out_of_memory_when_the_answer_fails(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0), [RequestError("Too long: say less.")], reply("New.", 0)))
    for question in ("Old?", "Older?"):
        app.controller.ask_text(question)
        app.wait(lambda: app.controller.turns[-1].state is TurnState.DONE)
    app.controller.edit_turn(app.controller.turns[0].key, "New?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.FAILED)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "New.")
    assert [turn.text for turn in app.engine.sessions[-1].turns] == ["New?"]


def test_a_failed_version_that_is_tried_again_keeps_what_followed_it(start: Start) -> None:
    failure = [RequestError("Too long: say less.")]
    app = start(scripted(reply("One.", 0), failure, reply("Two.", 0), reply("Other.", 0)), spoken_answers=False)
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.controller.ask_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].state is TurnState.FAILED)
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[-1].answer == "Two.")
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[-1].answer == "Other.")
    (other,) = app.controller.turns
    assert (other.version, other.versions) == (3, 3)
    app.controller.show_version(other.key, -1)
    assert [turn.text for turn in app.controller.turns] == ["First?", "Second?"]


def test_a_conversation_in_front_that_is_empty_outlives_a_change_of_retention(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.controller.delete_turn(app.controller.turns[0].key)
    app.settings.change(retention=Retention.NONE)
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[0].answer == "Two.")
    assert app.controller.notice == Notice()
    assert len(app.controller.conversations) == 1


@pytest.mark.parametrize("when", ["before it is answered", "while it speaks"])
def test_an_earlier_turn_is_deleted_while_another_is_answered(start: Start, when: str) -> None:
    gate, loading = threading.Event(), threading.Event()
    app = start(scripted(reply("One.", 0), reply("Two.", 4.0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.engine.while_loading = lambda: (loading.set(), gate.wait(60))
    app.controller.model_commands.switch_model("two")  # the engine is busy
    app.wait(loading.is_set)
    app.controller.ask_text("Second?")
    if when == "before it is answered":
        app.controller.delete_turn(app.controller.turns[0].key)
    gate.set()
    app.wait(lambda: app.controller._talk.answerer.answer is not None and app.controller._talk.answerer.answer.over)
    if when == "while it speaks":
        app.controller.delete_turn(app.controller.turns[0].key)
    app.wait(lambda: app.engine.sessions[-1].path == (app.controller.turns[0].key,))
    app.controller.stop()
    app.wait(lambda: app.engine.heard)  # it was cut to that


def test_deleting_a_turn_that_is_being_answered_ends_the_answer(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([*reply("One.", 0.5), gate.wait]))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.controller.delete_turn(app.controller.turns[0].key)
    assert app.controller.state is State.IDLE
    gate.set()
    app.wait(lambda: app.engine.sessions[0].path == ())
    app.controller.shutdown()
    app.controller._thread.join(20)
    assert not list(app.paths.recordings.rglob("*.wav"))


def test_deleting_a_turn_that_is_played_again_silences_it(start: Start) -> None:
    app = start(scripted(reply("One.", 3.0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.hear_all()
    app.controller.play_again(app.controller.turns[0].key)
    app.wait(lambda: app.sound.listen(0.1).any())
    app.controller.delete_turn(app.controller.turns[0].key)
    assert app.controller.state is State.IDLE
    app.sound.listen(0.01)  # the fade of 5 ms
    assert not app.sound.listen(0.2).any()


@pytest.mark.parametrize("allowed", [True, False])
def test_a_question_of_a_tool_is_answered_while_news_are_said(start: Start, allowed: bool) -> None:
    app, answers = start(), []

    def ask() -> None:
        answers.append(app.engine.sessions[0].settings.confirm(ToolCall("1.1", "calculator", {})))

    app.engine.scripts[:] = [[ask, *reply(speech_s=0)]]
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller._talk.confirmations.asking == "calculator")
    app.controller._talk.timers.ring("tea")
    app.wait(lambda: "tea" in app.controller.notice.text)
    app.controller.answer_tool(allowed)
    app.wait(lambda: answers == [allowed])
    assert app.controller._talk.confirmations.asking == ""


def test_a_question_of_a_reply_that_was_ended_is_not_asked(start: Start) -> None:
    app, asking, answers = start(), threading.Event(), []

    def ask() -> None:
        asking.set()
        answers.append(app.engine.sessions[0].settings.confirm(ToolCall("1.1", "calculator", {})))

    app.engine.scripts[:] = [[ask], reply("Second.", speech_s=0)]
    app.controller.ask_text("First?")
    assert asking.wait(20)  # the window has not heard of it yet
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[-1].answer == "Second.")
    assert answers == [False]
    assert app.controller.notice == Notice()


def test_sound_is_looked_after_more_seldom_only_while_an_answer_is_read(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([AnswerText("Well", 0), gate.wait, *reply("Well.", 0)]), spoken_answers=False)
    clock = app.controller._clock
    usual_ms = clock.interval()
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "Well")
    app.wait(lambda: clock.interval() > 3 * usual_ms)
    app.controller.press_talk()
    assert clock.interval() == usual_ms, "who talks into an answer is heard as soon as ever"
    gate.set()


def test_sound_is_looked_after_as_often_as_ever_while_an_answer_is_to_be_heard(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([AnswerText("Well", 0), gate.wait, *reply("Well.")]))
    usual_ms = app.controller._clock.interval()
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "Well")
    app.qtbot.wait(3 * usual_ms)
    assert app.controller._clock.interval() == usual_ms
    gate.set()
