"""A full disk and an engine that fails, at the real window: what is said of it, and how it goes on."""

from __future__ import annotations

import logging
import threading

import pytest
from PySide6.QtGui import QGuiApplication

from app.audio import recording_files
from app.diagnostics import log_handler
from app.models import models
from app.shown.talk import TurnState
from app.widgets.controls.sheets import Message
from engine.errors import RequestError, StorageError
from engine.events import AnswerText
from tests.app.fakes import reply
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit

pytestmark = pytest.mark.slow


def test_a_full_disk_is_said_and_nothing_is_lost(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    user = sit(reply())
    working = recording_files.write_recording
    monkeypatch.setattr(recording_files, "write_recording", full)
    user.say()
    user.sees_notice("The disk is full: make room.")
    monkeypatch.setattr(recording_files, "write_recording", working)
    user.press(user.word("Try again"))
    user.sees(lambda: user.app.engine.asked)


def test_a_disk_that_fills_while_it_answers_costs_no_answer(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.engine_side import turns

    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    user = sit(reply())
    monkeypatch.setattr(turns.sounds, "write_wav", full)
    user.type("Speak.")
    user.hears_something()
    assert user.hears() > 0.9
    user.sees_notice("The disk is full: make room.")
    assert user.app.controller.turns[0].state is TurnState.DONE


@pytest.mark.parametrize("error", [RequestError("That was too long: say less."), ZeroDivisionError("secret words")])
def test_an_engine_that_raises_is_told_in_the_turn_which_can_be_tried_again(sit: Sit, error: Exception) -> None:
    user = sit([AnswerText("Well", 0), error], reply("Better."))
    user.say()
    user.sees(lambda: user.app.controller.turns and user.turn().retry.isVisible())
    problem = user.app.controller.turns[0].problem
    assert "secret" not in problem
    assert problem == str(error) or "Nothing you said is lost" in problem
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Better.")
    assert len(user.app.controller.turns) == 1


def test_an_engine_that_hangs_is_replaced(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    user = sit([AnswerText("Well", 0), gate.wait], reply("Again."))
    user.say()
    user.sees_word("Answering")
    monkeypatch.setattr(models, "HANGING_S", 0.2)
    user.sees_notice("The model has not answered for")
    assert user.window.talk_bar.word == "Stopped"
    monkeypatch.setattr(models, "HANGING_S", 60.0)
    user.press(user.window.talk_bar.lane.action)
    user.sees_word("Ready")
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Again.")
    gate.set()


def test_an_engine_that_dies_is_replaced(sit: Sit) -> None:
    user = sit([AnswerText("Well", 0), SystemExit(1)], reply("Again."))
    user.say()
    user.sees_notice("The engine stopped unexpectedly")
    assert user.window.talk_bar.word == "Stopped"
    user.press(user.window.talk_bar.lane.action)
    user.sees_word("Ready")
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Again.")


def test_diagnostics_hold_nothing_that_was_said(sit: Sit) -> None:
    error = ValueError("token 'marmalade' is odd:\n  marmalade")
    user = sit(reply("The answer is marmalade.", 0), [AnswerText("x", 0), error])
    logging.getLogger().addHandler(handler := log_handler(user.app.paths))
    user.app.engine.transcript = "is marmalade made of oranges"
    user.say()
    user.sees(lambda: user.app.controller.turns and "marmalade" in user.app.controller.turns[0].text)
    user.type("More marmalade?")
    user.sees(lambda: user.turn().retry.isVisible())
    user.window.menus.diagnostics.trigger()
    (sheet,) = user.window.findChildren(Message)
    user.press(user.word("Done", sheet))
    logging.getLogger().removeHandler(handler)
    handler.close()
    told = QGuiApplication.clipboard().text()
    assert "model: one, ready: True" in told
    assert "request answer failed" in told
    assert "\nValueError\n" in told + "\n"
    assert "marmalade" not in told
