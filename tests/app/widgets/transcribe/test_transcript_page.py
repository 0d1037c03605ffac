"""A transcript: read and heard, searched, corrected in place, its speakers named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.shown.transcribe import JobState, JobView, TextSegment
from app.widgets.transcribe.segment_editors import NameEditor, SegmentEditor
from app.widgets.transcribe.segment_painter import Part
from app.widgets.transcribe.transcript_page import TranscriptPage

SAID = ("The budget is small.", "Could we wait a year?\nThe budget starts anew.", "No.", "A new budget, then.")
JOB = JobView(
    "b",
    "meeting.m4a",
    JobState.DONE,
    40,
    segments=tuple(TextSegment(10 * n, 10 * n + 9, text, f"Speaker {1 + n % 2}") for n, text in enumerate(SAID)),
)
MANY = replace(JOB, key="m", segments=tuple(TextSegment(n, n + 1, f"Sentence number {n}. " * 9) for n in range(10_000)))


@pytest.fixture
def transcript(qtbot: QtBot) -> TranscriptPage:
    page = TranscriptPage()
    qtbot.addWidget(page)
    page.resize(872, 700)
    page.show()
    page.activateWindow()
    page.show_job(JOB)
    page.show_player(0.0, 40, playing=False)
    qtbot.waitUntil(page.isActiveWindow)
    return page


@pytest.fixture
def edited(transcript: TranscriptPage) -> list[dict[int, str]]:
    texts: list[dict[int, str]] = []
    transcript.edited.connect(texts.append)
    return texts


def place(page: TranscriptPage, row: int, part: Part) -> QPoint:
    """Where the mouse has to be for a part of a segment."""
    box: QRect = page.segments.visualRect(page.segments.segments.index(row))
    points = (QPoint(x, y) for y in range(box.top(), box.bottom(), 3) for x in range(box.left(), box.right(), 3))
    return next(at for at in points if page.segments._part_at(at) == (row, part)) + QPoint(4, 4)


def click(page: TranscriptPage, row: int, part: Part) -> None:
    QTest.mouseClick(page.segments.viewport(), Qt.MouseButton.LeftButton, pos=place(page, row, part))


def editor(page: TranscriptPage) -> SegmentEditor:
    (found,) = page.segments.findChildren(SegmentEditor)
    return found


def edit(page: TranscriptPage, row: int) -> SegmentEditor:
    QTest.mouseDClick(page.segments.viewport(), Qt.MouseButton.LeftButton, pos=place(page, row, Part.WORDS))
    return editor(page)


def test_a_click_on_a_time_goes_there(transcript: TranscriptPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(transcript.seek_wanted) as sought:
        click(transcript, 2, Part.TIME)
    assert sought.args == [20.0]


def test_words_are_edited_by_a_double_click_that_never_plays(
    transcript: TranscriptPage, edited: list[dict[int, str]]
) -> None:
    heard: list[float] = []
    transcript.seek_wanted.connect(heard.append)
    transcript.toggle_wanted.connect(lambda: heard.append(-1.0))
    typed = edit(transcript, 2)
    assert typed.toPlainText() == "No."
    typed.selectAll()
    QTest.keyClicks(typed, "Not now.")
    QTest.keyClick(typed, Qt.Key.Key_Return)
    assert edited == [{2: "Not now."}]
    assert heard == []
    assert not transcript.segments.editing


def test_shift_return_breaks_the_line_and_escape_leaves_everything_as_it_was(
    transcript: TranscriptPage, edited: list[dict[int, str]]
) -> None:
    typed = edit(transcript, 2)
    QTest.keyClick(typed, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(typed, "Never.")
    assert typed.toPlainText() == "No.\nNever."
    QTest.keyClick(typed, Qt.Key.Key_Escape)
    assert edited == []
    assert not transcript.segments.editing


def test_a_click_elsewhere_saves(transcript: TranscriptPage, edited: list[dict[int, str]]) -> None:
    typed = edit(transcript, 2)
    QTest.keyClicks(typed, " Never.")
    QTest.mouseClick(transcript.player, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert edited == [{2: "No. Never."}]


def test_the_whole_of_what_is_edited_is_in_sight(transcript: TranscriptPage) -> None:
    typed = edit(transcript, 1)
    before = transcript.segments.visualRect(transcript.segments.segments.index(2)).top()
    for _ in range(3):
        QTest.keyClick(typed, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert typed.verticalScrollBar().maximum() == 0
    assert transcript.segments.visualRect(transcript.segments.segments.index(2)).top() == before + 3 * 24


def test_the_caret_and_the_words_stay_while_more_is_transcribed(transcript: TranscriptPage) -> None:
    typed = edit(transcript, 1)
    QTest.keyClicks(typed, " Really.")
    more = TextSegment(40, 49, "And more.", "Speaker 1")
    transcript.show_job(replace(JOB, segments=(*JOB.segments, more)))
    transcript.show_player(31.0, 50, playing=True)
    assert editor(transcript).toPlainText().endswith(" Really.")
    assert transcript.segments.segments.rowCount() == 5


def test_a_click_on_a_name_renames_that_speaker(transcript: TranscriptPage, qtbot: QtBot) -> None:
    click(transcript, 1, Part.NAME)
    (name,) = transcript.segments.findChildren(NameEditor)
    QTest.keyClicks(name, "Mara")
    with qtbot.waitSignal(transcript.speaker_named) as named:
        QTest.keyClick(name, Qt.Key.Key_Return)
    assert named.args == ["Speaker 2", "Mara"]
    transcript.show_job(replace(JOB, names=(("Speaker 2", "Mara"),)))
    model = transcript.segments.segments
    spoken = [str(model.data(model.index(row), Qt.ItemDataRole.AccessibleTextRole)) for row in (1, 3)]
    assert spoken[0].startswith("00:10, Mara: Could")
    assert spoken[1].startswith("00:30, Mara: A new")


def test_without_speakers_there_are_no_names_and_less_room_is_taken(transcript: TranscriptPage) -> None:
    high = transcript.segments.visualRect(transcript.segments.segments.index(2)).height()
    transcript.show_job(replace(JOB, key="c", segments=tuple(replace(each, speaker="") for each in JOB.segments)))
    assert transcript.segments.visualRect(transcript.segments.segments.index(2)).height() < high
    assert not transcript.side.speakers.isVisible()


def hits(page: TranscriptPage) -> Iterator[tuple[int, int]]:
    for row in range(page.segments.segments.rowCount()):
        yield from ((hit.row, hit.start) for hit in page.segments.segments.hits(row))


def test_words_are_found_and_gone_through(transcript: TranscriptPage) -> None:
    transcript.find_field.setText("Budget")
    assert transcript.find_field.count_words == "1 of 3"
    assert [row for row, _ in hits(transcript)] == [0, 1, 3]
    QTest.keyClick(transcript.find_field, Qt.Key.Key_Return)
    assert transcript.find_field.count_words == "2 of 3"
    QTest.keyClick(transcript.find_field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(transcript.find_field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert transcript.find_field.count_words == "3 of 3", "around the beginning"
    assert len(transcript.player.wave.dots) == 3


def test_what_is_not_found_is_said_in_the_field_and_nothing_moves(transcript: TranscriptPage) -> None:
    transcript.show_job(MANY)
    bar = transcript.segments.verticalScrollBar()
    bar.setValue(5000)
    before = bar.value()
    transcript.find_field.setText("zzzz")
    assert transcript.find_field.count_words == "Not found"
    assert bar.value() == before


def test_escape_empties_the_find_field_and_then_leaves_it(transcript: TranscriptPage, qtbot: QtBot) -> None:
    transcript.find_field.setText("budget")
    QTest.keyClick(transcript.find_field, Qt.Key.Key_Escape)
    assert transcript.find_field.text() == ""
    assert list(hits(transcript)) == []
    with qtbot.waitSignal(transcript.find_field.left):
        QTest.keyClick(transcript.find_field, Qt.Key.Key_Escape)


def test_found_words_are_replaced_one_by_one_and_all_at_once(
    transcript: TranscriptPage, edited: list[dict[int, str]]
) -> None:
    transcript.start_find(replacing=True)
    transcript.find_field.setText("budget")
    transcript.replace.field.setText("money")
    transcript.replace.one.click()
    assert edited.pop() == {0: "The money is small."}
    transcript.replace.all.click()
    assert edited.pop() == {
        0: "The money is small.",
        1: "Could we wait a year?\nThe money starts anew.",
        3: "A new money, then.",
    }


@pytest.mark.parametrize(
    ("key", "modifier", "place_s"),
    [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, 17.0),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, 7.0),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier, 20.0),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier, 10.0),
    ],
)
def test_arrows_go_five_seconds_and_with_option_a_segment(
    transcript: TranscriptPage, qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier, place_s: float
) -> None:
    transcript.show_player(12.0, 40, playing=True)
    for focused in (transcript, transcript.segments):
        focused.setFocus()
        with qtbot.waitSignal(transcript.seek_wanted) as sought:
            QTest.keyClick(focused, key, modifier)
        assert sought.args == [place_s]


def test_a_click_on_the_waveform_goes_there(transcript: TranscriptPage, qtbot: QtBot) -> None:
    transcript.show_waveform(40.0, (0.5,) * 100)
    wave = transcript.player.wave
    with qtbot.waitSignal(transcript.seek_wanted) as sought:
        QTest.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(wave.width() // 4, 40))
    assert sought.args[0] == pytest.approx(10.0, abs=0.2)


def test_the_text_follows_what_sounds_until_one_scrolls(transcript: TranscriptPage) -> None:
    transcript.show_job(MANY)
    segments = transcript.segments
    transcript.show_player(7000.5, 10_000, playing=True)
    assert segments.viewport().rect().contains(segments.visualRect(segments.segments.index(7000)))
    segments.scrolled_by_hand.emit()
    assert not transcript.player.follow.isChecked()
    transcript.show_player(100.5, 10_000, playing=True)
    assert not segments.viewport().rect().intersects(segments.visualRect(segments.segments.index(100)))
    transcript.player.follow.click()
    transcript.show_player(101.5, 10_000, playing=True)
    assert segments.viewport().rect().contains(segments.visualRect(segments.segments.index(101)))


def test_what_is_being_read_stays_where_it_is_when_the_window_is_made_narrower(transcript: TranscriptPage) -> None:
    transcript.show_job(MANY)
    segments = transcript.segments
    segments.scrollTo(segments.segments.index(6000))
    top = segments.visualRect(segments.segments.index(6000)).top()
    corrected = (*MANY.segments[:3], replace(MANY.segments[3], text="Short."), *MANY.segments[4:])
    transcript.show_job(replace(MANY, segments=corrected))
    assert segments.visualRect(segments.segments.index(6000)).top() == top


def test_only_what_is_in_sight_is_laid_out(transcript: TranscriptPage) -> None:
    transcript.show_job(MANY)
    transcript.segments.viewport().repaint()
    assert len(transcript.segments._layout._ready) < 40


def test_a_format_can_be_dragged_out_as_a_file(transcript: TranscriptPage, tmp_path: Path) -> None:
    written = tmp_path / "meeting.srt"

    def write(kind: str) -> Path:
        written.write_text(kind)
        return written

    transcript.file_for = write
    data = transcript.side.formats["srt"].drag_data()
    assert data is not None
    assert [url.toLocalFile() for url in data.urls()] == [str(written)]
    assert written.read_text() == "srt"


def test_times_in_an_answer_lead_to_their_place(transcript: TranscriptPage, qtbot: QtBot) -> None:
    transcript.side.show_answer("When?", "- At 12:19 and at 1:02:03, <b>she</b> said.")
    assert "&lt;b&gt;" in transcript.side.answer.text()
    with qtbot.waitSignal(transcript.seek_wanted) as sought:
        transcript.side.answer.linkActivated.emit("3723")
    assert "href='739'" in transcript.side.answer.text()
    assert sought.args == [3723.0]


def test_a_model_that_cannot_answer_about_a_text_is_named_as_the_reason(transcript: TranscriptPage) -> None:
    side = transcript.side
    assert not side._unable.isVisibleTo(side)
    side.offer_asking(False, able=False)
    assert not side.question.isEnabled()
    assert side._unable.isVisibleTo(side)
    side.offer_asking(False)
    assert not side._unable.isVisibleTo(side), "it is only not ready yet"
