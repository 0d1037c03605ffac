"""A journalist's afternoon, in the real window with the starter model and a virtual sound card.

Six recordings transcribed with speakers, the speakers named, a passage corrected, questions asked, everything exported,
a recording removed and brought back, quit, start: nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.transcribe.job_row import JobAction
from tests.app.real_app import sound_card
from tests.app.virtual_sound import VirtualSound
from tests.quality.window_story import WAIT_S, Pictures, Protagonist, record

RECORDINGS = {
    "Mayor.wav": [
        ("rms", "How much will the new bridge cost the city?"),
        ("slt", "We expect to pay about four million over two years."),
        ("rms", "And when will the first cars drive over it?"),
        ("slt", "Next summer, if the weather is good to us."),
    ],
    "Teacher.wav": [
        ("rms", "How many children are in your school today?"),
        ("slt", "There are three hundred children and twenty teachers."),
        ("rms", "What do they need most of all?"),
        ("slt", "They need books, a garden and a little more time."),
    ],
    "Baker.wav": [("slt", "I get up at three in the morning and bake until seven.")],
    "Street corner.wav": [("rms", "The market opens at nine and the first people are waiting.")],
    "Farmer.wav": [("slt", "The rain came late this year, so the apples are small.")],
    "Notes.wav": [("rms", "Call the mayor on monday and ask about the money for the bridge.")],
}
INTERVIEW = "Mayor.wav"
CORRECTED = "How much will the new bridge cost the taxpayer?"
FORMATS = ("txt", "srt", "vtt", "json", "md")


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualSound]:
    with sound_card(tmp_path) as card:
        yield card


def test_a_journalists_afternoon_loses_nothing(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine gets the time it needs
    home, pictures = tmp_path / "home", Pictures("journalists-afternoon")
    user = Protagonist(qapp, qtbot, card, home, pictures)
    user.press(user.word("Not now"))
    transcribe_six(user, tmp_path)
    name_and_correct(user)
    answers = ask(user)
    files = export(user, tmp_path, monkeypatch)
    remove_and_undo(user)
    texts = user.texts
    user.quit()

    user = Protagonist(qapp, qtbot, card, home, pictures)
    assert user.texts == user.stored_texts == texts
    assert tuple(name for _, name in texts[INTERVIEW][1]) == ("Reporter", "Mayor")
    user.window.show_page(TRANSCRIBE)
    user.picture("started-again")
    for key, turns in answers.items():
        user.app.controller.open_conversation(key)
        assert user.shown == user.stored == turns
    assert {file: file.read_bytes() for file in files} == files
    user.quit()


def transcribe_six(user: Protagonist, folder: Path) -> None:
    """Drop a folder of recordings, with speaker labels wanted."""
    recordings = folder / "Recordings"
    recordings.mkdir()
    for name, lines in RECORDINGS.items():
        record(recordings / name, lines)
    user.window.show_page(TRANSCRIBE)
    user.window.transcribe.new_choices.speakers.pick(0)
    user.drop(*sorted(recordings.glob("*.wav")))
    user.sees(lambda: len(user.window.transcribe.jobs) == len(RECORDINGS))
    user.picture("six-recordings-wait")
    user.wait_for_texts(len(RECORDINGS))
    user.picture("six-texts")
    assert all(words for words, _ in user.texts.values())


def name_and_correct(user: Protagonist) -> None:
    """Give the two people of an interview their names, and mend a sentence."""
    user.press(user.cards()[INTERVIEW].button(JobAction.OPEN))
    user.picture("an-interview")
    segments = user.window.transcript.segments.segments.segments
    labels = list(dict.fromkeys(segment.speaker for segment in segments))
    assert len(labels) == 2, "two people talk in it"
    for name, label in zip(("Reporter", "Mayor"), labels, strict=True):
        user.name_speaker([segment.speaker for segment in segments].index(label), name)
    user.picture("speakers-are-named")
    user.edit(0, CORRECTED)
    user.sees(lambda: user.texts[INTERVIEW][0][0] == (labels[0], CORRECTED))
    assert user.find("taxpayer") == "1 of 1"
    user.picture("found")
    QTest.keyClick(user.window.transcript.find_field, Qt.Key.Key_Escape)


def ask(user: Protagonist) -> dict[str, list[tuple[str, str]]]:
    """Ask about two recordings, each in a conversation of its own, and look for a word in all texts.

    The starter model answers about the recording itself; questions about a text are for larger models.
    """
    answers: dict[str, list[tuple[str, str]]] = {}
    for name in ("Baker.wav", "Notes.wav"):
        user.window.show_page(TRANSCRIBE)
        user.cards()[name].press(JobAction.MORE)
        user.choose("Ask about this recording")
        assert user.window.page == TALK
        assert user.app.controller.attachment == name
        user.picture("a-question-about-a-recording")
        user.type("what is said here")
        user.person.wait(lambda: len(user.app.controller.turns) == 1, WAIT_S)
        user.settle()
        answers[user.app.controller.conversation.key] = user.shown
        assert user.stored == user.shown
    user.picture("answers-about-recordings")
    user.window.sidebar.search.setText("taxpayer")
    user.sees(lambda: "Mayor" in user.saved)
    user.picture("searched-everything")
    user.window.sidebar.search.clear()
    assert len(answers) == 2
    return answers


def export(user: Protagonist, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, bytes]:
    """The interview in every format, and all texts into a folder. Returns the files with what is in them."""
    taken = folder / "Exported"
    taken.mkdir()
    user.window.show_page(TRANSCRIBE)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(taken))
    user.press(user.window.recordings.export_all)
    user.choose("Subtitles (.srt)")
    user.sees(lambda: len(list(taken.glob("*.srt"))) == len(RECORDINGS))
    user.press(user.cards()[INTERVIEW].button(JobAction.OPEN))
    side = user.window.transcript.side
    for kind in FORMATS:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, k=kind: (str(taken / f"Interview.{k}"), ""))
        user.press(side.formats[kind])
        user.sees(lambda k=kind: side.said == f"Saved as Interview.{k}")
    user.picture("exported")
    for kind in FORMATS:
        text = (taken / f"Interview.{kind}").read_text()
        assert "taxpayer" in text, kind
        assert "Reporter" in text, kind
    json.loads((taken / "Interview.json").read_text())
    return {file: file.read_bytes() for file in sorted(taken.iterdir())}


def remove_and_undo(user: Protagonist) -> None:
    """Remove a recording, and bring it back."""
    before = user.texts
    user.window.show_page(TRANSCRIBE)
    user.cards()["Farmer.wav"].press(JobAction.MORE)
    user.choose("Remove")
    user.sees(lambda: "Farmer.wav" not in user.texts)
    user.picture("removed")
    user.press(user.window.toast.undo_button)
    user.sees(lambda: user.texts == before)
