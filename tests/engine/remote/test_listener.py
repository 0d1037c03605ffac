from __future__ import annotations

import pytest

from engine.hearing import WINDOW_SAMPLES, patch_counts
from engine.remote.listener import RemoteListener
from tests.sounds import babble


@pytest.mark.parametrize("samples", [100, 32_000, WINDOW_SAMPLES + 800, WINDOW_SAMPLES + 8_000])
def test_a_sound_has_as_many_places_as_when_it_is_heard_here(samples: int) -> None:
    windows = RemoteListener().listen(babble(samples / 16_000))
    assert [window.shape[0] for window in windows] == [count for count in patch_counts(samples) if count]
