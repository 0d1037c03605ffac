from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.audio import recording_files
from app.audio.permission import Access
from app.models import models
from app.shown.talk import Notice, NoticeAction, State, ToolState, TurnState
from engine.errors import CheckpointError, RequestError, StorageError
from engine.events import AnswerText
from tests.app.conftest import Running, noise
from tests.app.fakes import FakeCatalogue, ScriptedEngine, reply, scripted, tool_steps

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def test_a_typed_question_is_answered_shown_and_spoken_completely(start: Start) -> None:
    app = start(scripted(reply(think=True) + []))
    app.controller.ask_text("What is twelve times seven?")
    app.wait(lambda: app.controller.turns and app.controller.turns[-1].answer.endswith("four."))
    heard = app.hear_all()
    (turn,) = app.controller.turns
    assert turn.state is TurnState.DONE
    assert turn.thinking == "Twelve by seven."
    assert turn.has_sound
    assert turn.first_text_s is not None
    sounding = np.flatnonzero(np.abs(heard) > 1e-4)
    assert len(heard[sounding[0] : sounding[-1]]) == pytest.approx(48_000, rel=0.01)


def test_what_is_said_is_on_disk_before_the_engine_hears_it(start: Start) -> None:
    files: list[list[Path]] = []
    app = start(scripted([lambda: files.append(list(app.paths.recordings.rglob("said-*.flac"))), *reply()]))
    app.say()
    app.wait(lambda: files)
    assert len(files[0]) == 1
    assert app.engine.asked[0].samples_16k is not None
    assert len(app.engine.asked[0].samples_16k) >= 16_000


def test_the_transcript_of_what_was_said_is_filled_in_after_the_reply(start: Start) -> None:
    app = start(scripted(reply()))
    app.say()
    app.wait_for(State.THINKING)
    app.hear_all()
    app.wait(lambda: app.controller.turns[0].text == "what is twelve times seven")


@pytest.mark.parametrize("state", [State.THINKING, State.SPEAKING])
def test_pressing_talk_ends_a_reply_in_every_state(start: Start, state: State) -> None:
    gate = threading.Event()
    steps = [AnswerText("Well", 0), gate.wait] if state is State.THINKING else [*reply(speech_s=4.0), gate.wait]
    app = start(scripted(steps, reply("Second.")))
    app.controller.ask_text("First?")
    if state is State.SPEAKING:
        app.wait(lambda: app.sound.listen(0.1).any())
    app.wait_for(state)
    app.controller.press_talk()
    assert app.controller.state in (State.GETTING_READY, State.LISTENING)
    app.sound.listen(0.01)  # the fade of 5 ms
    assert not app.sound.listen(0.2).any()
    gate.set()
    assert app.controller.turns[0].state is TurnState.INTERRUPTED


def test_an_interrupted_answer_keeps_only_what_was_heard(start: Start) -> None:
    app = start(scripted(reply("One two three four five six seven eight.", speech_s=4.0)))
    app.controller.ask_text("Count.")
    app.wait(lambda: app.controller.turns[0].answer.endswith("eight."))
    app.wait(lambda: app.sound.listen(0.2).any())
    app.sound.listen(1.8)
    app.wait_for(State.SPEAKING)
    app.controller.stop()
    app.wait(lambda: app.engine.heard)
    assert app.engine.heard[-1] == pytest.approx(2.1 * 24_000, rel=0.2)
    answer = app.controller.turns[0].answer
    assert answer.startswith("One two")
    assert len(answer) < 30


def test_silence_is_refused_with_a_hint(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_files, "has_speech", lambda samples: False)
    app = start()
    app.say()
    app.wait_for(State.IDLE)
    assert "Nothing was heard" in app.controller.notice.text
    assert app.controller.turns == ()
    assert not app.engine.asked


