from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.settings import Preferences, Retention, Settings
from app.talk.choices import preset_choices
from engine.events import Thinking


def test_what_was_chosen_is_there_next_time(tmp_path: Path) -> None:
    Settings(tmp_path / "s.json").change(thinking=Thinking.ALWAYS, tools=("clock",), retention="days")
    now = Settings(tmp_path / "s.json").now
    assert (now.thinking, now.tools, now.retention) == (Thinking.ALWAYS, ("clock",), Retention.DAYS)


def test_the_first_settings_are_those_of_the_first_preset() -> None:
    now = Preferences()
    for name, value in preset_choices(now.preset).items():
        assert getattr(now, name) == value, name


def test_each_change_is_told_once_by_name(tmp_path: Path, qtbot: QtBot) -> None:
    settings = Settings(tmp_path / "s.json")
    told: list[str] = []
    settings.changed.connect(told.append)
    settings.change(voice="Mei", keep_warm=True)
    settings.change(voice="Mei")
    assert told == ["voice"]


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"', "\x00"])
def test_an_unreadable_file_means_the_defaults(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    assert Settings(tmp_path / "s.json").now == Preferences()


def test_one_damaged_field_does_not_cost_the_others(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"thinking": "sometimes", "voice": "Mei", "pre_roll_ms": "much", "gone": 1}')
    assert Settings(tmp_path / "s.json").now == Preferences(voice="Mei")


def test_settings_that_cannot_be_written_still_hold(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(tmp_path / "file" / "s.json")
    settings.change(voice="Mei")
    assert settings.now.voice == "Mei"
