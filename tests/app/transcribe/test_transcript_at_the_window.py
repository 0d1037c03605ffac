"""A transcript is a place: the real window with the real controller; only engine and sound card are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from app.shown.talk import State
from app.shown.transcribe import JobChoices, JobState
from app.talk import recorder
from app.widgets.frame.conversation_list import ConversationListModel
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.transcribe import job_row
from app.widgets.transcribe.job_row import JobAction
from app.widgets.transcribe.segment_editors import NameEditor, SegmentEditor
from engine.events import AnswerText
from tests.app.conftest import Running
from tests.app.fakes import reply, scripted
from tests.app.transcribe.test_transcriber import Steps, recordings, states, steps
from tests.app.user import User

pytestmark = pytest.mark.slow

__all__ = ["recordings", "steps"]  # the fixtures

Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows settle at once, and no press of a test is so short that it would lock."""
    monkeypatch.setattr(job_row, "SETTLING_MS", 0)
    monkeypatch.setattr(recorder, "TAP_S", 0.0)


@pytest.fixture
def reader(start: Start, steps: Steps, recordings: list[Path]) -> User:
    """Somebody who has had two recordings transcribed and opens the first."""
    steps.speakers = ("Speaker 1", "Speaker 2")
    user = User(start(scripted(reply("Yes.", 0)), language="en"))
    user.drop(recordings[0], recordings[1])
    user.sees(lambda: states(user.app) == [JobState.DONE] * 2)
    user.sees(lambda: JobAction.OPEN in user.cards()["first.wav"].offered)
    user.press(user.cards()["first.wav"].button(JobAction.OPEN))
    assert user.window.header.title == "first"
    return user


def entries(user: User) -> list[str]:
    model = user.window.sidebar.conversations.model()
    assert isinstance(model, ConversationListModel)
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def edit(user: User, row: int, text: str) -> None:
    user.window.transcript.segments.edit_row(row)
    (editor,) = (each for each in user.window.findChildren(SegmentEditor) if each.isVisible())
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def texts(user: User) -> list[str]:
    return [segment.text for segment in user.window.transcript.segments.segments.segments]


def test_space_plays_here_and_letting_go_of_it_does_nothing(reader: User) -> None:
    reader.hold_space()
    reader.let_go()
    reader.hears_something()
    assert reader.app.controller.player.playing
    assert reader.app.sound.input is None or not reader.app.controller._sound.microphone.recording
    reader.hold_space()
    reader.let_go()
    assert reader.silence()
    assert not reader.app.controller.player.playing
    assert reader.app.controller.state is State.IDLE
    assert 0.0 < reader.app.controller.player.position_s < 2.0, "it stays where it is"


def test_a_recording_is_played_to_its_end_from_where_one_clicks_and_twice_as_fast(reader: User) -> None:
    page, player = reader.window.transcript, reader.app.controller.player
    page.player.speed.pick(2.0)
    page.segments.seek_wanted.emit(1)
    assert player.position_s == pytest.approx(1.0, abs=0.01)
    reader.press(page.player.play)
    assert reader.hears() == pytest.approx(0.5, abs=0.1)
    assert player.position_s == pytest.approx(2.0, abs=0.05)
    assert page.segments.segments.playing == 1


def test_what_plays_gives_way_to_talking(reader: User) -> None:
    reader.press(reader.window.transcript.player.play)
    reader.hears_something()
    reader.window.show_page(TALK)
    assert reader.silence()
    reader.say()
    reader.sees(lambda: reader.app.controller.turns and reader.app.controller.turns[-1].answer == "Yes.")


def test_edits_are_undone_by_name_and_survive_a_restart(reader: User, start: Start) -> None:
    edit(reader, 0, "One, corrected")
    edit(reader, 1, "Two, wrong")
    assert texts(reader) == ["One, corrected", "Two, wrong"]
    assert reader.window.menus.undo.text() == "Undo Edit Text"
    reader.window.menus.undo.trigger()
    assert texts(reader) == ["One, corrected", "two"]
    reader.app.controller.shutdown()
    again = start()
    assert [s.text for s in again.controller.transcriber.jobs[1].segments] == ["One, corrected", "two"]


