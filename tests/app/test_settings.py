from __future__ import annotations

import json
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


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"', "\x00", "[" * 100_000, "9" * 5000])
def test_an_unreadable_file_means_the_defaults_and_is_kept_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    settings = Settings(tmp_path / "s.json")
    assert settings.now == Preferences()
    settings.change(voice="Mei")
    (told,) = settings.take_troubles()
    assert "kept as s.damaged.json." in told
    assert (tmp_path / "s.damaged.json").read_text() == content
    assert settings.take_troubles() == []


def test_half_a_surrogate_pair_in_the_file_does_not_stop_later_changes(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"models_folder": "/models/caf\\udce9"}')
    settings = Settings(tmp_path / "s.json")
    settings.change(voice="Mei")
    assert Settings(tmp_path / "s.json").now == Preferences(voice="Mei", models_folder="/models/caf\udce9")


def test_what_was_edited_by_hand_while_earshot_runs_is_taken_over(tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "s.json"
    settings = Settings(file)
    settings.change(voice="Mei", preset="coach")
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"retention": "none", "voice": "Ada", "mine": 1}))
    told: list[str] = []
    settings.changed.connect(told.append)
    settings.change(preset="tutor")
    assert settings.now == Preferences(voice="Ada", preset="tutor", retention=Retention.NONE)
    assert sorted(told) == ["preset", "retention", "voice"]
    assert json.loads(file.read_text())["mine"] == 1


def test_settings_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text('{"version": 99, "voice": "Mei", "thinking": {"how": "long"}}')
    before = file.read_bytes()
    settings = Settings(file)
    settings.change(preset="coach")
    assert settings.now == Preferences(voice="Mei", preset="coach")
    assert file.read_bytes() == before
    (told,) = settings.take_troubles()
    assert "newer version" in told


@pytest.mark.parametrize("field", ['"pre_roll_ms": 1e400', '"retention_days": 1' + "0" * 30, '"voice": "a\\u0000b"'])
def test_values_that_nothing_can_be_done_with_are_the_defaults(tmp_path: Path, field: str) -> None:
    (tmp_path / "s.json").write_text("{" + field + "}")
    assert Settings(tmp_path / "s.json").now == Preferences()


def test_one_damaged_field_does_not_cost_the_others(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"thinking": "sometimes", "voice": "Mei", "pre_roll_ms": "much", "gone": 1}')
    assert Settings(tmp_path / "s.json").now == Preferences(voice="Mei")


def test_settings_that_cannot_be_written_still_hold(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(tmp_path / "file" / "s.json")
    settings.change(voice="Mei")
    assert settings.now.voice == "Mei"
