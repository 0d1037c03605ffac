"""What happens while something else is on its way: nothing is lost, mixed up or left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import utterance
from app.audio.devices import DeviceError
from app.desk import Desk
from app.settings import Retention
from app.widgets.views import Notice, NoticeAction, State, TurnState
from engine.errors import RequestError, StorageError
from engine.events import AnswerText, Heard, Samples, ToolCall
from engine.samples import write_wav
from tests.app.conftest import Running, noise
from tests.app.fakes import FakeSession, reply, scripted

Start = Callable[..., Running]


def test_a_turn_in_which_no_words_were_found_is_written_down_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def transcribe(_session: FakeSession, index: int) -> Iterator[Heard]:
        tried.append(index)
        yield Heard(index, "" if index == 1 else "words")

    monkeypatch.setattr(FakeSession, "transcribe", transcribe)
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    for number in range(2):
        app.say()
        app.wait(lambda number=number: len(app.controller.turns) > number)  # type: ignore[misc]
        app.wait(lambda number=number: number in tried)  # type: ignore[misc]
    app.qtbot.wait(200)
    assert tried == [0, 1]


def test_the_transcript_of_a_turn_that_was_interrupted_is_filled_in_too(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([AnswerText("Well", 0), gate.wait]))
    app.say()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].answer)
    app.controller.stop()
    gate.set()
    app.wait(lambda: app.controller.turns[0].text == "what is twelve times seven")


def test_each_voice_is_made_of_its_own_recording(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, Path] = {}
    monkeypatch.setattr(Desk, "add_voice", lambda _desk, path, name: iter([files.__setitem__(name, path)]))
    app = start()
    for name in ("Ada", "Bob"):
        app.controller.record_voice(name)
        app.wait(lambda: app.controller._sound.microphone.recording)
        app.sound.speak(noise(5.5))
        app.wait(lambda name=name: name in files)  # type: ignore[misc]
    assert files["Ada"] != files["Bob"]


@pytest.fixture
def broken_loudspeaker(start: Start, monkeypatch: pytest.MonkeyPatch) -> tuple[Running, threading.Event]:
    """The app while its loudspeaker is being opened, which fails once the gate is set."""
    gate = threading.Event()

    def fails(*_arguments: object) -> None:
        assert gate.wait(60)
        raise DeviceError("The loudspeaker cannot be opened.")

    app = start(scripted(reply("One.", 0)), keep_warm=False)
    monkeypatch.setattr(app.sound, "open_output", fails)
    app.controller.refresh_devices()
    return app, gate


def test_a_loudspeaker_that_cannot_be_opened_does_not_end_talking(
    broken_loudspeaker: tuple[Running, threading.Event],
) -> None:
    app, gate = broken_loudspeaker
    app.controller.press_talk()
    gate.set()
    app.wait(lambda: app.controller.notice.text)
    assert app.controller.state is State.GETTING_READY
    app.wait(lambda: app.controller._sound.microphone.recording)


def test_a_loudspeaker_that_cannot_be_opened_does_not_end_the_recording_of_a_voice(
    broken_loudspeaker: tuple[Running, threading.Event],
) -> None:
    app, gate = broken_loudspeaker
    recorded: list[float] = []
    app.controller.voice_recording_changed.connect(recorded.append)
    app.controller.record_voice("Me")
    gate.set()
    app.wait(lambda: app.controller.notice.text)
    app.wait(lambda: app.controller._sound.microphone.recording)
    assert -1.0 not in recorded


def test_a_voice_that_could_not_be_recorded_is_not_recorded_when_talk_is_pressed(start: Start) -> None:
    app = start(keep_warm=False)
    app.sound.input_error = DeviceError("The microphone cannot be opened.")
    app.controller.record_voice("Me")
    app.wait(lambda: app.controller.notice.text)
    app.sound.input_error = None
    app.say(6.0)
    app.wait(lambda: app.engine.asked or app.controller.notice.text)
    assert app.engine.asked


def test_a_timer_does_not_ring_into_the_recording_of_a_voice(start: Start) -> None:
    app = start()
    app.controller.record_voice("Me")
    app.wait(lambda: app.controller._sound.microphone.recording)
    app.controller.rang.emit("")
    app.qtbot.wait(100)
    assert app.controller.state is State.IDLE
    app.controller.cancel_voice_recording()
    app.wait_for(State.SPEAKING)


def test_a_microphone_not_to_be_kept_open_is_let_go_of_while_it_answers(start: Start) -> None:
    gate = threading.Event()
    app = start(scripted([AnswerText("Well", 0), gate.wait]), keep_warm=True)
    app.wait(lambda: app.controller._sound.microphone.open)
    app.controller.ask_text("First?")
    app.settings.change(keep_warm=False)
    assert not app.controller._sound.microphone.open
    gate.set()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


class SlowDisk:
    """Writes what is said only once `gate` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate, self.writing, self.written = threading.Event(), threading.Event(), threading.Event()
        really = utterance.kept

        def slowly(*arguments: Any, **options: Any) -> Any:
            self.writing.set()
            assert self.gate.wait(60)
            try:
                return really(*arguments, **options)
            finally:
                self.written.set()

        monkeypatch.setattr(utterance, "kept", slowly)


