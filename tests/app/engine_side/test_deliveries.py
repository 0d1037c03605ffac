"""What the engine says reaches the window whole, in order, the first at once, and in few deliveries."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.engine_side import deliveries as deliveries_module
from app.engine_side.deliveries import GATHERED_MS, LONGEST_MS, Deliveries, joined, pause_ms
from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import Interrupted, Request
from app.engine_side.turns import Sounded
from app.engine_side.work import EngineWork
from app.shown.talk import TurnState
from app.talk.answer import Answer
from app.talk.stored_turn import StoredTurn
from engine.errors import RequestError
from engine.events import AnswerText, Progress, ThinkingEnded, ThinkingText
from tests.app.conftest import Running
from tests.app.fakes import scripted

IDS = 1000
WAIT_S = 20


def answer_text(count: int, first: int = 0) -> list[AnswerText]:
    return [AnswerText("word ", 5 * number) for number in range(first, first + count)]


class Said:
    """What a thread says of a request. The first word holds the GUI's thread until all the others were said."""

    def __init__(self, thread: EngineThread, rest: Sequence[object], error: Exception | None = None) -> None:
        self._seen, self._all_sent = threading.Event(), threading.Event()
        self._rest, self._error = rest, error
        self.news: list[Any] = []
        self.request = Request("answer", self._work)
        thread.happened.connect(self._on_event)
        thread.ended.connect(lambda request, error: self.news.append(error) if request is self.request else None)

    def _work(self, _work: EngineWork, _request: Request) -> Iterator[object]:
        yield AnswerText("word ", 0)
        assert self._seen.wait(WAIT_S)
        yield from self._rest
        self._all_sent.set()
        if self._error is not None:
            raise self._error

    def _on_event(self, request: Request, event: object) -> None:
        if request is self.request:
            self.news.append(event)
            self._seen.set()
            assert self._all_sent.wait(WAIT_S)


def hear(thread: EngineThread, said: Said, qtbot: QtBot) -> list[Any]:
    with qtbot.waitSignal(thread.ended, timeout=1000 * WAIT_S, check_params_cb=lambda which, _: which is said.request):
        thread.submit(said.request)
    return said.news


def test_an_answer_of_a_thousand_ids_is_handled_twice_when_the_window_is_slow(
    thread: EngineThread, qtbot: QtBot
) -> None:
    news = hear(thread, Said(thread, answer_text(IDS - 1, 1)), qtbot)
    assert news == [AnswerText("word ", 0), AnswerText("word " * (IDS - 1), 5), None]


def test_what_is_no_text_stays_between_the_texts_around_it(thread: EngineThread, qtbot: QtBot) -> None:
    piece, other = Sounded(0, 960, 0, 5), Sounded(960, 960, 5, 10)
    news = hear(thread, Said(thread, [*answer_text(2, 1), piece, *answer_text(2, 3), other]), qtbot)
    assert news[1:] == [AnswerText("word word ", 5), piece, AnswerText("word word ", 15), other, None]


def test_an_error_comes_behind_the_text_that_was_written_before_it(thread: EngineThread, qtbot: QtBot) -> None:
    error = RequestError("The disk is full.")
    assert hear(thread, Said(thread, answer_text(3, 1), error), qtbot)[1:] == [AnswerText("word " * 3, 5), error]


def test_what_a_thread_said_before_it_is_restarted_is_told_before_that(thread: EngineThread, qtbot: QtBot) -> None:
    sent, go_on, news = threading.Event(), threading.Event(), []

    def hang(_work: EngineWork, _request: Request) -> Iterator[object]:
        yield AnswerText("word ", 0)
        sent.set()
        assert go_on.wait(60)

    thread.happened.connect(lambda _request, event: news.append(event))
    thread.ended.connect(lambda _request, error: news.append(type(error)))
    thread.submit(Request("answer", hang))
    assert sent.wait(WAIT_S)
    thread.restart()
    assert news == [AnswerText("word ", 0), Interrupted]
    go_on.set()


@pytest.fixture
def told() -> list[object]:
    return []


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """How the pauses end that were begun."""
    ends: list[Callable[[], None]] = []
    monkeypatch.setattr(
        deliveries_module, "QTimer", SimpleNamespace(singleShot=lambda _ms, _context, end: ends.append(end))
    )
    return ends


@pytest.fixture
def deliveries(qtbot: QtBot, pauses: list[Callable[[], None]]) -> Deliveries:
    return Deliveries()


@pytest.fixture
def send(deliveries: Deliveries, told: list[object]) -> Callable[[object], None]:
    """Sends from the thread on which it is told, so that what does not wait is told before this returns."""
    request = Request("answer", lambda *_: iter(()))
    return lambda news: deliveries.send(lambda _request, news: told.append(news), request, news)


