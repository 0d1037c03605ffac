"""The conversation page: light at a thousand turns, follows the end, stays put when the user reads above."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.shown.talk import TurnState, TurnView
from app.widgets.controls.flow_text import FlowText
from app.widgets.talk.conversation_page import BOTTOM, TOP, ConversationPage
from app.widgets.talk.turn_actions import TurnAction
from app.widgets.talk.turn_parts import ThinkingBlock
from app.widgets.talk.turn_widget import TurnWidget
from tests.app.widgets.scenes.turns import FAILED, PACKING, TRAIN


def many(count: int) -> list[TurnView]:
    """Turns of different heights."""
    answer = "A sentence that says something. "
    return [
        TurnView(str(n), TurnState.DONE, f"Question {n}", answer=f"Answer {n}. " + answer * (n % 17))
        for n in range(count)
    ]


@pytest.fixture
def view(qtbot: QtBot) -> ConversationPage:
    page = ConversationPage()
    qtbot.addWidget(page)
    page.resize(872, 568)
    page.show()
    return page


def test_a_thousand_turns_need_only_the_widgets_in_sight(view: ConversationPage) -> None:
    view.set_turns(many(1000))
    assert view.widgets_in_use <= TOP
    bar = view.verticalScrollBar()
    for value in range(bar.maximum(), 0, -900):
        bar.setValue(value)
    bar.setValue(0)
    assert view.widgets_in_use <= 16
    assert len(view.viewport().findChildren(TurnWidget)) == view.widgets_in_use
    assert view.widget_of(0) is not None


def test_every_place_of_a_long_page_is_covered_without_gap_or_overlap(view: ConversationPage) -> None:
    view.set_turns(many(1000))
    bar = view.verticalScrollBar()
    for share in (0.0, 0.1, 0.33, 0.5, 0.77, 1.0):
        bar.setValue(int(bar.maximum() * share))
        shown = sorted(
            (w.geometry() for w in view.viewport().findChildren(TurnWidget) if w.isVisible()), key=lambda g: g.y()
        )
        assert shown[0].top() <= TOP
        assert shown[-1].bottom() >= view.viewport().height() - BOTTOM - 4
        for upper, lower in pairwise(shown):
            assert lower.top() - upper.bottom() == 1


def test_a_new_conversation_is_shown_from_its_end(view: ConversationPage) -> None:
    view.set_turns(many(50))
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum() > 0
    assert view.widget_of(49) is not None


def test_the_end_stays_in_sight_while_an_answer_grows(view: ConversationPage) -> None:
    view.set_turns(many(20))
    for length in range(1, 60):
        view.set_turn(TurnView("99", TurnState.ANSWERING, "Tell me more", answer="More and more words. " * length))
        widget = view.widget_of(20)
        assert widget is not None
        assert view.viewport().height() - BOTTOM - 4 <= widget.geometry().bottom() <= view.viewport().height()


@pytest.mark.parametrize("state", [TurnState.ANSWERING, TurnState.SPEAKING])
def test_a_turn_that_grew_looks_like_one_that_was_there_at_once(
    view: ConversationPage, qtbot: QtBot, state: TurnState
) -> None:
    """Its parts stand where they would, and it says the same to those who do not see it."""
    answer = "The **first** train, and more words for another line. " * 12 + "\n\n- one\n- two\n\nThen another line."
    turn = TurnView("99", state, "Tell me more", answer=answer, spoken=(0, 9), tools=TRAIN.tools)
    for length in range(1, len(answer), 37):
        view.set_turn(replace(turn, answer=answer[:length]))
        view._show_grown()
    view.set_turn(turn)
    view._show_grown()
    whole = ConversationPage()
    qtbot.addWidget(whole)
    whole.resize(view.size())
    whole.show()
    whole.set_turns([turn])
    (grown_at, grown), (whole_at, shown) = (
        (widget.geometry(), widget) for page in (view, whole) if (widget := page.widget_of(0)) is not None
    )
    assert grown_at == whole_at
    assert grown.accessibleName() == shown.accessibleName()
    assert grown.answer.toHtml() == shown.answer.toHtml()
    assert grown.answer.spoken_span() == shown.answer.spoken_span()
    for one, other in ((grown, shown), (grown.action_row, shown.action_row), (grown.bubble, shown.bubble)):
        parts = [[(part.geometry(), part.isHidden()) for part in w.children() if isinstance(part, QWidget)]
                 for w in (one, other)]  # fmt: skip
        assert parts[0] == parts[1]


def test_what_can_be_done_with_a_turn_follows_its_state_while_it_grows(view: ConversationPage) -> None:
    turn = TurnView("99", TurnState.ANSWERING, "Tell me more", answer="One.")
    view.set_turns([turn])
    widget = view.widget_of(0)
    assert widget is not None
    view.set_turn(replace(turn, answer="One. Two.", state=TurnState.SPEAKING, has_sound=True))
    assert widget.action_row.icon_of(TurnAction.PAUSE) in widget.action_row.icons
    view.set_turn(replace(turn, answer="One. Two.", state=TurnState.DONE, has_sound=True))
    assert widget.action_row.icon_of(TurnAction.PLAY) in widget.action_row.icons


def test_the_page_stays_put_when_the_user_has_scrolled_up(view: ConversationPage) -> None:
    view.set_turns(many(40))
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    assert not view.follows_end
    before = {i: view.widget_of(i).y() for i in range(40) if view.widget_of(i)}  # type: ignore[union-attr]
    view.set_turn(replace(view.turns[39], state=TurnState.SPEAKING, answer="Longer. " * 400))
    assert {i: view.widget_of(i).y() for i in before} == before  # type: ignore[union-attr]


def test_asking_something_new_goes_to_the_end_again(view: ConversationPage) -> None:
    view.set_turns(many(40))
    view.verticalScrollBar().setValue(0)
    view.set_turn(TurnView("77", TurnState.WAITING, seconds=0.0))
    assert view.follows_end
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()


def test_what_is_in_sight_does_not_jump_when_scrolling_up_over_unmeasured_turns(view: ConversationPage) -> None:
    view.set_turns(
        [TurnView(str(n), TurnState.DONE, "Q", answer="# Title\n\n- a\n- b\n\n" + "word " * 300) for n in range(60)]
    )
    bar = view.verticalScrollBar()
    for _ in range(200):
        shown = [i for i in range(60) if view.widget_of(i) is not None]
        last = view.widget_of(shown[-1])
        assert last is not None
        before = last.y()
        bar.setValue(bar.value() - 20)
        widget = view.widget_of(shown[-1])
        if widget is not None and bar.value() > 0:
            assert widget.y() - before == 20
    assert not view.follows_end


def test_a_narrower_window_gives_the_text_more_lines(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([TRAIN])
    widget = view.widget_of(0)
    assert widget is not None
    before = widget.height()
    view.resize(340, 568)
    qtbot.waitUntil(lambda: widget.height() > before)
    assert widget.width() <= 340


def test_thinking_folds_and_unfolds(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([TRAIN])
    widget = view.widget_of(0)
    assert widget is not None
    unfolded = widget.height()
    toggle = widget.thinking.toggle
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert widget.height() < unfolded
    assert "folded" in toggle.accessibleName()
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert widget.height() == unfolded


def test_thinking_folds_when_the_next_turn_comes_and_unfolds_when_that_goes(view: ConversationPage) -> None:
    thought = replace(PACKING, key="thought", thinking="6 * 6 = 36", state=TurnState.DONE)
    view.set_turns([thought])
    widget = view.widget_of(0)
    assert widget is not None
    assert widget.thinking.toggle.isChecked()
    view.set_turn(TurnView("next", TurnState.DONE, "Next", answer="Yes."))
    assert not widget.thinking.toggle.isChecked()
    view.remove_turn("next")
    assert widget.thinking.toggle.isChecked()


def test_older_thinking_is_folded(view: ConversationPage) -> None:
    done = replace(TRAIN, state=TurnState.DONE, spoken=None)
    view.set_turns([done, PACKING])
    first = view.widget_of(0)
    assert first is not None
    assert not first.thinking.toggle.isChecked()


def test_actions_say_which_turn_and_what(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([PACKING])
    widget = view.widget_of(0)
    assert widget is not None
    said: list[tuple[str, TurnAction, object]] = []
    view.act.connect(lambda *what: said.append(what))
    for button in widget.action_row.icons[:-1]:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert said == [("2", action, None) for action in (TurnAction.PLAY, TurnAction.COPY, TurnAction.AGAIN)]
    said.clear()
    qtbot.mouseClick(widget.action_row.more, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    for action in menu.actions():
        if action.menu() is None:
            action.trigger()
    menu.close()
    wanted = [TurnAction.VOICE, TurnAction.SAVE, TurnAction.EDIT, TurnAction.DELETE]
    assert said == [("2", action, None) for action in wanted]


def test_a_right_click_offers_the_same_with_copy_play_and_delete(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([PACKING])
    widget = view.widget_of(0)
    assert widget is not None
    for place in (widget, widget.answer.viewport(), widget.bubble):
        at = place.rect().center()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, place.mapToGlobal(at))
        QApplication.sendEvent(place, event)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        words = [action.text() for action in menu.actions() if not action.isSeparator()]
        wanted = ["Speed", "Speak with another voice…", "Save as sound…", "Edit question", "Delete turn"]
        assert words == ["Play", "Copy", "Ask again", *wanted]
        menu.close()
        QTest.qWait(1)


def test_icons_and_figures_are_seen_under_the_last_turn_and_where_somebody_is(
    view: ConversationPage, qtbot: QtBot
) -> None:
    view.set_turns([replace(PACKING, key=str(n), answer="Far.") for n in range(3)])
    rows = [view.widget_of(n).action_row for n in range(3)]  # type: ignore[union-attr]
    assert [row.awake for row in rows] == [False, False, True]
    heights = list(view._heights)
    rows[0].icons[1].setFocus(Qt.FocusReason.TabFocusReason)
    assert [row.awake for row in rows] == [True, False, True]
    assert view._heights == heights, "their room is kept free"
    view.set_turn(replace(PACKING, key="3", answer="Near."))
    assert not rows[2].awake


def test_what_i_said_shows_how_much_was_played_and_a_click_seeks(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([TRAIN])
    said: list[tuple[TurnAction, object]] = []
    view.act.connect(lambda _key, action, value: said.append((action, value)))
    widget = view.widget_of(0)
    assert widget is not None
    bubble = widget.bubble
    view.show_played("1", 0.5)
    assert (bubble.wave.played, bubble.play_button.accessibleName()) == (0.5, "Stop")
    qtbot.mouseClick(bubble.play_button, Qt.MouseButton.LeftButton)
    view.show_played("1", None)
    qtbot.mouseClick(bubble.play_button, Qt.MouseButton.LeftButton)
    place = QPoint(bubble.wave.width() // 4, 5)
    qtbot.mouseClick(bubble.wave, Qt.MouseButton.LeftButton, pos=place)
    assert said == [
        (TurnAction.STOP, None),
        (TurnAction.PLAY_QUESTION, 0.0),
        (TurnAction.PLAY_QUESTION, pytest.approx(0.25, abs=0.02)),
    ]


def test_a_failed_turn_shows_its_sentence_and_a_way_to_try_again(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([FAILED])
    said: list[TurnAction] = []
    view.act.connect(lambda _key, action, _value: said.append(action))
    widget = view.widget_of(0)
    assert widget is not None
    assert widget.retry.isVisible()
    qtbot.mouseClick(widget.retry, Qt.MouseButton.LeftButton)
    assert said == [TurnAction.RETRY]


def test_the_badge_tells_when_text_and_sound_came(view: ConversationPage) -> None:
    view.set_turns([TRAIN])
    widget = view.widget_of(0)
    assert widget is not None
    assert widget.action_row.badge == "text 0.3 s · sound 0.6 s"


def test_arrow_keys_go_from_turn_to_turn_and_copy_copies_the_answer(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns(many(30))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Up)
    focused = QApplication.focusWidget()
    assert isinstance(focused, TurnWidget)
    assert focused.turn.key == "29"
    for _ in range(10):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
    focused = QApplication.focusWidget()
    assert isinstance(focused, TurnWidget)
    assert focused.turn.key == "19"
    assert focused.visibleRegion().boundingRect().height() > 0
    said: list[tuple[str, TurnAction]] = []
    view.act.connect(lambda key, action, _value: said.append((key, action)))
    focused.copy_text()
    assert said == [("19", TurnAction.COPY)]


def test_text_under_the_pointer_can_be_selected(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns([PACKING])
    widget = view.widget_of(0)
    assert widget is not None
    area = widget.answer.viewport()
    qtbot.mouseDClick(area, Qt.MouseButton.LeftButton, pos=QPoint(20, 12))
    assert widget.answer.textCursor().selectedText() == "Three"


def test_the_wheel_over_a_text_scrolls_the_page(view: ConversationPage, qtbot: QtBot) -> None:
    view.set_turns(many(40))
    widget = view.widget_of(39)
    assert widget is not None
    before = view.verticalScrollBar().value()
    QTest.wheelEvent(view.windowHandle(), widget.mapTo(view, QPoint(60, 60)), QPoint(0, 240))
    assert view.verticalScrollBar().value() < before


def test_a_growing_answer_is_laid_out_fifteen_times_a_second_at_most_and_whole_in_the_end(
    view: ConversationPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: set[str] = set()
    really = FlowText.height_for

    def timed(text: FlowText, width: int) -> int:
        if text.words.startswith("Word"):
            laid_out.add(text.words)
        return really(text, width)

    monkeypatch.setattr(FlowText, "height_for", timed)
    turn = TurnView(1, TurnState.ANSWERING, "Go on.")
    view.set_turns([turn])
    began = time.perf_counter()
    for words in range(1, 300):
        turn = replace(turn, state=TurnState.SPEAKING, answer="Word " * words, spoken=(0, 4))
        view.set_turn(turn)
        QApplication.processEvents()
    took = time.perf_counter() - began
    shown = view.widget_of(0)
    assert shown is not None
    qtbot.waitUntil(lambda: shown.answer.words == turn.answer)
    assert view.turns[0] == turn
    assert len(laid_out) <= took / 0.066 + 3  # and not 299


def test_growing_thoughts_are_laid_out_fifteen_times_a_second_at_most_and_whole_in_the_end(
    view: ConversationPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    really = ThinkingBlock.show_turn

    def noted(block: ThinkingBlock, turn: TurnView, open_: bool) -> None:
        shown.append(turn.thinking)
        really(block, turn, open_)

    monkeypatch.setattr(ThinkingBlock, "show_turn", noted)
    turn = TurnView(1, TurnState.THINKING, "Go on.")
    view.set_turns([turn])
    began = time.perf_counter()
    for words in range(1, 300):
        turn = replace(turn, thinking="Perhaps " * words, thinking_s=words / 10)
        view.set_turn(turn)
        QApplication.processEvents()
    took = time.perf_counter() - began
    qtbot.waitUntil(lambda: shown[-1] == turn.thinking)
    assert view.turns[0] == turn
    assert len(shown) <= took / 0.066 + 4  # and not 299


def test_what_else_happens_to_a_growing_answer_shows_at_once(view: ConversationPage) -> None:
    turn = TurnView(1, TurnState.ANSWERING, "Go on.")
    view.set_turns([turn])
    for words in (1, 2, 3):
        view.set_turn(replace(turn, answer="Word " * words))
    view.set_turn(replace(turn, answer="Word " * 4, state=TurnState.DONE))
    shown = view.widget_of(0)
    assert shown is not None
    assert shown.answer.words == "Word " * 4
