from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Samples
from engine.transcription.pauses import CHUNK, RATE_HZ, Rules, Window, WindowCutter
from tests.sounds import babble, silence


class LoudIsSpeech:
    """A detector that needs no network."""

    def probability(self, chunk_16k: Samples) -> float:
        return 1.0 if np.abs(chunk_16k).max() > 0.1 else 0.0


def _cut(sound: Samples, block: int = 16_000, rules: Rules | None = None) -> list[Window]:
    cutter = WindowCutter(LoudIsSpeech(), rules)  # type: ignore[arg-type]
    windows = [window for at in range(0, len(sound), block) for window in cutter.push(sound[at : at + block])]
    return windows + cutter.finish()


def _loud(seconds: float) -> Samples:
    return np.full(round(seconds * RATE_HZ), 0.5, np.float32)


def _times(windows: list[Window]) -> list[tuple[float, float]]:
    return [(round(window.start_s, 1), round(window.end_s, 1)) for window in windows]


def test_silence_is_left_out_and_a_margin_is_kept() -> None:
    windows = _cut(np.concatenate([silence(3.0), _loud(2.0), silence(5.0), _loud(1.0), silence(1.0)]))
    assert _times(windows) == [(2.8, 5.2), (9.8, 11.2)]


def test_short_pauses_stay_inside_a_window_and_are_told() -> None:
    (window,) = _cut(np.concatenate([silence(1.0), _loud(2.0), silence(0.5), _loud(1.0), silence(3.0)]))
    assert [tuple(round(time, 1) for time in span) for span in window.spans] == [(0.8, 3.2), (3.3, 4.7)]


def test_how_likely_nobody_speaks_is_what_the_detector_heard_in_the_window() -> None:
    sound = np.concatenate([silence(3.0), _loud(2.0), silence(5.0), _loud(1.0), silence(0.5), _loud(1.0), silence(1.0)])
    for block in (16_000, 1_000):
        first, second = _cut(sound, block)
        assert first.no_speech_probability == pytest.approx(0.4 / 2.4, abs=0.04)  # its margins
        assert second.no_speech_probability == pytest.approx(0.9 / 2.9, abs=0.04)


def test_a_window_that_is_long_enough_ends_at_the_next_pause() -> None:
    windows = _cut(np.concatenate([_loud(9.0), silence(0.8), _loud(3.0), silence(1.0)]))
    assert _times(windows) == [(0.0, 9.2), (9.6, 13.0)]


def test_a_window_that_would_be_too_long_ends_at_its_longest_pause() -> None:
    sound = [_loud(9.0), silence(0.5), _loud(6.0), silence(0.3), _loud(7.0), silence(0.3), _loud(4.0), silence(1.0)]
    windows = _cut(np.concatenate(sound))
    assert _times(windows) == [(0.0, 9.2), (9.3, 27.3)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    sound = _loud(40.0)
    sound[20 * RATE_HZ : 20 * RATE_HZ + 3000] = 0.2
    windows = _cut(sound)
    assert windows[0].end_s == pytest.approx(20.1, abs=0.15)
    assert windows[1].start_s == windows[0].end_s
    assert windows[-1].end_s == pytest.approx(40.0, abs=0.01)


def test_a_click_is_not_speech() -> None:
    click = silence(4.0)
    click[30_000:30_400] = 0.9
    assert _cut(click) == []


def test_the_detector_hears_quiet_speech_too() -> None:
    sound = np.concatenate([silence(1.0), babble(3.0) * 0.002, silence(1.0)])
    cutter = WindowCutter()
    (window,) = cutter.push(sound) + cutter.finish()
    assert (window.start_s, window.end_s) == (pytest.approx(0.85, abs=0.2), pytest.approx(4.1, abs=0.25))
    start = round(window.start_s * RATE_HZ)
    np.testing.assert_array_equal(window.samples_16k, sound[start : start + len(window.samples_16k)])


def test_a_long_silence_keeps_nothing() -> None:
    cutter = WindowCutter(LoudIsSpeech())  # type: ignore[arg-type]
    for _ in range(60):
        assert cutter.push(silence(10.0)) == []
    assert len(cutter._kept.between(cutter._kept.start, cutter._kept.end)) < RATE_HZ
    assert cutter.position_s == pytest.approx(600, abs=0.1)


pieces = st.lists(st.tuples(st.booleans(), st.floats(0.05, 30.0)), min_size=1, max_size=8)


@given(pieces, st.integers(1000, 200_000))
@settings(max_examples=20, deadline=None)
def test_windows_are_ordered_never_too_long_and_hold_all_speech(parts: list[tuple[bool, float]], block: int) -> None:
    sound = np.concatenate([_loud(seconds) if loud else silence(seconds) for loud, seconds in parts])
    windows = _cut(sound, block)
    heard = np.zeros(len(sound), bool)
    end = 0
    for window in windows:
        start = round(window.start_s * RATE_HZ)
        assert start >= end
        end = start + len(window.samples_16k)
        assert end == round(window.end_s * RATE_HZ)
        assert len(window.samples_16k) <= 25 * RATE_HZ
        np.testing.assert_array_equal(window.samples_16k, sound[start:end])
        assert window.spans[0][0] == window.start_s
        assert window.spans[-1][1] == window.end_s
        heard[start:end] = True
    missed = np.flatnonzero((sound > 0) & ~heard)
    shortest = round(Rules().shortest_speech_s * RATE_HZ)
    assert all(len(run) <= shortest + 2 * CHUNK for run in np.split(missed, np.flatnonzero(np.diff(missed) > 1) + 1))


@given(pieces, st.integers(600, 100_000), st.integers(600, 100_000))
@settings(max_examples=8, deadline=None)
def test_the_size_of_the_blocks_does_not_matter(parts: list[tuple[bool, float]], one: int, other: int) -> None:
    sound = np.concatenate([_loud(seconds) if loud else silence(seconds) for loud, seconds in parts])
    assert [(w.start_s, w.spans) for w in _cut(sound, one)] == [(w.start_s, w.spans) for w in _cut(sound, other)]
