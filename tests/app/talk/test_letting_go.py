"""Whatever is clicked, the microphone is not left open for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from app.shown.talk import NoticeAction, State
from app.talk import recorder
from tests.app.conftest import Running, noise
from tests.app.fakes import reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def tap(app: Running) -> None:
    app.controller.press_talk()
    app.controller.release_talk()


def is_open(app: Running) -> bool:
    return any(stream is app.sound.input and not stream.closed for stream in app.sound.streams)


def goes_out(app: Running) -> None:
    app.wait(lambda: app.controller.state is State.IDLE and not is_open(app))


def test_a_tap_that_is_still_getting_ready_is_given_up_when_the_window_goes_behind(start: Start) -> None:
    app = start()
    tap(app)
    assert app.controller.state is State.GETTING_READY
    app.controller.show_in_front(False)
    goes_out(app)


def test_a_press_that_the_change_of_windows_cut_short_does_not_latch(start: Start) -> None:
    app = start(scripted(reply("Heard.", 0)))
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(0.5))
    app.wait_for(State.LISTENING)
    app.controller._talk.recorder._pressed_s = time.monotonic()  # however slow this machine is
    app.controller.release_talk()  # the window has lost the keyboard
    app.controller.show_in_front(False)
    app.wait(lambda: bool(app.controller.turns) and app.controller.turns[0].answer == "Heard.")
    goes_out(app)


def test_a_tap_behind_other_windows_does_not_latch(start: Start) -> None:
    app = start(scripted(reply("Heard.", 0)))
    app.controller.show_in_front(False)
    app.controller.press_talk()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(0.5))
    app.wait_for(State.LISTENING)
    app.controller._talk.recorder._pressed_s = time.monotonic()
    app.controller.release_talk()
    app.wait(lambda: bool(app.controller.turns))
    goes_out(app)


def test_what_was_said_by_tapping_goes_on_being_heard_behind_other_windows(start: Start) -> None:
    app = start(scripted(reply("Heard.", 0)))
    app.controller.toggle_latch()
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(0.5))
    app.wait_for(State.LISTENING)
    app.controller.show_in_front(False)
    assert app.controller.state is State.LISTENING
    assert is_open(app)
    app.controller.toggle_latch()
    app.wait(lambda: bool(app.controller.turns))
    goes_out(app)


def test_a_microphone_that_gives_only_zeros_is_given_up_and_its_button_stays(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(keep_warm=False)
    tap(app)
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(np.zeros(72_000, np.float32))
    app.wait(lambda: app.controller.notice.action is NoticeAction.PRIVACY)
    assert app.controller.state is State.GETTING_READY
    monkeypatch.setattr(recorder, "_WARM_UP_S", 0.0)
    goes_out(app)
    assert app.controller.notice.action is NoticeAction.PRIVACY


def test_talking_ends_the_recording_of_a_voice(start: Start) -> None:
    app = start(scripted(reply("Heard.", 0)))
    app.controller.model_commands.record_voice("me")
    said: list[float] = []
    app.controller.voice_recording_changed.connect(said.append)
    app.controller.press_talk()
    assert said == [-1.0]
    app.wait(lambda: app.controller._sound.microphone.open)
    app.sound.speak(noise(6.0))
    app.wait_for(State.LISTENING)
    app.controller._talk.recorder._pressed_s -= 1.0
    app.controller.release_talk()
    app.wait(lambda: bool(app.engine.asked))
    assert app.engine.asked[0].samples_16k is not None
    assert len(app.engine.asked[0].samples_16k) > 5 * 16_000
