"""The models page and its downloads; the voices page and what it says of a new voice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMenu

from app.shown.models import DownloadState, ModelView, VoiceView
from app.shown.talk import Notice, Welcome
from app.widgets.controls.memory_bars import NeedBar
from app.widgets.controls.sizes import share_of, time_left
from app.widgets.main_window import MainWindow
from app.widgets.settings.dialog import SettingsDialog
from engine.checkpoints.catalogue import models_folder
from tests.app.widgets.fake_controller import GB, OFFER, FakeController, FakeSettings

MINI = OFFER


@pytest.fixture
def dialog(window: MainWindow) -> SettingsDialog:
    window.welcome.model.button.click()
    assert window.preferences.dialog is not None
    return window.preferences.dialog


def test_the_way_to_the_full_model_opens_the_models_page(dialog: SettingsDialog) -> None:
    assert dialog.isVisible()
    assert dialog.models.isVisible()
    assert dialog.models.row_of(MINI.name).isVisible()


def test_a_model_that_is_not_here_says_its_size_and_is_fetched_on_request(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    row = dialog.models.row_of(MINI.name)
    assert "18 GB to download" in row.words
    assert controller.downloads.asked == []
    row.act_button.click()
    assert controller.downloads.last() == ("start", MINI.name)


def test_a_download_under_way_tells_how_far_it_is_and_can_be_paused(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    controller.downloads.show(replace(MINI, state=DownloadState.RUNNING, done=6 * GB, bytes_per_s=10e6))
    row = dialog.models.row_of(MINI.name)
    assert "6.0 of 18.0 GB · 10 MB/s · 20 min left" in row.words
    row.act_button.click()
    assert controller.downloads.last() == ("pause", MINI.name)


def test_a_download_that_stopped_says_why_and_goes_on(dialog: SettingsDialog, controller: FakeController) -> None:
    controller.downloads.show(replace(MINI, state=DownloadState.PAUSED, done=6 * GB, problem="No network."))
    row = dialog.models.row_of(MINI.name)
    assert (row.act_button.text(), "No network." in row.words) == ("Resume", True)
    row.act_button.click()
    assert controller.downloads.last() == ("start", MINI.name)
    row.discard_button.click()
    assert controller.downloads.last() == ("discard", MINI.name)


def test_the_size_menu_changes_verdict_bar_and_button_at_once(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    row = dialog.models.row_of(MINI.name)
    assert (row.badge, row.act_button.isEnabled()) == ("Fits as 4-bit copy (recommended)", True)
    assert "needs 7.6 of 17.0 GB" in row.words
    row.size_menu.showPopup()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.actions()[0].trigger()
    assert controller.downloads.last() == ("choose_size", MINI.name, 16)
    controller.downloads.show(replace(MINI, bits=16))
    assert (row.badge, row.act_button.isEnabled()) == ("Too large", False)
    assert "needs 18.9 GB: 1.9 GB too much" in row.words
    assert "The 4-bit copy would fit." in row.words
    bar = row.findChild(NeedBar)
    assert bar is not None
    assert (bar.fits, bar.need, bar.usable, bar.total) == (False, int(18.9 * GB), 17 * GB, 24 * GB)


def test_all_bars_have_one_scale_and_one_tick(dialog: SettingsDialog, window: MainWindow) -> None:
    bars = [bar for bar in dialog.models.findChildren(NeedBar) if bar.isVisible()]
    assert len(bars) == 2, "what the starter needs is next to nothing"
    assert {(bar.total, bar.usable, bar.width()) for bar in bars} == {(24 * GB, 17 * GB, bars[0].width())}


def test_the_original_of_a_copy_is_kept_on_request(dialog: SettingsDialog, controller: FakeController) -> None:
    row = dialog.models.row_of(MINI.name)
    assert "a 4-bit copy is made from it; 6.9 GB stay on disk" in row.words
    row.keep_box.click()
    assert controller.downloads.last() == ("keep_original", MINI.name, True)
    controller.downloads.show(replace(MINI, keep_original=True))
    assert "24.9 GB stay on disk" in row.words


def test_a_running_download_is_seen_in_the_sidebar(window: MainWindow, controller: FakeController) -> None:
    status = window.sidebar.status
    assert status.task == ""
    controller.downloads.show(replace(MINI, state=DownloadState.RUNNING, done=int(6.84 * GB)))
    assert status.task == "Downloading Step-Audio 2 mini · 38 %"
    controller.downloads.show(MINI)
    assert status.task == ""
    controller.making_share = 0.4
    controller.models_changed.emit()
    assert status.task == "Making a 4-bit copy · 40 %"


def test_an_installed_model_says_what_it_needs_and_is_removed_without_a_question(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    controller.have(
        "models",
        (ModelView("a", "Copy", "4-bit copy", 7 * GB, 8 * GB, 17 * GB, removable=True, arrived=True),),
    )
    row = dialog.models.model_row("Copy")
    assert row.words.split("\n") == [
        *("Copy", "4-bit copy", "Fits", "Ready: use it now?", "needs 8.0 of 17.0 GB · 7.0 GB on disk"),
    ]
    row.use_button.click()
    assert controller.last() == ("switch_model", "a", False)
    row.remove_button.click()
    assert controller.last() == ("remove_model", "a")


def test_what_went_wrong_in_the_settings_is_told_there_until_the_next_page(
    dialog: SettingsDialog, window: MainWindow, controller: FakeController
) -> None:
    controller.failed.emit("It is not in the Trash any more.")
    assert dialog.problem == "It is not in the Trash any more."
    assert window.talk_bar.hint != dialog.problem
    dialog.open_page(dialog.sound)
    assert dialog.problem == ""


def test_a_model_that_arrived_is_offered_no_more(dialog: SettingsDialog, controller: FakeController) -> None:
    controller.downloads.show()
    with pytest.raises(KeyError):
        dialog.models.row_of(MINI.name)


def test_a_folder_is_a_model_to_use_or_a_place_to_keep_models(
    dialog: SettingsDialog, controller: FakeController, settings: FakeSettings, tmp_path: Path
) -> None:
    dialog.models.folder_chosen.emit(str(tmp_path))
    assert settings.now.models_folder == str(tmp_path)
    assert controller.asked[-1][0] != "switch_model"
    (tmp_path / "config.json").write_text("{}")
    dialog.models.folder_chosen.emit(str(tmp_path))
    assert controller.last() == ("switch_model", str(tmp_path), False)
    dialog.models.folder_chosen.emit(str(models_folder()))
    assert settings.now.models_folder == ""


def test_only_the_demonstration_model_points_to_the_full_one(window: MainWindow, controller: FakeController) -> None:
    assert window.welcome.model.isHidden()
    controller.have("welcome", Welcome("Answers short questions.", phrases=("One?",), demonstration=True))
    assert not window.welcome.model.isHidden()


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (44_000_000, 25_300_000_000, "44 MB of 25 GB"),
        (6_100_000_000, 24_000_000_000, "6.1 of 24 GB"),
        (1_500_000_000, 5_300_000_000, "1.5 of 5.3 GB"),
    ],
)
def test_memory_is_told_in_units_that_say_something(part: int, whole: int, words: str) -> None:
    assert share_of(part, whole) == words


def test_time_left_is_told_roughly() -> None:
    assert [time_left(s) for s in (20, 600, 7200)] == ["about a minute left", "10 min left", "2.0 h left"]


def record(dialog: SettingsDialog, name: str) -> None:
    recorder = dialog.voices.recorder
    recorder.name_field.setText(name)
    recorder.consent.setChecked(True)
    recorder.record_button.click()


def test_recording_a_voice_shows_the_level_and_ends_with_an_empty_form(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    recorder = dialog.voices.recorder
    record(dialog, "Me")
    controller.voice_recording_changed.emit(0.2)
    controller.level_changed.emit(0.5)
    assert recorder.level == 0.5
    controller.voice_recording_changed.emit(-1.0)
    assert recorder.message == "Making the voice…"
    controller.have("voices", (*controller.voices, VoiceView("Me", "Me")))
    assert recorder.message == "“Me” can speak now."
    assert (recorder.name_field.text(), recorder.consent.isChecked()) == ("", False)


def test_a_voice_that_could_not_be_made_says_why_on_its_page_and_keeps_the_form(
    dialog: SettingsDialog, controller: FakeController
) -> None:
    record(dialog, "Me")
    controller.voice_recording_changed.emit(-1.0)
    controller.have("notice", Notice("Nothing was heard: record once more."))
    recorder = dialog.voices.recorder
    assert (recorder.message, recorder.name_field.text()) == ("Nothing was heard: record once more.", "Me")


def test_a_voice_that_was_given_up_is_not_awaited(dialog: SettingsDialog, controller: FakeController) -> None:
    record(dialog, "Me")
    controller.voice_recording_changed.emit(0.2)
    dialog.voices.recorder.record_button.click()
    assert controller.last() == ("cancel_voice_recording",)
    controller.voice_recording_changed.emit(-1.0)
    assert dialog.voices.recorder.message == ""
