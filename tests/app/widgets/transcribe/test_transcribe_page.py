"""Recordings as cards: progress, result, edits, exports, and errors as sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.shown import JobState, JobView, SegmentView
from app.widgets.controls.buttons import TextButton
from app.widgets.transcribe.job_card import JobAction, JobCard
from app.widgets.transcribe.page import TranscribePage
from app.widgets.transcribe.segments import MOST_HEIGHT, stamp

SEGMENTS = (
    SegmentView(0, 6, "Thank you."),
    SegmentView(7, 21, "We started with one idea."),
    SegmentView(22, 31, "And so on."),
)
DONE = JobView("b", "interview.wav", JobState.DONE, 250, 1.0, segments=SEGMENTS)


@pytest.fixture
def said(page: TranscribePage) -> list[tuple[str, JobAction, object]]:
    heard: list[tuple[str, JobAction, object]] = []
    page.act.connect(lambda *what: heard.append(what))
    return heard


def test_a_running_recording_shows_how_far_it_is_and_how_long_it_takes(page: TranscribePage) -> None:
    page.show_job(JobView("a", "board-meeting.m4a", JobState.RUNNING, 6720, 0.38, 360))
    card = page.card("a")
    assert card.state_words == "38 % · 6 min left"
    assert card.length_words(6720) == "1 h 52 min"
    assert card.offered == {JobAction.CANCEL}


def test_segments_are_heard_by_a_click(page: TranscribePage, said: list[object], qtbot: QtBot) -> None:
    page.show_job(DONE)
    segments = page.card("b").segments
    index = segments.model().index(1, 0)
    qtbot.waitUntil(lambda: segments.visualRect(index).height() > 0)
    qtbot.mouseClick(segments.viewport(), Qt.MouseButton.LeftButton, pos=segments.visualRect(index).center())
    assert said == [("b", JobAction.PLAY, 1)]


def test_the_text_of_a_segment_can_be_edited(page: TranscribePage, said: list[object]) -> None:
    page.show_job(DONE)
    segments = page.card("b").segments
    segments.edit(segments.model().index(2, 0))
    editor = segments.findChild(QPlainTextEdit)
    assert editor is not None
    editor.setPlainText("And so it went on.")
    segments.commitData(editor)
    assert said == [("b", JobAction.EDIT, (2, "And so it went on."))]


def test_return_plays_the_chosen_segment(page: TranscribePage, said: list[object]) -> None:
    page.show_job(DONE)
    segments = page.card("b").segments
    segments.setCurrentIndex(segments.model().index(0, 0))
    QTest.keyClick(segments, Qt.Key.Key_Return)
    assert said == [("b", JobAction.PLAY, 0)]


def test_f2_edits_the_chosen_segment(page: TranscribePage) -> None:
    page.show_job(DONE)
    segments = page.card("b").segments
    segments.setFocus()
    segments.setCurrentIndex(segments.model().index(0, 0))
    QTest.keyClick(segments, Qt.Key.Key_F2)
    assert segments.findChild(QPlainTextEdit) is not None
    assert segments.editTriggers() == QAbstractItemView.EditTrigger.DoubleClicked, "Qt's own key differs on a Mac"


def test_new_segments_join_those_on_the_page(page: TranscribePage) -> None:
    page.show_job(JobView("c", "talk.mp3", JobState.RUNNING, 60, 0.2, segments=SEGMENTS[:1]))
    segments = page.card("c").segments
    resets: list[bool] = []
    segments.model().modelReset.connect(lambda: resets.append(True))
    page.show_job(JobView("c", "talk.mp3", JobState.RUNNING, 60, 0.8, segments=SEGMENTS))
    assert segments.model().rowCount() == 3
    assert resets == []


def test_thousands_of_segments_keep_the_card_small(page: TranscribePage) -> None:
    long = tuple(SegmentView(n, n + 1, f"Sentence number {n}.") for n in range(5000))
    page.show_job(JobView("d", "hours.wav", JobState.DONE, 5000, 1.0, segments=long))
    assert page.card("d").segments.sizeHint().height() == MOST_HEIGHT


def test_a_file_that_is_no_recording_gets_a_sentence_in_its_card(page: TranscribePage, said: list[object]) -> None:
    page.show_job(JobView("e", "notes.txt", JobState.FAILED, problem="“notes.txt” is not a recording."))
    card = page.card("e")
    assert card.problem_words == "“notes.txt” is not a recording."
    assert card.offered == {JobAction.RETRY, JobAction.REMOVE}
    card.press(JobAction.REMOVE)
    assert said == [("e", JobAction.REMOVE, None)]


def test_removed_recordings_leave_the_page(page: TranscribePage) -> None:
    page.show_jobs([DONE, JobView("x", "other.wav")])
    page.show_jobs([DONE])
    assert [job.key for job in page.jobs] == ["b"]
    assert [job.key for job in page.finished] == ["b"]


def test_a_finished_recording_can_be_asked_about_and_exported(page: TranscribePage, said: list[object]) -> None:
    page.show_job(DONE)
    card = page.card("b")
    assert card.offered == {JobAction.ASK, JobAction.EXPORT, JobAction.REMOVE}
    card.press(JobAction.ASK)
    assert said == [("b", JobAction.ASK, None)]


def test_pressing_the_place_to_drop_asks_for_files(page: TranscribePage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.open_requested):
        qtbot.mouseClick(page.drop_zone, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))


@pytest.mark.parametrize(("seconds", "words"), [(0, "00:00"), (67.9, "01:07"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_times_are_written_as_clocks(seconds: float, words: str) -> None:
    assert stamp(seconds) == words


def word(card: JobCard, text: str) -> TextButton:
    (button,) = (button for button in card.findChildren(TextButton) if button.text() == text)
    return button


@pytest.mark.parametrize("end", [JobState.CANCELLED, JobState.DONE, JobState.FAILED])
def test_a_row_whose_work_just_ended_keeps_its_place_for_the_press_that_was_meant_for_cancel(
    page: TranscribePage, said: list[object], end: JobState, qtbot: QtBot
) -> None:
    running = JobView("a", "talk.mp3", JobState.RUNNING, 60, 0.5)
    page.show_job(running)
    card = page.card("a")
    cancel = word(card, "Cancel")
    qtbot.waitUntil(lambda: cancel.isVisible() and cancel.width() > 0)
    place = cancel.mapTo(page, cancel.rect().center())
    page.show_job(replace(running, state=end))
    QApplication.sendPostedEvents()
    assert card.state_words == {JobState.CANCELLED: "Cancelled", JobState.DONE: "Done", JobState.FAILED: ""}[end]
    for _ in range(2):
        below = page.childAt(place)
        assert below is cancel
        qtbot.mouseClick(below, Qt.MouseButton.LeftButton)
    assert said == []
    card._settling.setInterval(0)  # two seconds are over
    qtbot.waitUntil(lambda: not cancel.isVisible() and word(card, "Remove").isVisible())
    card.press(JobAction.REMOVE)
    assert said == [("a", JobAction.REMOVE, None)]


def test_nothing_that_removes_takes_the_place_of_cancel(page: TranscribePage, qtbot: QtBot) -> None:
    running = JobView("a", "talk.mp3", JobState.RUNNING, 60, 0.5)
    page.show_job(running)
    card = page.card("a")
    cancel, remove = word(card, "Cancel"), word(card, "Remove")
    qtbot.waitUntil(lambda: cancel.width() > 0 and cancel.isVisible())
    place = cancel.geometry()
    page.show_job(replace(running, state=JobState.CANCELLED))
    card._settling.setInterval(0)
    qtbot.waitUntil(lambda: remove.isVisible() and not cancel.isVisible())
    QApplication.sendPostedEvents()
    assert not remove.geometry().intersects(place)
