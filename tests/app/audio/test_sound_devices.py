"""Devices that are opened, changed and let go of while another one is still being opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.audio.devices import Device
from app.audio.sound_devices import SoundDevices
from app.settings import Settings
from engine.events import Samples
from tests.app.fakes import FakeSound, FakeStream, tone

HEADSET = Device("Headset", 44_100, 2)


class SlowSound(FakeSound):
    """Devices open when the gate lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.devices_out.append(HEADSET)
        self.plugged_out.append(HEADSET)
        self.gate = threading.Event()
        self.asked = threading.Event()
        self.plays = threading.Event()

    def open_input(self, device: Device, on_block: Callable[[Samples], None]) -> FakeStream:
        self._wait()
        return super().open_input(device, on_block)

    def open_output(self, device: Device, fill: Callable[[Samples], None]) -> FakeStream:
        self._wait()
        stream = super().open_output(device, fill)
        self.plays.set()
        return stream

    def _wait(self) -> None:
        self.asked.set()
        assert self.gate.wait(60)

    @property
    def open_devices(self) -> list[str]:
        return [stream.device for stream in self.streams if not stream.closed]


@pytest.fixture
def system() -> SlowSound:
    return SlowSound()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def devices(system: SlowSound, settings: Settings, qtbot: QtBot) -> Iterator[SoundDevices]:
    devices = SoundDevices(system, settings)
    yield devices
    system.gate.set()
    devices.close(20)
    assert system.open_devices == []
    assert system.open_while_refreshed == []


@pytest.fixture
def opening(devices: SoundDevices, system: SlowSound) -> SoundDevices:
    """While the microphone is being opened."""
    devices.open(microphone=True)
    assert system.asked.wait(20)
    return devices


def test_a_loudspeaker_chosen_while_another_one_opens_is_used(
    devices: SoundDevices, system: SlowSound, settings: Settings, qtbot: QtBot
) -> None:
    devices.open(microphone=False)
    assert system.asked.wait(20)
    settings.change(output_device="Headset")
    system.gate.set()
    qtbot.waitUntil(lambda: devices.playback.open)
    assert system.open_devices == ["Headset"]
    assert system.output is not None
    assert system.output.device == "Headset"


def test_a_microphone_that_nobody_wants_any_more_does_not_stay_open(
    opening: SoundDevices, system: SlowSound, qtbot: QtBot
) -> None:
    heard: list[bool] = []
    opening.microphone_opened.connect(lambda: heard.append(True))
    opening.close_microphone()
    system.gate.set()
    qtbot.waitUntil(lambda: opening.playback.open)
    assert system.open_devices == ["Built-in Output"]
    assert not opening.microphone.open
    assert heard == []


def test_a_microphone_wanted_again_before_the_first_one_is_open_is_opened_once(
    opening: SoundDevices, system: SlowSound, qtbot: QtBot
) -> None:
    opening.close_microphone()
    opening.open(microphone=True)
    opening.open(microphone=True)
    system.gate.set()
    qtbot.waitUntil(lambda: opening.microphone.open and opening.playback.open)
    assert system.open_devices == ["Built-in Output", "Built-in Microphone"]


def test_a_microphone_that_was_opening_is_open_after_devices_were_listed_anew(
    opening: SoundDevices, system: SlowSound, qtbot: QtBot
) -> None:
    opening.refresh()
    system.gate.set()
    qtbot.waitUntil(lambda: opening.microphone.open and opening.playback.open)
    assert system.refreshed == 1
    assert sorted(system.open_devices) == ["Built-in Microphone", "Built-in Output"]


def test_the_microphone_stays_warm_when_the_loudspeaker_goes_away(
    devices: SoundDevices, system: SlowSound, qtbot: QtBot
) -> None:
    system.gate.set()
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open and devices.playback.open)
    assert system.output is not None
    system.output.lost = True
    devices.poll()
    assert not devices.playback.open
    qtbot.waitUntil(lambda: devices.microphone.open and devices.playback.open)


def test_a_device_that_hangs_is_said_and_closed_when_it_opens_after_all(
    system: SlowSound, settings: Settings, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = SoundDevices(system, settings)
    said: list[str] = []
    devices.failed.connect(said.append)
    devices.open(microphone=True)
    assert system.asked.wait(20)
    system.gate, stuck = threading.Event(), system.gate
    system.gate.set()
    with monkeypatch.context() as patch:
        patch.setattr(devices._worker, "_longest_s", 0.0)
        devices.watch(lambda: True)  # whatever comes next finds the thread hanging
    qtbot.waitUntil(lambda: devices.playback.open)
    assert said == ["A sound device failed unexpectedly. The log says more; choose another device."]
    assert not devices.microphone.open
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open)
    stuck.set()
    qtbot.waitUntil(lambda: len(system.streams) == 3)
    qtbot.waitUntil(lambda: len(system.open_devices) == 2)
    assert devices.microphone._stream is system.streams[1]
    devices.close(20)
    assert system.open_devices == []


