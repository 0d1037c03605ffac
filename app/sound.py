"""The microphone and the loudspeaker in use: opened and closed off the GUI thread, replaced when they go away."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.audio.devices import Device, DeviceError, OpenStream, SoundSystem, chosen, chosen_input
from app.audio.microphone import Microphone
from app.audio.playback import Playback
from app.settings import Settings
from app.worker import Worker

log = logging.getLogger(__name__)


class SoundDevices(QObject):
    """Keeps `microphone` and `playback` attached to streams. `poll` is called about 30 times a second."""

    devices_changed = Signal()
    microphone_opened = Signal()
    failed = Signal(str)  # a sentence
    input_lost = Signal(str)  # name of the device; another one is being opened
    output_lost = Signal(str)

    def __init__(self, system: SoundSystem, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._system, self._settings = system, settings
        self._worker = Worker("audio devices", self)
        self._opening_input = self._opening_output = False
        self._output_failed = False
        self._known_devices: bytes | None = None  # fingerprint of the list that PortAudio read
        self._changing_devices = b""
        self.microphone = Microphone(settings.now.pre_roll_ms / 1000)
        self.playback = Playback()
        self.inputs: tuple[Device, ...] = ()
        self.outputs: tuple[Device, ...] = ()
        settings.changed.connect(self._on_setting)

    def open(self, *, microphone: bool) -> None:
        """Open what is not open yet; the microphone only if asked for (the system may ask the user then)."""
        if microphone and not self.microphone.open and not self._opening_input:
            self._opening_input = True
            self._worker.run(self._open_input, self._on_input)
        if not self.playback.open and not self._opening_output and not self._output_failed:
            self._opening_output = True
            self._worker.run(self._open_output, self._on_output)

    def close_microphone(self) -> None:
        """Let go of the microphone."""
        if stream := self.microphone.detach():
            self._worker.run(stream.close)

    def refresh(self, *, microphone: bool) -> None:
        """Look for devices anew: closes and reopens everything, so only while idle."""
        for stream in (self.microphone.detach(), self.playback.detach()):
            if stream is not None:
                self._worker.run(stream.close)
        self._output_failed = False
        self._worker.run(self._system.refresh)
        self.open(microphone=microphone)

    def poll(self) -> None:
        """Take in the microphone's sound and notice devices that went away."""
        self.microphone.poll()
        if self.microphone.lost:
            self._replace_input()
        if self.playback.lost:
            self._replace_output()

    def watch(self, free: Callable[[], bool]) -> None:
        """Notice devices that came and a new default; called about once a second. A changed list is read once it stays
        the same for a second (wireless devices come in pieces) and `free` says that nobody talks and nothing sounds.
        """

        def seen(found: bytes | None, _error: Exception | None) -> None:
            if found is None or found == self._known_devices or self._known_devices is None:
                self._changing_devices = b""
            elif found != self._changing_devices:
                self._changing_devices = found
            elif free():
                self._known_devices = found
                self.refresh(microphone=self.microphone.open)

        self._worker.run(self._system.fingerprint, seen)

    def close(self, timeout_s: float) -> None:
        """Let go of everything, waiting at most this long."""
        for stream in (self.microphone.detach(), self.playback.detach()):
            if stream is not None:
                self._worker.run(stream.close)
        self._worker.close(timeout_s)

    def _replace_input(self) -> None:
        name = self.microphone.device
        self._worker.run(self.microphone.detach().close)  # type: ignore[union-attr]
        if not self.playback.sounding:
            self._renew_list()
        self.input_lost.emit(name)

    def _replace_output(self) -> None:
        stream = self.playback.detach()
        assert stream is not None
        self._worker.run(stream.close)
        if not self.microphone.recording:
            self._renew_list()
        self.output_lost.emit(stream.device)
        self.open(microphone=False)

    def _renew_list(self) -> None:
        """PortAudio lists devices once; to list them again nothing may be open."""
        for stream in (self.microphone.detach(), self.playback.detach()):
            if stream is not None:
                self._worker.run(stream.close)
        self._worker.run(self._system.refresh)

    def _note_devices(self) -> None:
        """How the list stands that PortAudio reads when it is asked first."""
        if self._known_devices is None:
            self._known_devices = self._system.fingerprint()

    def _open_input(self) -> OpenStream:
        self._note_devices()
        inputs, outputs = self._system.inputs(), self._system.outputs()
        now = self._settings.now
        device = chosen_input(inputs, now.input_device, chosen(outputs, now.output_device), now.prefer_built_in)
        if device is None:
            raise DeviceError(self.tr("There is no microphone: plug one in, or type instead."))
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        return self._system.open_input(device, self.microphone.on_block)

    def _open_output(self) -> OpenStream:
        self._note_devices()
        outputs = self._system.outputs()
        self.inputs, self.outputs = tuple(self._system.inputs()), tuple(outputs)
        device = chosen(outputs, self._settings.now.output_device)
        if device is None:
            raise DeviceError(self.tr("There is no loudspeaker: plug one in; answers can be read meanwhile."))
        return self._system.open_output(device, self.playback.fill)

    def _on_input(self, stream: OpenStream | None, error: Exception | None) -> None:
        self._opening_input = False
        self.devices_changed.emit()
        if stream is not None:
            self.microphone.attach(stream)
            self.microphone_opened.emit()
        elif error is not None:
            self._report(error)

    def _on_output(self, stream: OpenStream | None, error: Exception | None) -> None:
        self._opening_output = False
        self.devices_changed.emit()
        if stream is not None:
            self.playback.attach(stream)
        elif error is not None:
            self._output_failed = self.playback.muted = True
            self._report(error)

    def _report(self, error: Exception) -> None:
        if isinstance(error, DeviceError):
            self.failed.emit(str(error))
        else:
            log.error("a sound device failed", exc_info=error)
            self.failed.emit(self.tr("A sound device failed unexpectedly. The log says more; choose another device."))

    def _on_setting(self, name: str) -> None:
        if name == "pre_roll_ms":
            self.microphone.pre_roll_s = self._settings.now.pre_roll_ms / 1000
        elif name in ("input_device", "output_device", "prefer_built_in"):
            self.refresh(microphone=self.microphone.open)
