"""What is said while something else is on its way: nothing is lost, mixed up or left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.audio import recording_files
from app.audio.devices import DeviceError
from app.engine_side.voices import VoiceWork
from app.shown.talk import Notice, NoticeAction, State, TurnState
from engine.conversation.remembering.records import TurnRecord
from engine.errors import StorageError
from engine.events import AnswerText
from engine.samples import write_wav
from tests.app.conftest import Running, noise
from tests.app.fakes import reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def test_a_turn_in_which_no_words_were_found_is_written_down_once(start: Start) -> None:
    tried: list[str] = []
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))

    def transcribe(record: TurnRecord) -> str:
        tried.append(record.id)
        return "" if len(tried) == 2 else "words"

    app.engine.transcribe = transcribe
    for number in range(2):
        app.say()
        app.wait(lambda number=number: len(app.controller.turns) > number)  # type: ignore[misc]
        app.wait(lambda number=number: len(tried) > number)  # type: ignore[misc]
    app.qtbot.wait(200)
    assert tried == [turn.key for turn in app.controller.turns]


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
    monkeypatch.setattr(VoiceWork, "add", lambda _voices, path, name: iter([files.__setitem__(name, path)]))
    app = start()
    for name in ("Ada", "Bob"):
        app.controller.model_commands.record_voice(name)
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
    app.controller.model_commands.record_voice("Me")
    gate.set()
    app.wait(lambda: app.controller.notice.text)
    app.wait(lambda: app.controller._sound.microphone.recording)
    assert -1.0 not in recorded


def test_a_voice_that_could_not_be_recorded_is_not_recorded_when_talk_is_pressed(start: Start) -> None:
    app = start(keep_warm=False)
    app.sound.input_error = DeviceError("The microphone cannot be opened.")
    app.controller.model_commands.record_voice("Me")
    app.wait(lambda: app.controller.notice.text)
    app.sound.input_error = None
    app.say(6.0)
    app.wait(lambda: app.engine.asked or app.controller.notice.text)
    assert app.engine.asked


def test_a_timer_does_not_ring_into_the_recording_of_a_voice(start: Start) -> None:
    app = start()
    app.controller.model_commands.record_voice("Me")
    app.wait(lambda: app.controller._sound.microphone.recording)
    app.controller._talk.timers.ring("")
    app.qtbot.wait(100)
    assert app.controller.state is State.IDLE
    app.controller.model_commands.cancel_voice_recording()
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
        really = recording_files.write_recording

        def slowly(*arguments: Any, **options: Any) -> Any:
            self.writing.set()
            assert self.gate.wait(60)
            try:
                return really(*arguments, **options)
            finally:
                self.written.set()

        monkeypatch.setattr(recording_files, "write_recording", slowly)


def test_what_is_being_written_stays_in_its_conversation(start: Start, slow_disk: SlowDisk) -> None:
    app = start(scripted(reply("One.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    first = app.controller.conversation.key
    app.controller.new_conversation()
    app.say()
    app.wait(slow_disk.writing.is_set)
    app.controller.press_talk()
    app.controller.open_conversation(first)
    slow_disk.gate.set()
    app.wait(lambda: len(app.controller.conversations) == 2)
    assert [turn.text for turn in app.controller.turns] == ["First?"]
    (second,) = {each.key for each in app.controller.conversations} - {first}
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
    app.controller.ask_again(app.controller.turns[0].key)
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
    app = start(scripted(reply("One.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    app.say()
    app.wait(slow_disk.writing.is_set)
    app.controller.delete_conversation(app.controller.conversation.key)
    slow_disk.gate.set()
    app.wait(slow_disk.written.is_set)
    app.controller.shutdown()
    app.controller._thread.join(20)
    assert not list(app.paths.recordings.iterdir())


def test_nobody_is_asked_to_make_room_for_a_deleted_conversation(
    start: Start, slow_disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object, **options: object) -> None:
        raise StorageError("The folder went away.")

    app = start(scripted(reply("One.", 0)))
    app.controller.ask_text("First?")
    app.wait(lambda: app.controller.turns[0].answer == "One.")
    monkeypatch.setattr("app.audio.recording_files.replacing", gone)
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
        patch.setattr(recording_files, "write_recording", full)
        app.say()
        app.wait(lambda: app.controller.notice.action is NoticeAction.RETRY)
    slow_disk = SlowDisk(monkeypatch)
    app.controller.act_on_notice()
    app.controller._talk.timers.ring("")
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
    app.controller.model_commands.retry_model()
    app.wait(lambda: app.controller.model.ready)
    assert app.controller.state is State.IDLE
    app.controller.try_again(app.controller.turns[-1].key)
    app.wait(lambda: app.controller.turns[-1].answer == "Again.")
