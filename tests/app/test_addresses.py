"""Addresses by which other programs ask for something: read strictly, and done only when a person allows it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.addresses import MOST_CHARACTERS, Asked, is_address, read_address
from app.shown.talk import State
from app.widgets.controls.sheets import Question, TextSheet
from app.widgets.frame.window import TALK, TRANSCRIBE
from engine.errors import RequestError
from engine.samples import write_wav
from tests.app.user import Sit, User
from tests.fakes import SmallSynthesizer


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("earshot://talk", Asked()),
        ("EARSHOT:talk/", Asked()),
        ("earshot://transcribe?file=/music/a%20b.wav", Asked((Path("/music/a b.wav"),))),
        ("earshot://transcribe?file=/1.wav&file=file:///2%252.wav", Asked((Path("/1.wav"), Path("/2%2.wav")))),
        ("earshot://say?text=Good%20morning%21+You.", Asked(text="Good morning! You.")),
        ("earshot://say?text=%E4%BD%A0%E5%A5%BD", Asked(text="你好")),
    ],
)
def test_an_address_says_what_is_asked_for(address: str, asked: Asked) -> None:
    assert is_address(address)
    assert read_address(address) == asked


@pytest.mark.parametrize(
    "address",
    [
        "earshot://",
        "earshot://delete?file=/a.wav",
        "earshot://transcribe",
        "earshot://transcribe?file=",
        "earshot://transcribe?file=a.wav",
        "earshot://transcribe?file=https://example.org/a.wav",
        "earshot://transcribe?file=file://elsewhere/a.wav",
        "earshot://transcribe?file=/a%00.wav",
        "earshot://transcribe?file=//%5Ba.wav",
        "earshot://transcribe?" + "&".join(f"file=/{number}.wav" for number in range(200)),
        "earshot://say?text=%20",
        "earshot://say?text=%ff",
        "earshot://say?text=" + "a" * (MOST_CHARACTERS + 1),
        "earshot://[say",
        "https://talk",
    ],
)
def test_anything_else_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(RequestError, match=r"^Another program .*\.$"):
        read_address(address)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A second of sound."""
    path = tmp_path / "a b.wav"
    write_wav(path, np.zeros(16_000, np.float32), 16_000)
    return path


def open_address(user: User, address: str) -> None:
    user.window.answering_addresses.open(address)


def sheet_of(user: User, kind: type[Question] | type[TextSheet]) -> Question | TextSheet:
    user.sees(lambda: [sheet for sheet in user.window.findChildren(kind) if sheet.isVisible()])
    return next(sheet for sheet in user.window.findChildren(kind) if sheet.isVisible())


def script(user: User, tokens: int) -> None:
    """The model reads the next text with so many speech tokens, each of which is 40 ms of sound."""
    engine = user.app.engine
    engine.llm.scripts[:] = [[*[engine.vocabulary.speech[100]] * tokens, engine.vocabulary.eot]]
    engine.speaking.synthesizer = SmallSynthesizer  # type: ignore[method-assign]


def test_recordings_are_transcribed_only_when_a_person_says_so(sit: Sit, recording: Path) -> None:
    user = sit()
    open_address(user, f"earshot://transcribe?file={quote(str(recording))}")
    question = sheet_of(user, Question)
    assert recording.name in question.accessibleDescription()
    QTest.keyClick(question, Qt.Key.Key_Return)  # what a person does who did not look
    user.sees(lambda: not user.window.findChildren(Question))
    assert not user.app.controller.transcriber.jobs
    open_address(user, f"earshot://transcribe?file={quote(str(recording))}")
    user.press(sheet_of(user, Question).done_button)
    user.sees(lambda: [job.name for job in user.app.controller.transcriber.jobs] == [recording.name])
    assert user.window.page == TRANSCRIBE


def test_a_text_is_shown_before_it_is_read_aloud_and_can_be_silenced(sit: Sit) -> None:
    user = sit()
    script(user, 200)
    open_address(user, "earshot://say?text=Good%20morning.")
    sheet = sheet_of(user, TextSheet)
    assert sheet.editor.toPlainText() == "Good morning."
    user.press(sheet.done_button)
    user.sees(lambda: user.app.controller.state is State.SPEAKING)
    user.hears_something()
    user.escape()
    user.sees(lambda: user.app.controller.state is State.IDLE)
    assert user.silence()
    assert not user.app.controller.turns, "nothing of it is kept"


def test_after_a_text_was_read_the_window_rests(sit: Sit) -> None:
    user = sit()
    script(user, 20)
    user.app.controller.read_aloud("Good morning.")
    user.sees(lambda: user.app.controller.state is State.SPEAKING)
    assert user.hears() == pytest.approx(20 / 25, abs=0.1)


def test_what_cannot_be_read_or_done_is_said(sit: Sit) -> None:
    user = sit()
    open_address(user, "earshot://delete")
    user.sees_notice("something that it does not know")
    open_address(user, "earshot://talk")
    assert user.window.page == TALK
    user.app.controller.read_aloud(" ")
    user.sees_notice("no words in this text")
    user.sees(lambda: user.app.controller.state is State.IDLE)
