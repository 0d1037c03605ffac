"""PortAudio as the app uses it, with a stand-in for its library: rates, channels, what fails and how it is said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.audio.devices import Device, DeviceError, PortAudio, chosen


class Stream:
    """A stream that can be opened with some numbers of channels only."""

    def __init__(self, library: Library, **options: Any) -> None:
        library.tried.append((options["channels"], options["samplerate"]))
        if options["channels"] not in library.works:
            raise library.PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        library.do(f"open {options['channels']}")
        self.samplerate, self.latency, self.options = library.real_rate or options["samplerate"], 0.021, options
        self.calls: list[str] = []
        self.library = library
        library.streams.append(self)

    def start(self) -> None:
        self.calls.append("start")
        if self.library.starts_fail:
            raise self.library.PortAudioError("Unanticipated host error [PaErrorCode -9999]")

    def abort(self, ignore_errors: bool) -> None:
        self.calls.append("abort")

    def close(self, ignore_errors: bool) -> None:
        self.calls.append("close")
        self.library.do("close")


class Library:
    """The module `sounddevice`, as far as it is used."""

    class PortAudioError(Exception):
        """What PortAudio reports."""

    def __init__(self, works: set[int]) -> None:
        self.works, self.real_rate = works, 0.0
        self.tried: list[tuple[int, float]] = []
        self.streams: list[Stream] = []
        self.starts_fail = False
        self.does: list[str] = []
        self.do: Callable[[str], None] = self.does.append  # a test may let it hang
        self.default = type("Default", (), {"device": [1, 0]})()
        self.listed = [
            {"name": "Speakers", "index": 0, "default_samplerate": 44_100.0, "max_input_channels": 0,
             "max_output_channels": 8},
            {"name": "Studio", "index": 1, "default_samplerate": 96_000.0, "max_input_channels": 4,
             "max_output_channels": 0},
            {"name": "pulse", "index": 2, "default_samplerate": 44_100.0, "max_input_channels": 32,
             "max_output_channels": 32},
        ]  # fmt: skip

    def query_devices(self) -> list[dict[str, Any]]:
        return self.listed

    def _terminate(self) -> None:
        self.do("terminate")

    def _initialize(self) -> None:
        self.do("initialize")

    def InputStream(self, **options: Any) -> Stream:  # noqa: N802
        return Stream(self, **options)

    OutputStream = InputStream


def system(library: Library) -> PortAudio:
    audio = PortAudio()
    audio._module = library  # type: ignore[assignment]
    return audio


def test_devices_are_listed_with_their_own_rates_the_default_first() -> None:
    audio = system(Library({1}))
    found = [(device.name, device.rate_hz, device.default) for device in audio.inputs()]
    assert found == [("Studio", 96_000, True), ("pulse", 48_000, False)]
    assert [d.name for d in audio.outputs()] == ["Speakers", "pulse"]


def test_one_channel_fails_and_the_device_s_own_number_is_tried_once() -> None:
    library = Library({4})
    heard: list[np.ndarray] = []
    stream = system(library).open_input(Device("Studio", 96_000, 4), heard.append)
    assert library.tried == [(1, 96_000), (4, 96_000)]
    library.streams[0].options["callback"](np.arange(8, dtype=np.float32).reshape(2, 4), 2, None, None)
    assert heard[0].tolist() == [0.0, 4.0], "its first channel"
    assert stream.rate_hz == 96_000


def test_the_rate_is_read_again_after_the_start() -> None:
    library = Library({2})
    library.real_rate = 24_000.0
    stream = system(library).open_output(Device("Speakers", 44_100, 8), lambda out: None)
    assert (stream.rate_hz, stream.latency_s) == (24_000, 0.021)


def test_what_is_played_goes_to_every_channel() -> None:
    library = Library({2})

    def fill(out: np.ndarray) -> None:
        out[:] = 0.25

    system(library).open_output(Device("Speakers", 44_100, 8), fill)
    block = np.zeros((16, 2), np.float32)
    library.streams[0].options["callback"](block, 16, None, None)
    assert (block == 0.25).all()


@pytest.mark.parametrize(("side", "what"), [("open_input", "microphone"), ("open_output", "loudspeaker")])
def test_a_device_that_cannot_be_opened_is_a_sentence_with_its_name(side: str, what: str) -> None:
    library = Library(set())
    opening = getattr(system(library), side)
    with pytest.raises(DeviceError, match=rf"The {what} Studio cannot be opened \(Invalid number"):
        opening(Device("Studio", 96_000, 4), lambda block: None)
    assert len(library.tried) == 2


def test_a_stream_that_ends_by_itself_is_lost_and_one_that_is_closed_is_not() -> None:
    library = Library({1})
    stream = system(library).open_input(Device("Studio", 96_000, 4), lambda block: None)
    library.streams[0].options["finished_callback"]()
    assert stream.lost
    other = system(library).open_input(Device("Studio", 96_000, 4), lambda block: None)
    other.close()
    library.streams[1].options["finished_callback"]()
    assert not other.lost
    assert library.streams[1].calls == ["start", "abort", "close"]


@pytest.mark.parametrize("call", ["open 1", "close"])
def test_the_list_is_not_read_again_while_a_thread_hangs_in_the_library(call: str) -> None:
    library, inside, gate = Library({1}), threading.Event(), threading.Event()

    def do(what: str) -> None:
        library.does.append(what)
        if what == call:
            inside.set()
            assert gate.wait(60)

    library.do = do
    audio = system(library)
    with ThreadPoolExecutor() as threads:
        hanging = threads.submit(lambda: audio.open_input(Device("Studio", 96_000, 4), lambda block: None).close())
        assert inside.wait(60)
        assert audio.busy
        assert not audio.refresh()
        assert "terminate" not in library.does
        gate.set()
        hanging.result(60)
    assert not audio.busy
    assert audio.refresh()
    assert library.does[-3:] == ["close", "terminate", "initialize"]


def test_the_list_is_not_read_again_below_an_open_stream() -> None:
    library = Library({1})
    audio = system(library)
    stream = audio.open_input(Device("Studio", 96_000, 4), lambda block: None)
    assert not audio.refresh()
    stream.close()
    assert audio.refresh()


def test_a_stream_that_does_not_start_is_closed() -> None:
    library = Library({1, 4})
    library.starts_fail = True
    audio = system(library)
    with pytest.raises(DeviceError, match="Unanticipated host error"):
        audio.open_input(Device("Studio", 96_000, 4), lambda block: None)
    assert [stream.calls[-1] for stream in library.streams] == ["close", "close"]
    assert audio.refresh()


def test_a_chosen_device_that_is_away_gives_way_to_the_default() -> None:
    devices = [Device("A", 48_000, 2), Device("B", 48_000, 2, True)]
    assert chosen(devices, "A") is devices[0]
    assert chosen(devices, "C") is devices[1]
    assert chosen(devices, "") is devices[1]
    assert chosen(devices[:1], "") is devices[0]
    assert chosen([], "") is None
