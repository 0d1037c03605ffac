"""Recordings made on the Transcribe page, at the real window: nothing that was recorded is lost, whatever happens."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.audio import growing_recording
from app.audio.permission import Access
from app.paths import Paths
from app.shown.transcribe import JobState, JobView
from app.widgets.frame.window import TALK, TRANSCRIBE
from engine.events import Samples
from engine.samples import probe
from tests.app.conftest import Running, noise
from tests.app.transcribe.test_transcriber import Steps, steps
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow

__all__ = ["steps"]  # the fixture

Start = Callable[..., Running]


def records(user: User, seconds: int = 3) -> None:
    """Press Record and let some seconds be heard."""
    user.window.show_page(TRANSCRIBE)
    user.press(user.window.transcribe.drop_zone.record)
    hears(user, seconds)


def hears(user: User, seconds: int) -> None:
    row = user.window.transcribe.recording
    user.sees(lambda: row.isVisible() and user.app.controller._sound.microphone.recording)
    for _ in range(seconds):
        before = row.time_words
        user.sound.speak(noise(1.02))
        user.sees(lambda before=before: row.time_words > before)


def jobs(user: User) -> tuple[JobView, ...]:
    return user.app.controller.transcriber.jobs


def files(paths: Paths, pattern: str) -> list[Path]:
    return sorted(paths.transcriptions.glob(pattern))


def is_safe(app: Running, seconds: float) -> JobView:
    """The one recording there is, once it stands in the queue's file and what grew is gone."""
    app.wait(lambda: app.controller.transcriber.jobs and not files(app.paths, "*.growing"))
    (job,) = app.controller.transcriber.jobs
    path = app.controller.transcriber.path(job.key)
    assert path is not None
    assert path.parent == app.paths.transcriptions
    assert probe(path).duration_s == pytest.approx(seconds, abs=0.6)
    assert path.stat().st_mode & 0o777 == 0o600
    return job


def test_what_is_recorded_is_transcribed_under_the_time_at_which_it_began(sit: Sit, steps: Steps) -> None:
    user = sit()
    records(user, 4)
    page = user.window.transcribe
    assert (page.recording.words, page.recording.time_words) == ("Recording", "00:04")
    assert page.recording.meter.lit > 5
    assert not page.drop_zone.record.isEnabled()
    began = datetime.fromtimestamp(user.app.controller.long_recorder._began_s)
    user.press(page.recording.stop)
    assert not page.recording.isVisible()
    assert page.drop_zone.record.isEnabled()
    job = is_safe(user.app, 4.0)
    assert job.title == job.name == began.strftime("Recording, %-d %B %H:%M")
    user.sees(lambda: jobs(user)[0].state is JobState.DONE)
    assert user.cards()[job.name].accessibleName() == job.title
    assert not user.app.controller._talk.microphone_use.wanted
    user.app.controller.ask_recording(job.key)
    user.window.show_page(TALK)
    assert user.window.talk_bar.attachment == f"About {job.title}"
    user.type("What is it about?")
    user.sees(lambda: user.app.controller.turns)
    assert user.app.controller.turns[0].attachment == job.title
    assert user.window.talk_bar.attachment == ""


def test_hours_of_it_are_not_kept_in_memory(sit: Sit, steps: Steps) -> None:
    user = sit()
    records(user, 12)
    assert user.app.controller._sound.microphone.recorded_s < 1.2
    user.press(user.window.transcribe.recording.stop)
    is_safe(user.app, 12.0)


def test_nobody_can_talk_while_it_records_and_nothing_ends_it_by_the_way(sit: Sit, steps: Steps) -> None:
    user = sit()
    records(user, 2)
    user.escape()
    user.app.controller.stop()
    user.window.go_home()
    user.hold_space()
    user.let_go()
    assert user.window.page == TALK
    user.sees_notice("A recording is being made: stop it on the Transcribe page before you talk.")
    assert user.window.talk_bar.word == "Ready"
    user.app.controller.toggle_latch()
    assert user.window.talk_bar.word == "Ready"
    user.type("Typed meanwhile.")
    user.sees(lambda: user.app.controller.turns)
    user.window.show_page(TRANSCRIBE)
    hears(user, 2)
    user.press(user.window.transcribe.recording.stop)
    is_safe(user.app, 4.0)
    user.app.controller.stop()
    user.window.show_page(TALK)
    user.say()
    user.sees(lambda: len(user.app.controller.turns) == 2)


def test_every_other_page_shows_that_it_records_and_leads_back(sit: Sit, steps: Steps) -> None:
    user = sit()
    chip = user.window.header.recording
    records(user, 2)
    assert not chip.isVisible(), "the page itself shows it"
    user.window.show_page(TALK)
    assert (chip.isVisible(), chip.text(), chip.accessibleName()) == (True, "0:02", "Recording, show it")
    user.sound.speak(noise(1.0))
    user.sees(lambda: chip.text() == "0:03")
    user.press(chip)
    assert user.window.page == TRANSCRIBE
    assert not chip.isVisible()
    user.press(user.window.transcribe.recording.stop)
    user.window.show_page(TALK)
    assert not chip.isVisible()


def test_it_does_not_begin_while_somebody_talks(sit: Sit) -> None:
    user = sit()
    user.app.controller.toggle_latch()
    user.speak()
    user.sees_word("Listening · locked")
    user.window.show_page(TRANSCRIBE)
    user.press(user.window.transcribe.drop_zone.record)
    assert user.window.transcribe._trouble.text() == "Earshot is listening: finish talking before you record."
    assert not user.window.transcribe.recording.isVisible()
    assert user.window.talk_bar.word == "Listening · locked"