def test_a_speaker_is_renamed_everywhere_and_stays_so(reader: User, start: Start, tmp_path: Path) -> None:
    reader.window.transcript.segments.name_speaker(1)
    (name,) = reader.window.findChildren(NameEditor)
    QTest.keyClicks(name, "Mara")
    QTest.keyClick(name, Qt.Key.Key_Return)
    key = reader.window.transcript_key
    reader.app.controller.transcriber.export(key, tmp_path / "out.json")
    reader.app.wait((tmp_path / "out.json").exists)
    said = json.loads((tmp_path / "out.json").read_text())["segments"]
    assert [each["speaker"] for each in said] == ["Speaker 1", "Mara"]
    reader.app.controller.shutdown()
    again = start()
    assert again.controller.transcriber.jobs[1].name_of("Speaker 2") == "Mara"
    again.controller.recording_commands.name_speaker(key, "Speaker 2", "")
    again.controller.undo_history.undo()
    assert again.controller.transcriber.jobs[1].name_of("Speaker 2") == "Mara"


def test_all_is_replaced_at_once_and_undone_at_once(reader: User) -> None:
    edit(reader, 1, "one and one")
    reader.window.menus.replace.trigger()
    page = reader.window.transcript
    assert QApplication.focusWidget() is page.find_field
    QTest.keyClicks(page.find_field, "one")
    assert page.find_field.count_words == "1 of 3"
    reader.window.menus.next_hit.trigger()
    assert page.find_field.count_words == "2 of 3"
    page.replace.field.setText("three")
    reader.press(page.replace.all)
    assert texts(reader) == ["three", "three and three"]
    reader.escape()
    reader.escape()
    reader.window.menus.undo.trigger()
    assert texts(reader) == ["one", "one and one"]


def test_everything_is_copied_and_said_to_be(reader: User) -> None:
    reader.press(reader.window.recordings.copy_all)
    assert QGuiApplication.clipboard().text().splitlines() == ["0:00 Speaker 1: one", "0:01 Speaker 2: two"]
    assert reader.window.recordings.copy_all.text() == "Copied"
    reader.window.transcript.side.times.click()
    reader.window.transcript.side.speakers.click()
    reader.window.menus.copy_answer.trigger()
    assert QGuiApplication.clipboard().text().splitlines() == ["one", "two"]


def test_an_export_says_where_it_went_and_the_next_one_begins_there(
    reader: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "texts"
    elsewhere.mkdir()
    offered: list[str] = []

    def choose(_parent: object, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        offered.append(name)
        return str(elsewhere / Path(name).name), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    side = reader.window.transcript.side
    reader.press(side.formats["srt"])
    reader.sees(lambda: side.said == "Saved as first.srt")
    assert (elsewhere / "first.srt").exists()
    reader.press(side.formats["md"])
    assert [Path(name).parent for name in offered] == [tmp_path, elsewhere]


def test_an_export_that_fails_says_so_where_one_is(
    reader: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "first.wav" / "first.txt"), ""))
    side = reader.window.transcript.side
    reader.press(side.formats["txt"])
    reader.sees(lambda: side.said)
    assert not side.said.startswith("Saved")


def test_the_data_is_whole(reader: User, tmp_path: Path) -> None:
    edit(reader, 0, "This is the one.")
    reader.app.controller.transcriber.export(reader.window.transcript_key, tmp_path / "out.json")
    reader.app.wait((tmp_path / "out.json").exists)
    value = json.loads((tmp_path / "out.json").read_text())
    assert value["model"] == "one"
    assert value["language"] == "en"
    assert all(each["end"] <= value["duration"] for each in value["segments"])