def test_what_is_being_written_stays_in_its_conversation(start: Start, slow_disk: SlowDisk) -> None:
    app = start(scripted(reply("One.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    first = app.controller.conversation.key
    app.controller.new_conversation()
    app.say()
    app.wait(slow_disk.writing.is_set)
    second = app.controller.conversation.key
    app.controller.press_talk()
    app.controller.open_conversation(first)
    slow_disk.gate.set()
    app.wait(lambda: len(app.controller.conversations) == 2)
    assert [turn.text for turn in app.controller.turns] == ["First?"]
    app.controller.open_conversation(second)
    assert [turn.state for turn in app.controller.turns] == [TurnState.INTERRUPTED]


def test_all_that_is_said_while_the_disk_is_slow_is_kept(start: Start, slow_disk: SlowDisk) -> None:
    app = start(scripted(reply("Four.", 0)))
    for seconds in (1.0, 2.0, 3.0):
        app.say(seconds)
        app.wait(lambda: not app.controller._sound.microphone.recording)
    app.controller.ask_text("Four?")
    slow_disk.gate.set()
    app.wait(lambda: len(app.controller.turns) == 4)
    app.wait(lambda: [turn.answer for turn in app.controller.turns if turn.text] == ["Four."])
    assert [turn.state for turn in app.controller.turns].count(TurnState.INTERRUPTED) == 3


def test_what_is_stopped_while_it_is_written_can_be_asked_again(
    start: Start, slow_disk: SlowDisk, tmp_path: Path
) -> None:
    write_wav(tmp_path / "street.wav", noise(1.0, 16_000), 16_000)
    app = start(scripted(reply("Cars.", 0)))
    app.controller.attach(tmp_path / "street.wav")
    app.controller.ask_text("What is it?")
    app.wait(slow_disk.writing.is_set)
    app.controller.stop()
    slow_disk.gate.set()
    app.wait(lambda: [turn.text for turn in app.controller.turns] == ["What is it?"])
    assert not app.engine.asked
    app.controller.regenerate(app.controller.turns[0].key)
    app.wait(lambda: app.engine.asked)
    assert app.engine.asked[0].samples_16k is not None


def test_a_recording_attached_meanwhile_belongs_to_the_next_question(
    start: Start, slow_disk: SlowDisk, tmp_path: Path
) -> None:
    for name in ("street.wav", "birds.wav"):
        write_wav(tmp_path / name, noise(1.0, 16_000), 16_000)
    app = start(scripted(reply("Cars.", 0)))
    app.controller.attach(tmp_path / "street.wav")
    app.controller.ask_text("What is it?")
    app.wait(slow_disk.writing.is_set)
    app.controller.attach(tmp_path / "birds.wav")
    slow_disk.gate.set()
    app.wait(lambda: app.engine.asked)
    assert app.controller.turns[0].attachment == "street.wav"
    assert app.controller.attachment == "birds.wav"


def test_nothing_is_left_of_what_was_said_in_a_deleted_conversation(start: Start, slow_disk: SlowDisk) -> None:
    app = start()
    app.say()
    app.wait(slow_disk.writing.is_set)
    app.controller.delete_conversation(app.controller.conversation.key)
    slow_disk.gate.set()
    app.wait(slow_disk.written.is_set)
    app.wait(lambda: not list(app.paths.recordings.iterdir()))


def test_nobody_is_asked_to_make_room_for_a_deleted_conversation(
    start: Start, slow_disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object, **options: object) -> None:
        raise StorageError("The folder went away.")

    app = start()
    monkeypatch.setattr("app.utterance.replacing", gone)
    app.say()
    app.wait(slow_disk.writing.is_set)
    app.controller.delete_conversation(app.controller.conversation.key)
    slow_disk.gate.set()
    app.wait(slow_disk.written.is_set)
    app.qtbot.wait(100)
    assert app.controller.notice == Notice()


def test_a_recording_that_is_written_again_waits_for_nothing_that_sounds(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    app = start(scripted(reply("One two three.", 2.0)))
    with monkeypatch.context() as patch:
        patch.setattr(utterance, "kept", full)
        app.say()
        app.wait(lambda: app.controller.notice.action is NoticeAction.RETRY)
    slow_disk = SlowDisk(monkeypatch)
    app.controller.act_on_notice()
    app.controller.rang.emit("")
    app.qtbot.wait(100)
    slow_disk.gate.set()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].has_sound)
    app.hear_all()
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)


def test_what_was_asked_of_an_engine_that_had_died_can_be_asked_again(start: Start) -> None:
    app = start(scripted([AnswerText("Well", 0), SystemExit(1)], reply("Again.")))
    app.controller.ask_text("Hello?")
    app.wait(lambda: app.controller.model.problem)
    app.controller.ask_text("Still there?")
    app.controller.retry_model()
    app.wait(lambda: app.controller.model.ready)
    assert app.controller.state is State.IDLE
    app.controller.try_again(app.controller.turns[-1].key)
    app.wait(lambda: app.controller.turns[-1].answer == "Again.")


def test_quitting_while_it_speaks_keeps_only_what_was_heard(start: Start) -> None:
    app = start(scripted(reply("One two three four five six seven eight.", speech_s=4.0)))
    app.controller.ask_text("Count.")
    app.wait(lambda: app.controller._reply is not None and app.controller._reply.over)
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
    app.controller.regenerate(app.controller.turns[0].key)
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
    app.controller.revoice(app.controller.turns[0].key, "Mei")
    app.wait(lambda: app.controller._reply is not None and app.controller._reply.over)
    app.wait(lambda: app.sound.listen(0.05).any())
    app.controller.stop()
    key = app.controller.conversation.key
    app.controller.new_conversation()
    app.controller.open_conversation(key)
    assert [app.paths.recordings / key / turn.sound for turn in app.controller._talk.stored] == [
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
        if thread.name == "replay":
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
    folder = app.controller._talk.folder
    app.controller.delete_conversation(app.controller.conversation.key)
    gate.set()
    app.controller.ask_text("Second?")
    app.wait(lambda: app.controller.turns[0].answer == "Two.")
    assert not folder.exists()


def test_a_turn_edited_while_the_engine_is_busy_and_stopped_is_asked_as_it_is_shown(start: Start) -> None:
    gate, loading = threading.Event(), threading.Event()
    app = start(scripted(reply("One.", 0), reply("New.", 0)))
    app.controller.ask_text("Old?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.engine.while_loading = lambda: (loading.set(), gate.wait(60))
    app.controller.switch_model("two")
    app.wait(loading.is_set)
    app.controller.edit_turn(app.controller.turns[0].key, "New?")
    app.controller.stop()
    gate.set()
    app.controller.regenerate(app.controller.turns[0].key)
    app.wait(lambda: app.controller.turns[0].answer == "New.")
    assert [turn.text for turn in app.engine.sessions[-1].turns] == ["New?"]


def test_what_an_edit_took_out_stays_out_when_the_answer_fails(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0), [RequestError("Too long: say less.")], reply("New.", 0)))
    for question in ("Old?", "Older?"):
        app.controller.ask_text(question)
        app.wait(lambda: app.controller.turns[-1].state is TurnState.DONE)
    key = app.controller.turns[0].key
    app.controller.edit_turn(key, "New?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.FAILED)
    app.controller.try_again(key)
    app.wait(lambda: app.controller.turns[0].answer == "New.")
    assert [turn.text for turn in app.engine.sessions[-1].turns] == ["New?"]


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
def test_deleting_an_earlier_turn_moves_the_one_being_answered(start: Start, when: str) -> None:
    gate, loading = threading.Event(), threading.Event()
    app = start(scripted(reply("One.", 0), reply("Two.", 4.0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    app.engine.while_loading = lambda: (loading.set(), gate.wait(60))
    app.controller.switch_model("two")  # the engine is busy
    app.wait(loading.is_set)
    app.controller.ask_text("Second?")
    if when == "before it is answered":
        app.controller.delete_turn(app.controller.turns[0].key)
    gate.set()
    app.wait(lambda: app.controller._reply is not None and app.controller._reply.over)
    if when == "while it speaks":
        app.controller.delete_turn(app.controller.turns[0].key)
    app.wait(lambda: len(app.engine.sessions[-1].turns) == 1)
    assert [turn.place for turn in app.controller._talk.stored] == [0]
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
    app.wait(lambda: app.engine.sessions[0].turns == [])
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


def test_a_turn_deleted_while_it_is_read_to_be_asked_again_is_not_asked(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, reading, really = threading.Event(), threading.Event(), utterance.attachment

    def slowly(path: Path) -> Samples:
        samples = really(path)
        reading.set()
        assert gate.wait(60)
        return samples

    monkeypatch.setattr(utterance, "attachment", slowly)
    app = start(scripted([RequestError("Too long: say less.")], reply()))
    app.say()
    app.wait(lambda: app.controller.turns and app.controller.turns[0].state is TurnState.FAILED)
    app.controller.try_again(app.controller.turns[0].key)
    app.wait(reading.is_set)
    app.controller.delete_turn(app.controller.turns[0].key)
    assert app.controller.state is State.IDLE
    gate.set()
    app.qtbot.wait(200)
    assert len(app.engine.asked) == 1


@pytest.mark.parametrize("allowed", [True, False])
def test_a_question_stays_until_it_is_answered_and_news_are_said_afterwards(start: Start, allowed: bool) -> None:
    app, answers = start(), []

    def ask() -> None:
        answers.append(app.engine.sessions[0].settings.confirm(ToolCall("1.1", "calculator", {})))

    app.engine.scripts[:] = [[ask, *reply(speech_s=0)]]
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.notice.action is NoticeAction.ALLOW)
    app.controller.rang.emit("tea")
    assert app.controller.notice.action is NoticeAction.ALLOW
    app.controller.act_on_notice() if allowed else app.controller.refuse_tool()
    app.wait(lambda: answers == [allowed])
    app.wait(lambda: "tea" in app.controller.notice.text)


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