def test_a_microphone_that_is_not_allowed_says_so_on_the_page(sit: Sit) -> None:
    user = sit()
    user.app.permission._access = Access.DENIED
    user.window.show_page(TRANSCRIBE)
    user.press(user.window.transcribe.drop_zone.record)
    assert "allow it in the privacy settings" in user.window.transcribe._trouble.text()
    assert not user.window.transcribe.recording.isVisible()


def test_a_crash_loses_half_a_second_at_most(sit: Sit, start: Start, steps: Steps, tmp_path: Path) -> None:
    user = sit()
    records(user, 3)
    user.sees(lambda: files(user.app.paths, "*.growing")[0].stat().st_size > 2.4 * 32_000)
    crashed = tmp_path / "crashed"
    shutil.copytree(user.app.paths.data, crashed)
    app = start(paths=Paths(crashed, crashed / "logs"))
    job = is_safe(app, 2.8)
    assert job.title.startswith("Recording, ")
    app.wait(lambda: app.controller.transcriber.jobs[0].state is JobState.DONE)
    app.controller.shutdown()
    again = start(paths=Paths(crashed, crashed / "logs"))
    again.wait(lambda: again.controller.transcriber.jobs)
    assert [each.key for each in again.controller.transcriber.jobs] == [job.key], "it is found once"


def test_quitting_while_it_records_keeps_all_of_it(sit: Sit, start: Start, steps: Steps) -> None:
    user = sit()
    records(user, 3)
    user.app.controller.shutdown()
    assert not jobs(user)
    is_safe(start(), 3.05)


def test_what_is_discarded_can_be_brought_back_until_earshot_quits(sit: Sit, start: Start, steps: Steps) -> None:
    user = sit()
    records(user, 2)
    user.press(user.window.transcribe.recording.discard)
    user.sees(lambda: user.window.toast.words.startswith("Removed “Recording, "))
    assert not jobs(user)
    user.press(user.window.toast.undo_button)
    job = is_safe(user.app, 2.0)
    path = user.app.controller.transcriber.path(job.key)
    assert path is not None
    user.app.controller.recording_commands.remove_recording(job.key)
    assert path.exists()
    user.app.controller.shutdown()
    assert not path.exists(), "its file goes with it"
    assert not files(user.app.paths, "*.recorded*")


def test_a_microphone_pulled_while_it_records_loses_nothing(sit: Sit, steps: Steps) -> None:
    user = sit()
    records(user, 2)
    assert user.sound.input is not None
    user.sound.input.lost = True
    user.sees(lambda: "What was recorded until then is kept." in user.window.transcribe._trouble.text())
    assert not user.window.transcribe.recording.isVisible()
    is_safe(user.app, 2.0)


def test_a_full_disk_ends_it_says_so_and_keeps_what_was_written(
    sit: Sit, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit()
    records(user, 2)
    append = growing_recording._append
    user.sees(lambda: files(user.app.paths, "*.growing")[0].stat().st_size > 1.9 * 32_000)

    def full(path: Path, samples: Samples) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(growing_recording, "_append", full)
    user.sound.speak(noise(1.0))
    trouble = user.window.transcribe._trouble
    user.sees(lambda: "the disk is full" in trouble.text())
    monkeypatch.setattr(growing_recording, "_append", append)
    assert "What was recorded until then is kept." in trouble.text()
    is_safe(user.app, 2.0)


def test_nothing_to_hear_makes_no_recording(sit: Sit) -> None:
    user = sit()
    user.window.show_page(TRANSCRIBE)
    user.press(user.window.transcribe.drop_zone.record)
    assert user.window.transcribe.recording.words == "Starting…"
    user.app.controller._sound.microphone._before.clear()
    user.press(user.window.transcribe.recording.stop)
    user.sees(lambda: "gave no sound" in user.window.transcribe._trouble.text())
    assert not files(user.app.paths, "*.recorded*")
    user.window.show_page(TALK)
    user.say()
    user.sees(lambda: user.app.controller.turns)


def test_the_keyboard_begins_it_and_ends_it(sit: Sit, steps: Steps) -> None:
    user = sit()
    user.window.show_page(TRANSCRIBE)
    page = user.window.transcribe
    user.sees(user.window.isActiveWindow)
    page.drop_zone.record.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page.drop_zone.record, Qt.Key.Key_Space)
    hears(user, 2)
    assert QApplication.focusWidget() is page.recording.stop
    assert page.recording.accessibleName() == "Recording"
    QTest.keyClick(page.recording.stop, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is page.recording.discard
    QTest.keyClick(page.recording.discard, Qt.Key.Key_Tab)
    QTest.keyClick(page.recording.stop, Qt.Key.Key_Space)
    is_safe(user.app, 2.0)


def test_it_is_named_in_the_language_of_the_window(chinese: None, sit: Sit, steps: Steps) -> None:
    user = sit()
    records(user, 1)
    assert user.window.transcribe.recording.words == "正在录音"
    began = datetime.fromtimestamp(user.app.controller.long_recorder._began_s)
    user.press(user.window.transcribe.recording.stop)
    assert is_safe(user.app, 1.0).title == began.strftime("录音 %-m月%-d日 %H:%M")