@pytest.mark.parametrize(
    "urgent", [Sounded(0, 1, 0, 1), ThinkingEnded(1.0, 1), None, RequestError("So it is.")], ids=lambda it: type(it)
)
def test_only_text_waits(send: Callable[[object], None], told: list[object], urgent: object) -> None:
    send(AnswerText("One", 0))
    send(AnswerText(" two", 3))
    assert told == [AnswerText("One", 0)]
    send(urgent)
    assert told[1:] == [AnswerText(" two", 3), urgent]


def test_text_that_waits_is_told_after_a_pause_and_the_first_after_a_rest_at_once(
    send: Callable[[object], None], told: list[object], pauses: list[Callable[[], None]]
) -> None:
    send(AnswerText("One", 0))
    send(AnswerText(" two", 3))
    send(AnswerText(" three", 7))
    assert told == [AnswerText("One", 0)]
    pauses.pop()()
    assert told[1:] == [AnswerText(" two three", 3)]
    pauses.pop()()  # nothing was written in it
    send(AnswerText(" four", 13))
    assert told[2:] == [AnswerText(" four", 13)]
    assert len(pauses) == 1


def test_who_is_told_may_have_the_rest_told_before(deliveries: Deliveries, told: list[object]) -> None:
    request = Request("answer", lambda *_: iter(()))

    def tell(_request: Request, news: object) -> None:
        told.append(news)
        deliveries.deliver()

    deliveries.send(tell, request, AnswerText("One", 0))
    deliveries.send(tell, request, AnswerText(" two", 3))
    deliveries.send(tell, request, None)
    assert told == [AnswerText("One", 0), AnswerText(" two", 3), None]


def test_a_thread_that_was_left_behind_may_be_the_last_to_let_go(qtbot: QtBot) -> None:
    held = [Deliveries()]
    held[0].send(lambda *_: None, Request("answer", lambda *_: iter(())), None)
    letting_go = threading.Thread(target=held.clear)
    letting_go.start()
    letting_go.join()
    qtbot.wait(2 * GATHERED_MS)  # a timer that died on another thread takes the process with it, or warns


def test_a_slow_window_is_told_less_often() -> None:
    assert pause_ms(0.0) == pause_ms(0.0003) == GATHERED_MS
    assert GATHERED_MS < pause_ms(0.001) < LONGEST_MS
    assert pause_ms(0.003) == pause_ms(1.0) == LONGEST_MS < 1000 / 4


@pytest.mark.parametrize("seed", range(20))
def test_joined_events_make_the_same_turn_as_one_after_the_other(seed: int) -> None:
    chance = random.Random(seed)
    events: list[Any] = []
    length = 0
    for _ in range(chance.randrange(1, 40)):
        start = chance.randint(max(length - 4, 0), length)  # a marker that turned out to be none is taken back
        text = "".join(chance.choices("ab c", k=chance.randrange(6)))
        length = start + len(text)
        events.append(AnswerText(text, start))
        if chance.random() < 0.2:
            events.append(ThinkingText(text))

    def turn_after(events: list[Any]) -> StoredTurn:
        answer, turn = Answer("1", None, None), StoredTurn("1", "c", TurnState.WAITING)  # type: ignore[arg-type]
        for event in events:
            turn = answer.take(turn, event, 0.0)
        return turn

    together: list[Any] = []
    for event in events:
        whole = joined(together[-1], event) if together else None
        together[-1:] = [whole] if whole is not None else [*together[-1:], event]
    assert turn_after(together) == turn_after(events)
    assert not any(type(one) is type(other) for one, other in pairwise(together))


def test_the_newest_progress_of_a_stage_takes_the_place_of_the_last() -> None:
    read = Progress("loading", 1, 9, "bytes")
    assert joined(read, further := replace(read, done=5.0)) == further
    assert joined(read, Progress("voice", 0, 0)) is None


def test_what_was_written_up_to_a_stop_is_kept(start: Callable[..., Running]) -> None:
    go_on, written, gate = threading.Event(), threading.Event(), threading.Event()
    steps = [AnswerText("One", 0), lambda: go_on.wait(WAIT_S), AnswerText(" two three", 3), written.set, gate.wait]
    app = start(scripted(steps))
    app.settings.change(spoken_answers=False)
    app.controller.ask_text("Count")
    app.wait(lambda: app.controller.turns[-1].answer == "One")
    go_on.set()
    assert written.wait(WAIT_S)
    app.controller.stop()
    assert (app.controller.turns[-1].state, app.controller.turns[-1].answer) == (TurnState.INTERRUPTED, "One two three")
    gate.set()
