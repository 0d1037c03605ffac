"""Check by ear on the models page: the model in use reads aloud and hears itself, beside the conversation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.build import build_controller, load_engine
from app.engine_side.requests import Request
from app.models.ear_checks import EarCheckFile, KeptCheck
from app.paths import Paths
from app.settings import Settings
from app.shown.models import EarView, ModelView
from app.widgets.settings.model_row import ModelRow
from engine import by_ear
from engine.by_ear import SENTENCES
from engine.commands.console import version
from engine.events import Pause, Samples
from engine.resources import resource
from engine.transcription.results import Options
from tests.app.conftest import Running
from tests.app.fakes import FakeCatalogue, FakePermission, FakeSound, ScriptedEngine
from tests.app.user import Sit, User

_HANGS_S = 20.0
KEPT = KeptCheck("one", "en", 100, 97, 1.6, "2026-11-30", "0.2.0")


class SelfHearing(ScriptedEngine):
    """Mishears the first word of each sentence. It waits in the sentence numbered `waits_at` until it may `go_on`."""

    def __init__(self, waits_at: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.waits_at, self.waiting, self.go_on = waits_at, threading.Event(), threading.Event()
        self.read: list[str] = []
        self.answered: list[int] = []  # questions that were asked when a sentence was heard

    def recogniser(self, _options: Options) -> Callable[[Sequence[Samples]], Iterator[tuple[int, str] | None]]:
        def recognise(windows: Sequence[Samples]) -> Iterator[tuple[int, str] | None]:
            if len(self.read) - 1 == self.waits_at:
                self.waiting.set()
                assert self.go_on.wait(_HANGS_S)
            yield None
            self.answered.append(len(self.asked))
            yield 0, f"Hm {self.read[-1].partition(' ')[2]}"

        return recognise


@pytest.fixture(autouse=True)
def reads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_aloud(model: SelfHearing, text: str, _asked: None, _cancelled: Callable[[], bool]) -> Iterator[int]:
        model.read.append(text)
        return iter([100] * 25)

    if "sit" in request.fixturenames:  # the starter reads itself
        monkeypatch.setattr(by_ear, "read_aloud", read_aloud)


def open_models(user: User, name: str = "one") -> ModelRow:
    """The row of a model on the page that a person opens."""
    user.settings.open_page(user.settings.models)
    user.sees(lambda: any(row.isVisible() for row in user.settings.models.findChildren(ModelRow)))
    return user.settings.models.model_row(name)


def test_the_model_in_use_is_checked_and_what_was_found_is_kept(sit: Sit) -> None:
    engine = SelfHearing()
    user = sit(engine=engine)
    row = open_models(user)
    assert "not checked yet" in row.words
    assert row.ear.check_button.accessibleName() == "Check one by ear"
    user.press(user.word("Check by ear", row))
    user.sees(lambda: "understood 90 of 100 of its own words" in row.words)
    assert "× real time" in row.words
    assert user.word("Check again", row).accessibleName() == "Check one by ear again"
    assert tuple(engine.read) == SENTENCES["en"]
    stored = json.loads(user.app.paths.ear_checks.read_text())
    kept = stored["checks"]["one"]
    assert (stored["version"], kept["model"], kept["earshot"]) == (1, "one", version())
    assert not user.settings.models.model_row("two").ear.check_button.isVisible(), "it is not in use"


def test_a_question_goes_before_the_rest_of_a_check(sit: Sit) -> None:
    engine = SelfHearing(waits_at=2)
    user = sit(engine=engine)
    row = open_models(user)
    user.press(user.word("Check by ear", row))
    user.sees(engine.waiting.is_set)
    user.sees(lambda: "2 of 10 sentences" in row.words)
    assert "not checked yet" not in row.words
    user.app.controller.ask_text("What is more urgent?")
    user.sees(lambda: user.app.controller._thread._queue.qsize() > 0)
    engine.go_on.set()
    user.sees(lambda: user.sound.listen(0.5) is not None and "understood 90" in row.words)
    assert engine.answered == [0, 0, *[1] * 8], "the question was asked within the step in which it came"


def test_a_check_that_is_cancelled_leaves_what_was_known(sit: Sit) -> None:
    engine = SelfHearing(waits_at=4)
    user = sit(engine=engine)
    row = open_models(user)
    user.press(user.word("Check by ear", row))
    user.sees(engine.waiting.is_set)
    user.press(user.word("Cancel", row))
    assert "not checked yet" in row.words
    assert row.ear.check_button.isVisible(), "it can be checked again at once"
    engine.go_on.set()
    user.app.wait(lambda: not user.app.controller._thread.working)
    assert len(engine.read) == 5
    assert not user.app.paths.ear_checks.exists()


def test_the_keyboard_stays_on_what_can_be_done_next(sit: Sit) -> None:
    engine = SelfHearing(waits_at=0)
    user = sit(engine=engine)
    row = open_models(user)
    row.ear.check_button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(row.ear.check_button, Qt.Key.Key_Space)
    user.sees(engine.waiting.is_set)
    assert user.settings.focusWidget() is row.ear.stop_button
    assert row.ear.stop_button.accessibleName() == "Stop checking one by ear"
    engine.go_on.set()
    user.sees(lambda: "understood 90" in row.words)
    assert user.settings.focusWidget() is row.ear.check_button


def test_what_was_found_is_shown_after_a_start_until_the_files_change(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    EarCheckFile(paths.ear_checks).keep("one", KEPT)
    user = sit(engine=SelfHearing(), paths=paths)
    row = open_models(user)
    assert "understood 97 of 100 of its own words\nspeaks 1.6× real time" in row.words
    beside = row.ear.check_button.parentWidget()
    assert beside is not None
    assert "with Earshot 0.2.0." in beside.toolTip()
    written = (replace(ModelView("one", "one", current=True), fingerprint="written anew"),)
    monkeypatch.setattr(FakeCatalogue, "installed", lambda self, current: written)
    user.app.controller.model_commands.refresh_models()
    user.sees(lambda: "not checked yet" in row.words)


def test_a_model_that_does_not_speak_says_so(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = (ModelView("one", "one", current=True, fingerprint="one", speaks=False),)
    monkeypatch.setattr(FakeCatalogue, "installed", lambda self, current: silent)
    row = open_models(sit(engine=SelfHearing()))
    assert "This model does not speak." in row.words
    assert not row.ear.check_button.isVisible()


def test_a_model_of_another_language_says_why_it_cannot_be_checked(sit: Sit) -> None:
    user = sit(engine=SelfHearing(about={"languages": ["de"]}))
    row = open_models(user)
    user.press(user.word("Check by ear", row))
    user.sees(lambda: "one speaks neither English nor Chinese" in row.words)
    assert row.ear.check_button.isVisible()


def test_another_model_chosen_meanwhile_ends_the_check_without_a_word(sit: Sit) -> None:
    engine = SelfHearing(waits_at=1)
    user = sit(engine=engine)
    row = open_models(user)
    user.press(user.word("Check by ear", row))
    user.sees(engine.waiting.is_set)
    user.app.controller.model_commands.switch_model("two")
    engine.go_on.set()
    other = user.settings.models.model_row("two")
    user.sees(lambda: "not checked yet" in other.words and other.ear.check_button.isVisible())
    assert "By ear" not in row.words
    assert len(engine.read) == 2
    assert not user.app.paths.ear_checks.exists()


def test_a_check_that_has_not_begun_is_no_check_of_the_model_chosen_after_it(sit: Sit) -> None:
    engine, busy, done = SelfHearing(), threading.Event(), threading.Event()
    user = sit(engine=engine)
    row = open_models(user)

    def answer(_work: Any, _request: Request) -> Iterator[Pause]:
        busy.set()
        assert done.wait(_HANGS_S)
        yield Pause()

    user.app.controller._thread.submit(Request("answer", answer))
    user.sees(busy.is_set)
    user.press(user.word("Check by ear", row))
    user.app.controller.model_commands.switch_model("two")
    done.set()
    user.sees(lambda: user.settings.models.model_row("two").ear.check_button.isVisible())
    user.app.wait(lambda: not user.app.controller._thread.working)
    assert engine.read == []
    assert not user.app.paths.ear_checks.exists()


def test_a_chinese_check_counts_characters(qtbot: QtBot, qapp: Any) -> None:
    row = ModelRow()
    qtbot.addWidget(row)
    row.show_model(ModelView("one", "one", ear=EarView(True, True, 100, 97, "zh", 1.6, "2026-11-30", "0.2.0")), 0)
    assert "understood 97 of 100 of its own characters" in row.words


def test_checks_survive_in_their_file_and_only_the_newest_hundred(tmp_path: Path) -> None:
    file = EarCheckFile(tmp_path / "checks.json")
    for number in range(101):
        file.keep(str(number), KEPT)
    again = EarCheckFile(tmp_path / "checks.json")
    assert (again.of("0"), again.of("1"), again.of("100")) == (None, KEPT, KEPT)
    assert (tmp_path / "checks.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '{"version": 1}', '{"version": 1, "checks": []}', '{"version": 1, "checks": {"a": 1}}',
        json.dumps({"version": 1, "checks": {"a": vars(replace(KEPT, understood=101))}}),
        json.dumps({"version": 1, "checks": {"a": vars(replace(KEPT, speed=float("nan")))}}),
        json.dumps({"version": 1, "checks": {"a": vars(KEPT) | {"words": "100"}}}),
    ],
)  # fmt: skip
def test_a_damaged_file_holds_no_check_and_is_written_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "checks.json"
    path.write_text(content)
    file = EarCheckFile(path)
    assert file.of("a") is None
    file.keep("a", KEPT)
    assert EarCheckFile(path).of("a") == KEPT


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "checks.json"
    path.write_text('{"version": 2, "findings": []}')
    file = EarCheckFile(path)
    file.keep("a", KEPT)
    assert (file.of("a"), path.read_text()) == (KEPT, '{"version": 2, "findings": []}')


@pytest.mark.slow
def test_the_starter_is_checked_at_the_window(tmp_path: Path, qtbot: QtBot, qapp: Any) -> None:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    settings = Settings(paths.settings)
    starter = str(resource("starter"))
    settings.change(microphone_explained=True, microphone_heard=True, language="en", model=starter, tools=())
    sound, permission = FakeSound(), FakePermission()
    controller = build_controller(paths, settings, loader=load_engine, system=sound, permission=permission)
    try:
        user = User(Running(controller, ScriptedEngine(), sound, permission, settings, paths, qtbot))
        controller.start()
        user.sees(lambda: controller.model.ready and sound.output is not None, 60_000)
        row = open_models(user, "Earshot starter")
        user.sees(row.ear.check_button.isVisible)
        user.press(user.word("Check by ear", row))
        user.sees(lambda: "of 100 of its own words" in row.words, 120_000)
        ear = row.model.ear
        assert ear is not None
        assert ear.understood >= 80
        assert ear.speed > 0
    finally:
        controller.shutdown()
