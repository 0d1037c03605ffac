from __future__ import annotations

import numpy as np
import pytest

from app.audio.devices import Device, chosen_input
from app.audio.microphone import Microphone, peaks
from engine.events import Samples
from tests.app.fakes import FakeStream, tone


def fed(microphone: Microphone, samples: Samples, rate_hz: int = 48_000) -> None:
    for block in np.array_split(samples, max(len(samples) * 30 // rate_hz, 1)):
        microphone.on_block(block)
        microphone.poll()


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_recording_has_its_pre_roll_and_its_pitch(rate_hz: int) -> None:
    microphone = Microphone(0.5)
    microphone.attach(FakeStream(rate_hz, "In"))
    fed(microphone, tone(2.0, rate_hz), rate_hz)
    microphone.start()
    fed(microphone, tone(1.0, rate_hz), rate_hz)
    recorded = microphone.stop()
    assert len(recorded) / 16_000 == pytest.approx(1.5, abs=0.03)  # the resampler holds 20 ms back
    spectrum = np.abs(np.fft.rfft(recorded[1000:-1000]))
    assert np.argmax(spectrum) * 16_000 / (len(recorded) - 2000) == pytest.approx(220, abs=2)


@pytest.mark.parametrize("pre_roll_s", [0.0, 0.5])
def test_a_key_held_for_a_while_gets_the_sound_since_it_went_down(pre_roll_s: float) -> None:
    microphone = Microphone(pre_roll_s)
    microphone.attach(FakeStream(48_000, "In"))
    fed(microphone, tone(2.0, 48_000))
    microphone.start(0.25)
    assert len(microphone.stop()) / 16_000 == pytest.approx(pre_roll_s + 0.25, abs=0.03)
    microphone.start()
    assert len(microphone.stop()) / 16_000 == pytest.approx(pre_roll_s, abs=0.03)


def test_exact_zeros_are_not_yet_sound() -> None:
    microphone = Microphone()
    microphone.attach(FakeStream(48_000, "In"))
    fed(microphone, np.zeros(28_800, np.float32))
    assert not microphone.delivering
    assert not microphone.silent
    fed(microphone, np.zeros(28_800, np.float32))
    assert microphone.silent
    fed(microphone, tone(0.1, 48_000))
    assert microphone.delivering
    assert not microphone.silent


def test_a_gui_that_was_busy_for_five_seconds_loses_no_sample() -> None:
    microphone = Microphone(0.5)
    microphone.attach(FakeStream(48_000, "In"))
    microphone.start()
    microphone.on_block(tone(5.0, 48_000))
    assert len(microphone.stop()) / 16_000 == pytest.approx(5.0, abs=0.02)
    assert microphone.overruns == 0


def test_a_bluetooth_loudspeaker_keeps_its_quality_by_the_built_in_microphone() -> None:
    headset, built_in = Device("AirPods", 24_000, 1, True), Device("MacBook Pro Microphone", 48_000, 1)
    out = Device("AirPods", 48_000, 2, True)
    assert chosen_input([headset, built_in], "", out, True) is built_in
    assert chosen_input([headset, built_in], "", out, False) is headset
    assert chosen_input([headset, built_in], "AirPods", out, True) is headset
    assert chosen_input([headset], "", out, True) is headset


def test_the_waveform_is_scaled_to_its_highest_bar() -> None:
    assert max(peaks(0.01 * tone(1.0))) == 1.0
    assert len(peaks(tone(1.0))) == 46
