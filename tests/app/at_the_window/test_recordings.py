"""Recordings dropped on the real window: transcribed, and asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.transcribe.job_row import JobAction
from engine.samples import read
from tests.app.fakes import reply
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit

pytestmark = pytest.mark.slow


def test_three_files_and_a_bad_one_are_dropped(sit: Sit, steps: Steps, recordings: list[Path]) -> None:  # noqa: F811
    user = sit(reply("Now.", 0))
    bad = recordings[0].with_name("notes.txt")
    bad.write_text("not a recording")
    steps.gate.clear()
    user.drop(*recordings, bad)
    assert user.window.page == TRANSCRIBE
    user.sees(lambda: len(user.cards()) == 4 and user.cards()["first.wav"].state_words.startswith("50 %"))
    assert user.cards()["first.wav"].job.segments
    assert "notes.txt" in user.cards()["notes.txt"].problem_words
    assert [card.state_words for card in user.cards().values()][1:3] == ["Waiting", "Waiting"]
    user.window.show_page(TALK)
    user.type("Quick?")  # a turn goes first
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Now.")
    user.window.show_page(TRANSCRIBE)
    steps.gate.set()
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", "", "", ""])
    user.sees(lambda: list(user.cards()) == ["notes.txt", "third.wav", "second.wav", "first.wav"])
    more = recordings[0].with_name("more.wav")
    more.write_bytes(recordings[0].read_bytes())
    user.drop(more)
    user.sees(lambda: len(user.cards()) == 5)
    assert next(iter(user.cards())) == "more.wav", "the newest one is on top"


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_model_that_cannot_answer_about_recordings_says_so(
    sit: Sit,
    recordings: list[Path],  # noqa: F811
    demonstration: bool,
) -> None:
    user = sit(reply("I do not know that.", 0))
    user.app.controller._models.about = {"demonstration": demonstration}
    user.window.show_page(TALK)
    user.drop(recordings[0])
    user.sees(lambda: user.window.talk_bar.attachment == "About first.wav")
    assert ("cannot answer about recordings" in user.window.talk_bar.notice) == demonstration


def test_a_recording_is_asked_about(sit: Sit, steps: Steps, recordings: list[Path]) -> None:  # noqa: F811
    user = sit(reply("A tone.", 0))
    user.drop(recordings[0], recordings[1])
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", ""])
    card = user.cards()["first.wav"]
    user.sees(lambda: JobAction.MORE in card.offered)
    user.press(card.button(JobAction.MORE))
    user.choose("Ask about this recording")
    assert user.window.page == TALK
    assert user.window.talk_bar.attachment == "About first.wav"
    user.type("What is it?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "A tone.")
    assert user.window.talk_bar.attachment == ""
    asked = user.app.engine.asked[0]
    assert asked.text == "What is it?"
    assert asked.samples_16k is not None
    assert np.allclose(asked.samples_16k, read(recordings[0]), atol=1e-3)
    assert user.app.controller.turns[0].attachment == "first.wav"


def test_a_recording_dropped_on_the_conversation_is_heard_before_the_spoken_question(
    sit: Sit,
    recordings: list[Path],  # noqa: F811
) -> None:
    user = sit(reply("Aha.", 0))
    user.drop(recordings[0])
    assert user.window.page == TALK
    user.say(1.0)
    user.sees(lambda: user.app.engine.asked)
    samples = user.app.engine.asked[0].samples_16k
    assert samples is not None
    assert np.allclose(samples[: 2 * 16_000], read(recordings[0]), atol=1e-3)
    assert len(samples) == pytest.approx((2.0 + 0.5 + 1.0) * 16_000, abs=4_000)
    user.drop(recordings[1])
    user.press(user.window.talk_bar.box._remove)
    user.type("And without it?")
    user.sees(lambda: len(user.app.engine.asked) == 2)
    assert user.app.engine.asked[1].samples_16k is None


def test_a_question_typed_about_a_file_that_cannot_be_read_stays(sit: Sit, tmp_path: Path) -> None:
    user = sit()
    broken = tmp_path / "notes.wav"
    broken.write_text("no sound")
    user.drop(broken)
    user.type("What is it about?")
    user.sees_notice("notes.wav")
    assert user.window.talk_bar.field.text() == "What is it about?"
    assert user.window.talk_bar.attachment == "About notes.wav"
    assert user.app.controller.turns == ()
