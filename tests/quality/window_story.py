"""Somebody who lives a story in the real window: real model, real streams, a virtual sound card.

`EARSHOT_PICTURES=FOLDER` keeps pictures in the order of the story. Under a virtual screen:
`QT_QPA_PLATFORM=xcb xvfb-run -a python -m pytest tests/quality/test_hour_of_use.py`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app import translations
from app.audio.permission import Access
from app.models.catalogue import Catalogue
from app.shown.talk import State, TurnState
from app.shown.transcribe import JobState
from app.talk.store import Store
from app.transcribe.stored_queue import decode_queue
from app.widgets.transcribe.segment_editors import NameEditor, SegmentEditor
from engine.events import Samples
from engine.resources import resource
from tests.app.fakes import FakePermission
from tests.app.real_app import Person, RealApp
from tests.app.user import User
from tests.app.virtual_sound import VirtualSound

WAIT_S = 120.0
_JOB_WAIT_MS = 300_000


def said(text: str, voice: str = "slt") -> tuple[Samples, int]:
    """A sentence by one of flite's voices, and its sample rate."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        samples, rate_hz = soundfile.read(file.name, dtype="float32")
    return samples, rate_hz


def record(path: Path, lines: list[tuple[str, str]]) -> None:
    """A recording of (voice, sentence), half a second between two."""
    parts: list[Samples] = []
    rate_hz = 0
    for voice, text in lines:
        samples, rate_hz = said(text, voice)
        parts += [samples, np.zeros(rate_hz // 2, np.float32)]
    soundfile.write(path, np.concatenate(parts), rate_hz)


class Pictures:
    """Numbered as they are taken; none without a folder to put them in."""

    def __init__(self, story: str) -> None:
        folder = os.environ.get("EARSHOT_PICTURES")
        self._folder = Path(folder) / story if folder else None
        self._taken = 0

    def take(self, widget: QWidget, name: str) -> None:
        """One of a window, once what moves in it has arrived."""
        if self._folder is None:
            return
        QTest.qWait(400)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._taken += 1
        widget.grab().save(str(self._folder / f"{self._taken:02}-{name}.png"))


class Protagonist(User):
    """A person at the window of an app with nothing faked but the system's question about the microphone."""

    def __init__(
        self, qapp: QApplication, qtbot: QtBot, card: VirtualSound, home: Path, pictures: Pictures, **choices: Any
    ) -> None:
        translations.install(qapp, "en")
        first = not (home / "settings.json").exists()
        permission = FakePermission(Access.UNASKED if first else Access.GRANTED)
        self.app = RealApp(  # type: ignore[assignment]
            qapp, home, resource("starter"), permission=permission, catalogue=Catalogue(lambda: home / "models"),
            microphone_explained=not first, microphone_heard=not first, models_folder=str(home / "models"), **choices,
        )  # fmt: skip
        self.window, self.qtbot, self.card, self._pictures = self.app.window, qtbot, card, pictures
        self.app.begin()  # type: ignore[attr-defined]
        self.sees(lambda: self.app.controller.model.ready, _JOB_WAIT_MS)
        self.person = Person(self.app, card, qtbot)  # type: ignore[arg-type]

    def picture(self, name: str, widget: QWidget | None = None) -> None:
        """What is seen now."""
        self._pictures.take(widget or self.window, name)

    def quit(self) -> None:
        """End the app, with all that is on its way written; the engine, too, before another one starts."""
        self.app.close()  # type: ignore[attr-defined]
        assert self.app.controller._thread.join(60.0)

    # Talking.

    def ask(self, question: str) -> None:
        """Say it, and listen to the answer."""
        turns = len(self.app.controller.turns)
        self.person.say(*said(question))
        self.person.wait(lambda: len(self.app.controller.turns) == turns + 1, WAIT_S)
        self.settle()
        print(f"{question} → {self.app.controller.turns[-1].answer}", flush=True)

    def settle(self) -> None:
        """Until the answer is whole and heard."""
        self.person.wait(lambda: self.app.controller.turns[-1].state is TurnState.DONE, WAIT_S)
        self.person.wait_for(State.IDLE, WAIT_S)

    def go_to_the_end(self) -> None:
        """Scroll until the newest turn is in sight."""
        page = self.window.conversation

        def at_the_end() -> bool:
            page.verticalScrollBar().setValue(page.verticalScrollBar().maximum())
            return page.widget_of(len(self.app.controller.turns) - 1) is not None

        self.sees(at_the_end)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Ids and answers on the page, which are those of the controller."""
        turns = [(turn.key, turn.answer) for turn in self.window.conversation.turns]
        assert turns == [(turn.key, turn.answer) for turn in self.app.controller.turns]
        return turns

    @property
    def stored(self) -> list[tuple[str, str]]:
        """The same from the database file, read anew."""
        store = Store(self.app.paths.store, self.app.paths.recordings)
        try:
            return [(turn.id, turn.answer) for turn in store.path(self.app.controller.conversation.key)]
        finally:
            store.close()

    # Recordings.

    def wait_for_texts(self, count: int) -> None:
        """Until so many recordings are transcribed and their rows may be pressed."""

        def all_done() -> bool:
            rows = [self.window.transcribe.card(job.key) for job in self.window.transcribe.jobs]
            return len(rows) == count and all(row.job.state is JobState.DONE and not row.settling for row in rows)

        self.sees(all_done, _JOB_WAIT_MS)

    def edit(self, row: int, text: str) -> None:
        """Type other words for a segment, and press Return."""
        self.window.transcript.segments.edit_row(row)
        (editor,) = (each for each in self.window.findChildren(SegmentEditor) if each.isVisible())
        editor.selectAll()
        QTest.keyClicks(editor, text)
        self.picture("a-segment-is-edited")
        QTest.keyClick(editor, Qt.Key.Key_Return)

    def name_speaker(self, row: int, name: str) -> None:
        """Type a name over that of who speaks in a segment, and press Return."""
        self.window.transcript.segments.name_speaker(row)
        (editor,) = (each for each in self.window.findChildren(NameEditor) if each.isVisible())
        editor.selectAll()
        QTest.keyClicks(editor, name)
        QTest.keyClick(editor, Qt.Key.Key_Return)

    def find(self, words: str) -> str:
        """Look for words on the page of a transcript; what the field says of them."""
        self.window.menus.find.trigger()
        field = self.window.transcript.find_field
        field.clear()
        QTest.keyClicks(field, words)
        return field.count_words

    @property
    def texts(self) -> dict[str, tuple[Any, ...]]:
        """Of every recording what must not be lost: words, speakers and their names, by the name of the file."""
        return {job.name: (_words(job.segments), job.names) for job in self.app.controller.transcriber.jobs}

    @property
    def stored_texts(self) -> dict[str, tuple[Any, ...]]:
        """The same from the queue's file, read anew."""
        queue = decode_queue((self.app.paths.transcriptions / "queue.json").read_bytes())
        return {job.path.name: (_words(job.segments), job.names) for job in queue.jobs if not job.removed}


def _words(segments: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((segment.speaker, segment.text) for segment in segments)
