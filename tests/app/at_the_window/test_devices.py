"""Microphones and loudspeakers at the real window: chosen, plugged in, pulled out, refused."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QComboBox

from app.audio.devices import Device
from app.audio.permission import Access
from app.shown.talk import TurnState
from app.talk import microphone_use
from tests.app.doing import LONG, speaks
from tests.app.fakes import reply
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit, pick

pytestmark = pytest.mark.slow


def test_a_microphone_pulled_while_talking_keeps_what_was_said(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    user.hold_space()
    user.speak(2.0)
    user.sees_word("Listening")
    first = user.sound.input
    assert first is not None
    first.lost = True
    user.sees_notice("Built-in Microphone disconnected.")
    user.sees(lambda: user.app.controller.turns and user.turn().retry.isVisible())
    user.let_go()
    user.sees(lambda: user.sound.input is not first)
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Heard.")
    samples = user.app.engine.asked[0].samples_16k
    assert samples is not None
    assert len(samples) >= 1.9 * 16_000
    user.say()
    user.sees(lambda: len(user.app.engine.asked) == 2)


def test_a_loudspeaker_pulled_while_speaking_goes_on_with_another(sit: Sit) -> None:
    user = sit(reply(speech_s=2.0))
    user.type("Speak.")
    user.hears_something()
    first = user.sound.output
    assert first is not None
    first.lost = True
    user.sees_notice("Built-in Output disconnected.")
    user.sees(lambda: user.sound.output is not first and user.app.controller._sound.playback.open)
    assert user.hears() > 1.5
    assert user.app.controller.turns[0].state is TurnState.DONE


def test_the_notice_about_a_lost_microphone_goes_when_it_is_back(sit: Sit) -> None:
    user = sit()
    user.sees(lambda: user.sound.input is not None)
    sound, first = user.sound, user.sound.input
    assert first is not None
    headset = Device("AirPods", 48_000, 1, False)
    sound.plugged_in = [*sound.plugged_in, headset]
    user.app.settings.change(input_device="AirPods")
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    sound.plugged_in.remove(headset)
    assert sound.input is not None
    sound.input.lost = True
    user.sees_notice("AirPods disconnected. Listening with Built-in Microphone.")
    user.press(user.word("Change…"))
    menu = QApplication.activePopupWidget()
    assert menu is user.window.talk_bar.ways_to_talk
    menu.close()
    assert not user.window.talk_bar.notice, "something was done about it"
    sound.plugged_in.append(headset)
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    sound.plugged_in.remove(headset)
    sound.input.lost = True
    user.sees_notice("Listening with Built-in Microphone.")
    sound.plugged_in.append(headset)
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    user.sees(lambda: not user.window.talk_bar.notice)


def test_a_refused_microphone_leads_to_the_privacy_settings(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    monkeypatch.setattr(microphone_use, "open_privacy_settings", lambda: opened.append(True))
    user = sit(reply("Typed.", 0))
    user.app.permission._access = Access.DENIED
    user.hold_space()
    user.let_go()
    user.sees_notice("Earshot may not use the microphone")
    assert user.window.talk_bar.word == "Ready"
    user.press(user.word("Open privacy settings"))
    assert opened
    user.type("Typing works?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Typed.")


def test_a_headset_that_is_plugged_in_is_used_and_listed(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    headset_in, headset_out = Device("Headset", 44_100, 1, True), Device("Headset", 44_100, 2, True)
    user.sound.plugged_in = [headset_in, Device("Built-in Microphone", 48_000, 1)]
    user.sound.plugged_out = [headset_out, Device("Built-in Output", 48_000, 2)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Headset", 10_000)
    user.sees(lambda: user.sound.input and user.sound.input.device == "Headset")
    assert "Headset" in [device.name for device in user.app.controller.outputs]


def test_a_device_that_comes_while_it_speaks_waits_until_it_is_quiet(sit: Sit) -> None:
    user = sit(reply(LONG, 4.0))
    speaks(user)
    user.sound.plugged_out = [Device("Headset", 48_000, 2, True)]
    refreshed = user.sound.refreshed
    for _ in range(3):  # a change is taken up when it is seen for the second time, before the third look
        with user.qtbot.waitSignal(user.app.controller._watch.timeout, timeout=20_000):
            pass
    assert user.sound.refreshed == refreshed
    user.hears()
    user.sees(lambda: user.sound.output and user.sound.output.device == "Headset", 10_000)


def test_the_microphone_is_let_go_of_while_other_apps_are_in_front(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    microphone = user.app.controller._sound.microphone
    user.sees(lambda: microphone.open)
    user.app.controller.show_in_front(False)
    first = user.sound.input
    assert first is not None
    user.sees(lambda: first.closed and not microphone.open)
    user.app.controller.show_in_front(True)
    user.sees(lambda: microphone.open)
    user.window.menus.talk.trigger()
    user.speak()
    user.sees_word("Listening · locked")
    user.app.controller.show_in_front(False)
    assert microphone.recording, "what is being said goes on being heard"
    user.app.controller.show_in_front(True)
    user.window.menus.talk.trigger()
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Heard.")


def test_devices_are_chosen_by_name_and_the_choice_survives_their_absence(sit: Sit) -> None:
    user = sit()
    user.sound.plugged_in += [Device("Desk microphone", 44_100, 2)]
    user.sound.plugged_out += [Device("Desk speakers", 96_000, 2)]
    page = user.settings.sound
    user.settings.open_page(page)  # opening the settings lists devices anew
    boxes = {box.accessibleName(): box for box in page.findChildren(QComboBox)}
    user.sees(lambda: boxes["Microphone"].findText("Desk microphone") > 0)
    pick(boxes["Microphone"], "Desk microphone")
    pick(boxes["Speakers"], "Desk speakers")
    user.sees(lambda: user.sound.input and user.sound.input.device == "Desk microphone")
    user.sees(lambda: user.sound.output and user.sound.output.device == "Desk speakers")
    user.sound.plugged_out = [Device("Built-in Output", 48_000, 2, True)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Built-in Output", 10_000)
    user.sees(lambda: boxes["Speakers"].currentText() == "Desk speakers (not connected)")
    user.sound.plugged_out += [Device("Desk speakers", 96_000, 2)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Desk speakers", 10_000)
    pick(boxes["Speakers"], "System default")
    user.sees(lambda: user.sound.output and user.sound.output.device == "Built-in Output")
