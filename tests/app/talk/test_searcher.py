from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.shown.talk import ConversationView
from app.talk import search
from app.talk.searcher import Searcher
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from app.worker import Worker
from engine.events import new_turn_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    for text in ("green plums", "green apples"):
        store.add(StoredTurn(new_turn_id(), store.create("assistant").key, text=text), None)
    yield store
    store.close()


@pytest.fixture
def searcher(store: Store, qtbot: QtBot) -> Iterator[Searcher]:
    searcher = Searcher(store, Worker("search", 60))
    yield searcher
    searcher.close()


def test_a_search_is_answered_from_another_thread_newest_first(searcher: Searcher, qtbot: QtBot) -> None:
    with qtbot.waitSignal(searcher.found, timeout=20_000) as found:
        searcher.search("green")
    query, conversations = found.args
    assert query == "green"
    assert [view.snippet for view in conversations] == ["\x02green\x03 apples", "\x02green\x03 plums"]


def test_only_the_newest_query_is_answered(searcher: Searcher, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked, really = threading.Event(), threading.Event(), search.find

    def slowly(db: Any, query: str, limit: int = -1) -> tuple[ConversationView, ...]:
        asked.set()
        assert gate.wait(20)
        return really(db, query, limit)

    monkeypatch.setattr(search, "find", slowly)
    answers: list[str] = []
    searcher.found.connect(lambda query, _found: answers.append(query))
    searcher.search("green")
    assert asked.wait(20)
    searcher.search("plums")
    searcher.search("apples")
    gate.set()
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    qtbot.wait(50)
    assert answers == ["apples"]


def test_what_is_said_while_it_is_searched_for_is_found(searcher: Searcher, store: Store, qtbot: QtBot) -> None:
    store.add(StoredTurn(new_turn_id(), store.create("assistant").key, text="green pears"), None)
    with qtbot.waitSignal(searcher.found, timeout=20_000) as found:
        searcher.search("pears")
    assert len(found.args[1]) == 1


def test_a_database_in_memory_is_searched_as_well(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "conversations.sqlite").mkdir()
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    store.add(StoredTurn(new_turn_id(), store.create("assistant").key, text="green plums"), None)
    searcher = Searcher(store, Worker("search", 60))
    with qtbot.waitSignal(searcher.found, timeout=20_000) as found:
        searcher.search("plums")
    assert len(found.args[1]) == 1
    searcher.close()
    store.close()
