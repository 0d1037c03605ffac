from __future__ import annotations

import threading

import numpy as np
import pytest

from app.audio.playback import BUFFER_S, Playback
from engine.events import Samples
from tests.app.fakes import FakeStream, tone


def never() -> bool:
    return False


def opened(rate_hz: int = 48_000) -> Playback:
    playback = Playback()
    playback.attach(FakeStream(rate_hz, "Out"))
    return playback


def drained(playback: Playback, seconds: float, rate_hz: int = 48_000) -> Samples:
    out = np.zeros(round(seconds * rate_hz), np.float32)
    for start in range(0, len(out), 480):
        playback.fill(out[start : start + 480])
    return out


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_everything_written_is_played_at_the_devices_rate(rate_hz: int) -> None:
    playback = opened(rate_hz)
    sound = playback.begin()
    for piece in np.array_split(tone(2.0), 7):
        assert playback.write(sound, piece, never)
    playback.finish(sound)
    out = drained(playback, 2.5, rate_hz)
    sounding = np.flatnonzero(np.abs(out) > 1e-4)
    assert (sounding[-1] - sounding[0]) / rate_hz == pytest.approx(2.0, abs=0.005)
    assert playback.over
    assert playback.samples_played == 48_000
    assert playback.underruns == 0


def test_stopping_is_silent_after_five_milliseconds_and_tells_what_was_heard() -> None:
    playback = opened()
    sound = playback.begin()
    playback.write(sound, tone(3.0), never)
    drained(playback, 1.0)
    heard = playback.stop()
    after = drained(playback, 1.0)
    assert not after[240:].any()
    assert heard == pytest.approx(24_000, abs=10)


def test_a_full_buffer_holds_the_writer_until_it_is_stopped() -> None:
    playback = opened()
    sound = playback.begin()
    result: list[bool] = []
    writer = threading.Thread(target=lambda: result.append(playback.write(sound, tone(3 * BUFFER_S), never)))
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    playback.stop()
    writer.join(2.0)
    assert result == [False]


def test_playing_waits_as_long_as_the_newest_piece_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("app.audio.playback.time.monotonic", lambda: now)
    playback = opened()
    sound = playback.begin()
    playback.write(sound, tone(0.5), never, wait_s=1.0)
    now = 100.9
    assert not drained(playback, 0.2).any()
    playback.write(sound, tone(0.7), never, wait_s=0.5)
    now = 101.3
    assert not drained(playback, 0.2).any()
    now = 101.4
    assert drained(playback, 0.2).any()


@pytest.mark.parametrize("complete", [True, False])
def test_playing_waits_no_longer_than_until_all_is_there_or_the_buffer_is_full(complete: bool) -> None:
    playback = opened()
    sound = playback.begin()
    playback.write(sound, tone(0.5 if complete else 0.85 * BUFFER_S), never, wait_s=1000.0)
    if complete:
        playback.finish(sound)
    assert drained(playback, 0.2).any()


def test_a_pause_for_lack_of_samples_is_counted() -> None:
    playback = opened()
    sound = playback.begin()
    playback.write(sound, tone(0.1), never)
    drained(playback, 0.3)
    assert playback.underruns > 0
    playback.finish(sound)


def test_another_device_at_another_rate_plays_the_rest() -> None:
    playback = opened(48_000)
    sound = playback.begin()
    playback.write(sound, tone(2.0), never)
    playback.finish(sound)
    drained(playback, 0.5)
    playback.detach()
    playback.attach(FakeStream(44_100, "Other"))
    out = drained(playback, 2.0, 44_100)
    assert np.count_nonzero(np.abs(out) > 1e-4) / 44_100 == pytest.approx(1.5, abs=0.02)
    assert playback.samples_played == pytest.approx(48_000, abs=20)


def test_without_a_loudspeaker_nothing_waits() -> None:
    playback = Playback()
    playback.muted = True
    sound = playback.begin()
    assert playback.write(sound, tone(30.0), never)
    playback.finish(sound)
    assert playback.over


def test_a_pause_of_any_length_is_silent_and_loses_no_sample() -> None:
    straight, playback = opened(), opened()
    whole = np.random.default_rng(3).uniform(0.1, 0.5, 48_000).astype(np.float32)
    for each in (straight, playback):
        sound = each.begin()
        each.write(sound, whole, never)
        each.finish(sound)
    wanted = drained(straight, 2.5)
    before = drained(playback, 0.7)
    played = playback.samples_played
    playback.hold()
    paused = drained(playback, 120.0)
    assert (playback.held, playback.sounding, playback.over) == (True, True, False)
    assert playback.samples_played == played
    assert not paused[240:].any(), "it is silent after the 5 ms in which it fades"
    assert playback.level == 0.0
    playback.release()
    after = drained(playback, 1.8)
    assert playback.over
    assert playback.underruns == 0
    assert playback.samples_played == 48_000
    joined = np.concatenate([before, after])
    np.testing.assert_array_equal(np.delete(joined, slice(33_600, 33_840)), np.delete(wanted, slice(33_600, 33_840)))
    assert after[0] == 0.0, "and begins softly"


def test_what_was_on_its_way_to_the_ear_when_it_was_paused_was_heard() -> None:
    playback = opened()
    playback._stream = FakeStream(48_000, "Wireless", latency_s=0.2)
    sound = playback.begin()
    playback.write(sound, tone(3.0), never)
    drained(playback, 1.0)
    assert playback.samples_played == pytest.approx(0.8 * 24_000, abs=10)
    playback.hold()
    drained(playback, 0.1)
    assert playback.samples_played == pytest.approx(0.9 * 24_000, abs=10)
    drained(playback, 5.0)
    assert playback.samples_played == pytest.approx(1.0 * 24_000, abs=10)
    playback.release()
    assert playback.samples_played == pytest.approx(1.0 * 24_000, abs=10)
    drained(playback, 0.1)
    assert playback.samples_played == pytest.approx(1.0 * 24_000, abs=10), "that is still on its way"
    drained(playback, 0.4)
    assert playback.samples_played == pytest.approx(1.3 * 24_000, abs=10)
    assert playback.stop() == pytest.approx(1.3 * 24_000, abs=10)


def test_stopping_while_it_is_paused_makes_no_sound() -> None:
    playback = opened()
    playback.write(playback.begin(), tone(3.0), never)
    drained(playback, 1.0)
    playback.hold()
    drained(playback, 0.5)
    assert playback.stop() == pytest.approx(24_000, abs=10)
    assert not drained(playback, 0.5).any()
    assert not playback.held
    playback.write(playback.begin(), tone(0.5), never)
    assert not playback.held, "the next sound is not paused"


def test_another_device_takes_over_a_paused_sound_as_it_is() -> None:
    playback = opened(48_000)
    sound = playback.begin()
    playback.write(sound, tone(2.0), never)
    playback.finish(sound)
    drained(playback, 0.5)
    playback.hold()
    drained(playback, 0.5)
    playback.detach()
    playback.attach(FakeStream(44_100, "Other"))
    assert not drained(playback, 1.0, 44_100).any()
    assert playback.samples_played == pytest.approx(12_000, abs=20)
    playback.release()
    out = drained(playback, 2.0, 44_100)
    assert np.count_nonzero(np.abs(out) > 1e-4) / 44_100 == pytest.approx(1.5, abs=0.02)
    assert playback.samples_played == pytest.approx(48_000, abs=20)