def test_a_tap_latches_and_the_next_press_sends(start: Start) -> None:
    app = start(scripted(reply()))
    app.controller.press_talk()
    app.controller.release_talk()
    app.sound.speak(noise(1.0))
    app.wait_for(State.LISTENING)
    app.controller.press_talk()
    app.wait_for(State.THINKING)


def test_half_a_second_before_the_key_is_part_of_the_recording(start: Start) -> None:
    app = start(scripted(reply()))
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(2.0))
    app.wait(lambda: app.controller._sound.microphone.delivering)
    app.say(1.0)
    app.wait(lambda: app.engine.asked)
    samples = app.engine.asked[0].samples_16k
    assert samples is not None
    assert len(samples) == pytest.approx(1.6 * 16_000, abs=0.15 * 16_000)


def test_a_refused_microphone_offers_the_privacy_settings(start: Start) -> None:
    app = start()
    app.permission._access = Access.DENIED
    app.controller.press_talk()
    assert app.controller.state is State.IDLE
    assert app.controller.notice.action is NoticeAction.PRIVACY


def test_a_microphone_that_gives_only_zeros_is_named(start: Start) -> None:
    app = start()
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(np.zeros(72_000, np.float32))
    app.wait(lambda: app.controller.notice.action is NoticeAction.PRIVACY)
    assert app.controller.state is State.GETTING_READY
    app.sound.speak(noise(0.5))
    app.wait(lambda: app.controller.notice == Notice())
    assert app.controller.state is State.LISTENING


def test_a_microphone_pulled_while_talking_loses_nothing(start: Start) -> None:
    app = start(scripted(reply()))
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(2.0))
    app.wait_for(State.LISTENING)
    first = app.sound.input
    assert first is not None
    first.lost = True
    app.wait(lambda: app.controller.turns)
    assert app.controller.turns[0].state is TurnState.FAILED
    assert "was disconnected" in app.controller.turns[0].problem
    app.wait(lambda: app.sound.input is not first)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.engine.asked)
    samples = app.engine.asked[0].samples_16k
    assert samples is not None
    assert len(samples) >= 1.9 * 16_000


def test_a_loudspeaker_pulled_while_speaking_goes_on_with_another(start: Start) -> None:
    app = start(scripted(reply(speech_s=2.0)))
    app.controller.ask_text("Speak.")
    app.wait(lambda: app.sound.listen(0.05).any())
    first = app.sound.output
    assert first is not None
    first.lost = True
    app.wait(lambda: app.sound.output is not first)
    app.wait(lambda: app.controller._sound.playback.open)
    rest = app.hear_all()
    assert np.count_nonzero(np.abs(rest) > 1e-4) / 48_000 > 1.5
    assert app.controller.turns[0].state is TurnState.DONE


def test_a_full_disk_is_said_and_the_recording_can_be_written_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(scripted(reply()))
    working = recording_files.write_recording

    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    monkeypatch.setattr(recording_files, "write_recording", full)
    app.say()
    app.wait(lambda: app.controller.notice.action is NoticeAction.RETRY)
    assert app.controller.notice.text == "The disk is full: make room."
    monkeypatch.setattr(recording_files, "write_recording", working)
    app.controller.act_on_notice()
    app.wait(lambda: app.engine.asked)


@pytest.mark.parametrize("error", [RequestError("Too long: say less."), ZeroDivisionError()])
def test_a_failing_engine_shows_a_sentence_and_tries_again_from_disk(start: Start, error: Exception) -> None:
    app = start(scripted([AnswerText("Well", 0), error], reply()))
    app.say()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].state is TurnState.FAILED)
    assert app.controller.turns[0].problem
    assert app.controller.notice == Notice(), "the turn says it; once is enough"
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: len(app.engine.asked) == 2)
    app.wait_for(State.THINKING)
    app.hear_all()
    assert app.controller.turns[-1].state is TurnState.DONE
    assert len(app.controller.turns) == 1