def test_recordings_are_in_the_sidebar_and_searched_with_the_conversations(reader: User) -> None:
    assert entries(reader) == ["Today", "second", "first"]
    edit(reader, 0, "The budget is small")
    reader.window.show_page(TALK)
    reader.type("What about the budget?")
    reader.sees(lambda: reader.app.controller.turns and reader.app.controller.state is State.IDLE)
    search = reader.window.sidebar.search
    search.setFocus()
    QTest.keyClicks(search, "budg")
    reader.sees(lambda: entries(reader) == ["Conversations", "What about the budget?", "Recordings", "first"])
    listing = reader.window.sidebar.conversations
    place = listing.visualRect(listing.model().index(3, 0)).center()
    QTest.mouseClick(listing.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert reader.window.header.title == "first"


def test_what_nothing_was_said_with_is_never_stale_and_escape_empties_the_field(reader: User) -> None:
    sidebar, search = reader.window.sidebar, reader.window.sidebar.search
    reader.window.menus.search.trigger()
    assert QApplication.focusWidget() is search
    QTest.keyClicks(search, "zz")
    reader.sees(lambda: sidebar.message == "Nothing was said with “zz”.")
    QTest.keyClicks(search, "zz")
    assert sidebar.message == "Nothing was said with “zzzz”."
    search.setText("tw")
    assert sidebar.message == ""
    reader.sees(lambda: entries(reader) == ["Recordings", "second", "first"])
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert entries(reader) == ["Today", "second", "first"]
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is not search


def test_one_that_waits_has_choices_of_its_own(start: Start, steps: Steps, recordings: list[Path]) -> None:
    user = User(start(scripted(), language="en", job_language="zh"))
    steps.gate.clear()
    user.drop(*recordings)
    user.sees(lambda: len(user.cards()) == 3 and states(user.app)[2] is JobState.RUNNING)
    user.cards()["third.wav"].choices.translation.pick("en")
    user.cards()["second.wav"].choices.speakers.pick(0)
    user.press(user.cards()["third.wav"].button(JobAction.UP))
    user.app.controller.transcriber.choose_for_new(JobChoices())
    steps.gate.set()
    user.sees(lambda: states(user.app) == [JobState.DONE] * 3)
    assert steps.calls == ["first.wav", "third.wav", "second.wav"]
    asked = [(each.language, each.translate_to, each.speakers) for each in steps.options]
    assert asked == [("zh", "", None), ("zh", "en", None), ("zh", "", 0)]


def test_one_for_another_model_waits_until_that_is_in_use(start: Start, steps: Steps, recordings: list[Path]) -> None:
    user = User(start(scripted(), language="en"))
    steps.gate.clear()
    user.drop(*recordings[:2])
    user.sees(lambda: states(user.app)[1:] == [JobState.RUNNING])
    row = user.cards()["second.wav"]
    row.choices.model.pick("two")
    steps.gate.set()
    user.sees(lambda: states(user.app)[1] is JobState.DONE)
    assert states(user.app)[0] is JobState.WAITING
    assert row.state_words == "Waits for two"
    user.press(row.button(JobAction.USE_MODEL))
    user.sees(lambda: states(user.app) == [JobState.DONE] * 2)
    assert user.app.engine.loads[-1] == Path("two")


def test_a_paused_one_is_resumed_where_it_stopped(start: Start, steps: Steps, recordings: list[Path]) -> None:
    user = User(start(scripted(), language="en"))
    steps.gate.clear()
    user.window.show_page(TRANSCRIBE)
    user.drop(recordings[0])
    user.sees(lambda: states(user.app) == [JobState.RUNNING] and steps.calls)
    user.press(user.cards()["first.wav"].button(JobAction.PAUSE))
    assert user.cards()["first.wav"].state_words == "Paused"
    steps.gate.set()
    user.sees(lambda: JobAction.RETRY in user.cards()["first.wav"].offered)
    user.press(user.cards()["first.wav"].button(JobAction.RETRY))
    user.sees(lambda: states(user.app) == [JobState.DONE])
    assert steps.resumed == [True, True]


def test_the_queue_is_cleared_of_what_is_done_and_the_texts_stay(reader: User) -> None:
    reader.window.show_page(TRANSCRIBE)
    reader.press(reader.window.recordings.clear_finished)
    assert reader.cards() == {}
    reader.sees(lambda: entries(reader) == ["Today", "second", "first"])
    reader.press(reader.window.toast.undo_button)
    assert list(reader.cards()) == ["second.wav", "first.wav"]


def test_a_question_is_answered_beside_the_text_and_a_summary_is_kept(reader: User, start: Start) -> None:
    engine, side = reader.app.engine, reader.window.transcript.side
    engine.scripts = [[AnswerText("At 00:01.", 0)], [AnswerText("- One and two.", 0)]]
    side.question.setText("When was two?")
    QTest.keyClick(side.question, Qt.Key.Key_Return)
    reader.sees(lambda: side.answer.words == "At 00:01.")
    asked = engine.asked[-1].text
    assert "0:01 Speaker 2: two" in asked
    assert asked.endswith("When was two?")
    reader.press(side.summarise)
    reader.sees(lambda: side.summary.words == "- One and two.")
    reader.sees(lambda: not side.summarise.isVisible())
    reader.app.controller.shutdown()
    assert start().controller.transcriber.jobs[1].summary == "- One and two."


def test_a_removed_recording_leaves_its_page_and_comes_back(reader: User) -> None:
    key = reader.window.transcript_key
    reader.window.sidebar.conversations.recording_removed.emit(key)
    assert reader.window.page == TRANSCRIBE
    assert reader.window.transcript_key == ""
    reader.sees(lambda: entries(reader) == ["Today", "second"])
    reader.press(reader.window.toast.undo_button)
    reader.sees(lambda: entries(reader) == ["Today", "second", "first"])