def test_the_list_of_devices_is_read_again_once_a_device_that_hangs_has_come_back(
    system: SlowSound, settings: Settings, qtbot: QtBot
) -> None:
    system.gate.set()
    devices = SoundDevices(system, settings)
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open and devices.playback.open)
    system.plugged_out.append(Device("New", 48_000, 2))
    system.busy = True
    for _second in range(3):
        _watched(devices, qtbot)
    assert system.refreshed == 0
    assert system.open_devices == ["Built-in Microphone", "Built-in Output"], "nothing was closed for it"
    system.busy = False
    _watched(devices, qtbot)
    qtbot.waitUntil(lambda: "New" in [device.name for device in devices.outputs])
    devices.close(20)


def test_a_list_that_could_not_be_read_again_is_tried_once_more(
    system: SlowSound, settings: Settings, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.gate.set()
    devices = SoundDevices(system, settings)
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open and devices.playback.open)
    system.plugged_out.append(Device("New", 48_000, 2))
    with monkeypatch.context() as patch:
        patch.setattr(system, "refresh", lambda: False)  # a device began to hang at that moment
        for _second in range(2):
            _watched(devices, qtbot)
        qtbot.waitUntil(lambda: devices.microphone.open and devices.playback.open)
    for _second in range(2):
        _watched(devices, qtbot)
    qtbot.waitUntil(lambda: "New" in [device.name for device in devices.outputs])
    devices.close(20)


def _watched(devices: SoundDevices, qtbot: QtBot) -> None:
    """What happens once a second, to its end."""
    over: list[bool] = []
    devices.watch(lambda: True)
    devices._worker.run(lambda: None, lambda _result, _error: over.append(True))
    qtbot.waitUntil(lambda: bool(over))


def pitch_hz(samples: Samples, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate_hz / len(samples))


def blocks(move: Callable[[Samples], None], out: Samples) -> Samples:
    for start in range(0, len(out), 441):
        move(out[start : start + 441])
    return out


def test_a_loudspeaker_of_another_rate_is_silent_until_it_is_attached_and_then_plays_the_right_pitch(
    system: SlowSound, settings: Settings, qtbot: QtBot
) -> None:
    system.gate.set()
    devices = SoundDevices(system, settings)
    devices.open(microphone=False)
    qtbot.waitUntil(lambda: devices.playback.open)
    sound = devices.playback.begin()
    devices.playback.write(sound, tone(4.0, hz=440), lambda: False)
    devices.playback.finish(sound)
    old = system.fill
    assert pitch_hz(blocks(old, np.zeros(44_100, np.float32)), 48_000) == pytest.approx(440, abs=2)
    with qtbot.waitSignal(devices.devices_changed):
        system.plays.clear()
        settings.change(output_device="Headset")
        assert system.plays.wait(60)  # it is opened on the worker's thread, and not attached by this one yet
        before = sound.ring.taken
        assert not blocks(system.fill, np.ones(4_410, np.float32)).any()
        assert not blocks(old, np.ones(4_410, np.float32)).any(), "two would read one ring"
        assert sound.ring.taken == before
    qtbot.waitUntil(lambda: devices.playback.open)
    played = blocks(system.fill, np.zeros(44_100, np.float32))
    assert pitch_hz(played, 44_100) == pytest.approx(440, abs=2)
    devices.close(20)
    assert not blocks(system.fill, np.ones(4_410, np.float32)).any()


def test_a_microphone_that_was_let_go_of_gives_nothing_to_the_next_one(
    system: SlowSound, settings: Settings, qtbot: QtBot
) -> None:
    system.gate.set()
    devices = SoundDevices(system, settings)
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open)
    old = system.on_block
    old(np.ones(480, np.float32))
    assert devices.microphone._ring.available == 480
    devices.close_microphone()
    devices.open(microphone=True)
    qtbot.waitUntil(lambda: devices.microphone.open)
    assert system.on_block is not old
    old(np.ones(480, np.float32))
    assert devices.microphone._ring.available == 0
    system.on_block(np.ones(480, np.float32))
    assert devices.microphone._ring.available == 480
    devices.close(20)