def test_a_hanging_engine_is_said_and_replaced(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    app = start(scripted([AnswerText("Well", 0), gate.wait], reply("Again.")))
    app.controller.ask_text("Hello?")
    app.wait(lambda: app.controller.turns[0].answer)
    monkeypatch.setattr(models, "HANGING_S", 0.2)
    app.wait(lambda: app.controller.notice.action is NoticeAction.RETRY)
    assert app.controller.turns[0].state is TurnState.FAILED
    assert app.controller.turns[0].problem != app.controller.notice.text
    monkeypatch.setattr(models, "HANGING_S", 60.0)
    app.controller.act_on_notice()
    app.wait(lambda: app.controller.model.ready)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "Again.")
    gate.set()


def test_an_engine_that_dies_is_said_and_replaced(start: Start) -> None:
    app = start(scripted([AnswerText("Well", 0), SystemExit(1)], reply("Again.")))
    app.controller.ask_text("Hello?")
    app.wait(lambda: app.controller._thread.dead)
    app.wait(lambda: app.controller.model.problem)
    app.controller.act_on_notice()
    app.wait(lambda: app.controller.model.ready)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "Again.")


def test_quitting_does_not_wait_for_an_engine_that_hangs(start: Start) -> None:
    gate, hanging = threading.Event(), threading.Event()
    app = start(scripted([AnswerText("Well", 0), lambda: (hanging.set(), gate.wait())]))
    app.controller.ask_text("Hello?")
    app.wait(hanging.is_set)
    assert not app.controller.shutdown()
    gate.set()


def test_a_model_can_be_switched_in_the_middle_of_a_conversation(start: Start) -> None:
    app = start(scripted(reply("One."), reply("Two.")))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    app.hear_all()
    app.controller.model_commands.switch_model("two")
    app.wait(lambda: app.controller.model.ready and app.controller.model.name == "two")
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[-1].answer == "Two.")
    assert len(app.engine.sessions) == 2
    assert len(app.engine.sessions[1].turns) == 2


def test_a_turn_asked_the_moment_the_model_is_ready_is_spoken(start: Start) -> None:
    app = start(wait=False)
    app.controller._models.ready.connect(lambda: app.controller.ask_text("Already?"))
    app.wait(lambda: app.engine.asked)
    assert app.engine.asked[0].spoken_answer


def test_what_a_model_says_of_itself_is_said_in_the_language_of_the_window(start: Start) -> None:
    engine = ScriptedEngine(about={"about": "It answers.", "about_zh": "它会回答。", "try": ["One?"]})
    app = start(engine, language="zh_CN")
    assert app.controller.welcome.about == "它会回答。"
    app.settings.change(language="en")
    assert app.controller.welcome.about == "It answers."


def test_what_a_model_cannot_do_is_not_offered_and_another_preset_takes_its_place(start: Start) -> None:
    app = start(ScriptedEngine(about={"presets_not_offered": ["coach"]}), preset="coach")
    assert "coach" not in [each.key for each in app.controller.presets_offered]
    assert "coach" in [each.key for each in app.controller.presets]
    assert app.settings.now.preset == "assistant"


def test_a_model_that_cannot_be_loaded_says_why(start: Start) -> None:
    app = start(ScriptedEngine(load_error=CheckpointError("model/config.json is missing.")), wait=False)
    app.wait(lambda: app.controller.model.problem == "model/config.json is missing.")
    app.engine.load_error = None
    app.controller.model_commands.retry_model()
    app.wait(lambda: app.controller.model.ready)


def test_a_model_chosen_while_the_best_one_is_looked_for_is_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def best(_catalogue: FakeCatalogue) -> Path:
        assert gate.wait(60)
        return Path("one")

    monkeypatch.setattr(FakeCatalogue, "best", best)
    app = start(wait=False)
    app.controller.model_commands.switch_model("two")
    gate.set()
    app.wait(lambda: app.controller.models and app.controller.model.ready)
    assert app.engine.loads == [Path("two")]


