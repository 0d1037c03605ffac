"""The queue: how far each recording is, what can be asked of it, and errors as sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.shown.transcribe import JobChoices, JobState, JobView, TextSegment
from app.widgets.transcribe.job_row import JobAction
from app.widgets.transcribe.page import TranscribePage
from app.widgets.transcribe.times import length_words, stamp

SEGMENTS = (
    TextSegment(0, 6, "Thank you.", "Speaker 1"),
    TextSegment(7, 21, "We started with one idea.", "Speaker 2"),
    TextSegment(22, 31, "And so on.", "Speaker 1"),
)
DONE = JobView("b", "interview.wav", JobState.DONE, 250, 1.0, segments=SEGMENTS)
RUNNING = JobView("a", "talk.mp3", JobState.RUNNING, 60, 0.5)


@pytest.fixture
def said(page: TranscribePage) -> list[tuple[str, JobAction, object]]:
    heard: list[tuple[str, JobAction, object]] = []
    page.act.connect(lambda *what: heard.append(what))
    return heard


def test_a_running_recording_shows_how_far_it_is_and_how_long_it_takes(page: TranscribePage) -> None:
    page.show_job(JobView("a", "board-meeting.m4a", JobState.RUNNING, 6720, 0.38, 360, segments=SEGMENTS))
    card = page.card("a")
    assert card.state_words == "38 % · 6 min left"
    assert card.meta_words == "1 h 52 min"
    assert card.offered == {JobAction.PAUSE, JobAction.CANCEL}


def test_a_finished_recording_says_how_much_was_said_and_by_how_many(page: TranscribePage, said: list[object]) -> None:
    page.show_job(DONE)
    card = page.card("b")
    assert card.meta_words == "4 min · 2 speakers · 10 words"
    assert card.offered == {JobAction.OPEN, JobAction.COPY, JobAction.EXPORT, JobAction.MORE}
    card.press(JobAction.OPEN)
    assert said == [("b", JobAction.OPEN, None)]


def test_a_file_that_is_no_recording_gets_a_sentence_in_its_row(page: TranscribePage, said: list[object]) -> None:
    page.show_job(JobView("e", "notes.txt", JobState.FAILED, problem="“notes.txt” is not a recording."))
    card = page.card("e")
    assert card.problem_words == "“notes.txt” is not a recording."
    assert card.offered == {JobAction.REMOVE}
    card.press(JobAction.REMOVE)
    assert said == [("e", JobAction.REMOVE, None)]


def test_the_text_of_a_cancelled_recording_can_be_read_and_exported(page: TranscribePage) -> None:
    page.show_job(replace(DONE, state=JobState.CANCELLED))
    assert {JobAction.OPEN, JobAction.EXPORT, JobAction.RETRY} <= page.card("b").offered
    assert [job.key for job in page.finished] == ["b"]


def test_one_that_waits_carries_its_own_choices(page: TranscribePage, said: list[object]) -> None:
    page.show_models([("", "Mini"), ("/models/starter", "Starter")])
    page.show_jobs([JobView("w", "talk.mp3", choices=JobChoices("zh", "en", 2))])
    choices = page.card("w").choices
    words = [button.text() for button in (choices.language, choices.translation, choices.speakers, choices.model)]
    assert words == ["Chinese", "Translate to English", "2 speakers", "Mini"]
    choices.language.pick("de")
    choices.model.pick("/models/starter")
    assert said[-1] == ("w", JobAction.CHOOSE, JobChoices("de", "en", 2, "/models/starter"))


def test_one_that_waits_for_another_model_says_so_and_offers_it(page: TranscribePage) -> None:
    page.show_models([("", "Mini"), ("/models/starter", "Starter")])
    page.show_jobs([JobView("w", "talk.mp3", choices=JobChoices(model="/models/starter"))])
    assert page.card("w").state_words == "Waits for Starter"
    assert JobAction.USE_MODEL in page.card("w").offered


def test_how_new_recordings_are_transcribed_is_chosen_above_them(page: TranscribePage, qtbot: QtBot) -> None:
    page.show_jobs([DONE])
    with qtbot.waitSignal(page.new_choices_changed) as changed:
        page.new_choices.speakers.pick(0)
    assert changed.args == [JobChoices(speakers=0)]


def test_what_is_worked_on_comes_first_then_those_that_wait_in_the_order_of_the_work(page: TranscribePage) -> None:
    waiting = [JobView(key, f"{key}.wav", JobState.WAITING) for key in ("third", "second", "first")]
    page.show_jobs([DONE, *waiting, RUNNING])
    assert [job.key for job in page.jobs] == ["a", "first", "second", "third", "b"]
    assert [page.card(key).place for key in ("first", "second", "third")] == ["1", "2", "3"]
    assert JobAction.UP not in page.card("first").offered
    assert JobAction.UP in page.card("third").offered


def test_removed_recordings_leave_the_page(page: TranscribePage) -> None:
    page.show_jobs([DONE, JobView("x", "other.wav")])
    page.show_jobs([DONE])
    assert [job.key for job in page.jobs] == ["b"]


def test_the_place_to_drop_is_alone_and_high_where_nothing_else_is(page: TranscribePage, qtbot: QtBot) -> None:
    page.show_jobs([])
    assert page.drop_zone.height() == 240
    assert not page.new_choices.isVisible()
    page.show_jobs([DONE])
    assert page.drop_zone.height() < 120
    with qtbot.waitSignal(page.open_requested):
        qtbot.mouseClick(page.drop_zone.choose, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(("seconds", "words"), [(0, "00:00"), (67.9, "01:07"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_times_are_written_as_clocks(seconds: float, words: str) -> None:
    assert stamp(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(31, "31 s"), (250, "4 min"), (6720, "1 h 52 min")])
def test_lengths_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert length_words(seconds) == words


@pytest.mark.parametrize("end", [JobState.CANCELLED, JobState.DONE, JobState.FAILED])
def test_a_row_whose_work_just_ended_keeps_its_place_for_the_press_that_was_meant_for_cancel(
    page: TranscribePage, said: list[object], end: JobState, qtbot: QtBot
) -> None:
    page.show_jobs([RUNNING, DONE])
    card, others = page.card("a"), [job.key for job in page.jobs]
    cancel = card.button(JobAction.CANCEL)
    qtbot.waitUntil(lambda: cancel.isVisible() and cancel.width() > 0)
    place = cancel.mapTo(page, cancel.rect().center())
    page.show_job(replace(RUNNING, state=end))
    QApplication.sendPostedEvents()
    assert [job.key for job in page.jobs] == others
    for _ in range(2):
        below = page.childAt(place)
        assert below is cancel
        qtbot.mouseClick(below, Qt.MouseButton.LeftButton)
    assert said == []
    card._settling.setInterval(0)  # two seconds are over
    qtbot.waitUntil(lambda: not cancel.isVisible() and card.button(JobAction.MORE).isVisible())


def test_no_cross_that_removes_comes_where_cancel_was(page: TranscribePage, qtbot: QtBot) -> None:
    page.show_job(RUNNING)
    card = page.card("a")
    page.show_job(replace(RUNNING, state=JobState.FAILED, problem="It is damaged."))
    card._settling.setInterval(0)
    qtbot.waitUntil(lambda: card.button(JobAction.MORE).isVisible())
    assert not card.button(JobAction.REMOVE).isVisible()


def test_a_page_that_is_all_in_sight_does_not_scroll(page: TranscribePage) -> None:
    waiting = JobView("", "lecture.m4a", JobState.WAITING, 60, choices=JobChoices("zh", "en"))
    page.show_jobs([replace(waiting, key=str(number)) for number in range(4)])
    QApplication.processEvents()
    assert page.widget().heightForWidth(page.viewport().width()) < page.viewport().height()
    assert page.verticalScrollBar().maximum() == 0
