"""The page of an empty conversation, in the real window: does Earshot hear, and may it?"""

from __future__ import annotations

import pytest
import soundfile
import soxr

from app import talk_commands
from app.audio.permission import Access
from app.shown.talk import Hearing, State
from app.widgets.talk.welcome_cards import MicrophoneCard
from engine.resources import resource
from tests.app.conftest import noise
from tests.app.fakes import reply
from tests.app.user import Sit, User


def meet(user: User, **choices: bool) -> MicrophoneCard:
    """Earshot has never heard this user."""
    user.app.settings.change(microphone_heard=False, **choices)
    return user.window.welcome.microphone


def test_the_microphone_is_explained_before_the_system_asks_for_it(sit: Sit) -> None:
    user = sit()
    user.app.permission._access = Access.UNASKED
    card = meet(user, microphone_explained=False)
    assert card.isVisible()
    user.press(user.word("Allow the microphone…"))
    assert user.app.permission._access is Access.GRANTED
    assert card.words.startswith("Say a few words")


def test_the_welcome_page_shows_that_earshot_hears_and_keeps_nothing(sit: Sit) -> None:
    user = sit(reply("One.", 0), keep_warm=False)
    card = meet(user)
    user.sees(lambda: user.app.controller._sound.microphone.open)
    words, _ = soundfile.read(resource("examples", "1-twelve-times-seven.flac"), dtype="float32")
    loud = soxr.resample(words, 16_000, 48_000)
    lit = 0
    for start in range(0, len(loud), 4_800):
        user.sound.speak(loud[start : start + 4_800])
        user.app.controller._on_clock()
        lit = max(lit, card.meter.lit)
    user.sees(lambda: card.says_heard)
    assert card.isVisible(), "it says so as long as the page stands"
    assert lit > 8
    assert not user.app.controller.turns
    assert user.app.controller.state is State.IDLE
    assert list(user.app.paths.recordings.rglob("said-*")) == []
    user.type("One?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "One.")
    assert not user.app.controller._sound.microphone.open
    user.window.menus.new.trigger()
    assert user.window.shows_welcome
    assert not card.isVisible()


def test_noise_is_no_speech_to_the_test_of_the_microphone(sit: Sit) -> None:
    user = sit()
    card = meet(user)
    user.sees(lambda: user.app.controller._sound.microphone.open)
    for _ in range(30):
        user.sound.speak(noise(0.1))
        user.app.controller._on_clock()
    assert card.meter.lit > 0
    assert not card.says_heard


def test_a_denied_microphone_is_told_on_its_card_until_it_is_allowed(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    monkeypatch.setattr(talk_commands, "open_privacy_settings", lambda: opened.append(True))
    user = sit()
    user.app.permission._access = Access.DENIED
    card = meet(user)
    assert card.troubled
    user.press(user.word("Open Privacy Settings"))
    assert opened
    user.app.controller.show_in_front(False)
    user.app.permission._access = Access.GRANTED
    user.app.controller.show_in_front(True)
    assert not card.troubled
    assert card.words.startswith("Say a few words")


@pytest.mark.parametrize("way", ["Not now", "talking"])
def test_the_card_about_the_microphone_goes_for_good(sit: Sit, way: str) -> None:
    user = sit(reply("One.", 0))
    card = meet(user, microphone_explained=False)
    if way == "talking":
        user.say()
        user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "One.")
        user.window.menus.new.trigger()
    else:
        user.press(user.word(way))
    assert user.window.shows_welcome
    assert not card.isVisible()
    assert user.app.controller.welcome.hearing is Hearing.SETTLED, "nor after the next start"