def test_restarting_restores_conversations_settings_and_memory(start: Start) -> None:
    app = start(scripted(reply("One.")))
    app.controller.ask_text("First question?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    app.hear_all()
    app.controller.set_spoken_answers(False)
    app.controller.shutdown()
    again = start(scripted(reply("Two.", speech_s=0)))
    (listed,) = again.controller.conversations
    assert listed.title == "First question?"
    again.controller.open_conversation(listed.key)
    assert [turn.answer for turn in again.controller.turns] == ["One."]
    assert again.settings.now.spoken_answers is False
    again.controller.ask_text("Second?")
    again.wait(lambda: again.controller.turns[-1].answer == "Two.")
    assert len(again.engine.sessions[-1].turns) == 2


def test_deleting_a_conversation_that_is_not_saved_leaves_the_others_alone(start: Start) -> None:
    app = start(scripted(reply("One."), reply("Two.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.hear_all()
    app.controller.new_conversation()
    app.controller.delete_conversation(app.controller.conversation.key)
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[-1].answer == "Two.")  # the engine has done all it was asked for
    assert list(app.paths.recordings.rglob("*.wav"))


def test_an_answer_is_played_again_slower_without_the_engine(start: Start) -> None:
    app = start(scripted(reply(speech_s=1.0)))
    app.controller.ask_text("Speak.")
    app.wait_for(State.THINKING)
    app.wait(lambda: app.controller.turns[0].has_sound)
    app.hear_all()
    key = app.controller.turns[0].key
    app.controller.play_again(key, 0.8)
    app.wait_for(State.SPEAKING)
    heard = app.hear_all()
    sounding = np.flatnonzero(np.abs(heard) > 1e-4)
    assert (sounding[-1] - sounding[0]) / 48_000 == pytest.approx(1.25, rel=0.03)
    assert len(app.engine.asked) == 1


def test_editing_a_turn_makes_a_version_without_what_followed_the_other(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0), reply("New.", 0)))
    for question, answer in (("First?", "One."), ("Second?", "Two.")):
        app.controller.ask_text(question)
        app.wait(lambda answer=answer: app.controller.turns[-1].answer == answer)  # type: ignore[misc]
        app.wait_for(State.IDLE)
    app.controller.edit_turn(app.controller.turns[0].key, "Changed?")
    app.wait(lambda: app.controller.turns[-1].answer == "New.")
    assert [turn.text for turn in app.controller.turns] == ["Changed?"]
    assert len(app.engine.sessions[0].turns) == 1


def test_deleting_a_turn_takes_it_out_of_the_models_memory(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    for answer in ("One.", "Two."):
        app.controller.ask_text("Question?")
        app.wait(lambda answer=answer: app.controller.turns[-1].answer == answer)  # type: ignore[misc]
        app.wait_for(State.IDLE)
    app.controller.delete_turn(app.controller.turns[0].key)
    app.wait(lambda: len(app.engine.sessions[0].turns) == 1)
    assert [turn.answer for turn in app.controller.turns] == ["Two."]
    assert app.engine.sessions[0].path == (app.controller.turns[0].key,)


def test_tool_calls_show_arguments_and_result(start: Start) -> None:
    app = start(scripted([*tool_steps(), *reply(speech_s=0)]))
    app.controller.ask_text("12*7?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    (tool,) = app.controller.turns[0].tools
    assert (tool.name, tool.arguments, tool.result, tool.state) == ("calculator", "12*7", "84", ToolState.DONE)


def test_the_engine_is_only_touched_on_its_own_thread(start: Start) -> None:
    app = start()
    assert app.engine.threads == {"engine"}


def test_only_what_a_person_chose_is_written_down_as_the_chosen_model(start: Start) -> None:
    app = start()
    assert app.engine.loads == [Path("one")]
    assert app.settings.now.model == ""
    app.controller.model_commands.switch_model("two")
    app.wait(lambda: app.settings.now.model == "two")
