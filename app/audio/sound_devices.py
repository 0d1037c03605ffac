"""The microphone and the loudspeaker in use: opened and closed off the GUI thread, replaced when unplugged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.audio.devices import Device, DeviceError, OpenStream, SoundSystem, chosen, chosen_input
from app.audio.gate import Gate
from app.audio.microphone import Microphone
from app.audio.playback import Playback
from app.settings import Settings
from app.translations import told
from app.worker import Worker

log = logging.getLogger(__name__)

_HANGS_S = 5.0  # a device that takes longer to open is left behind


class _Opening:
    """A stream that the audio worker opens, and closes again if nobody wants it any more by then.

    `gate` lets its samples through; it is opened when the stream is attached.
    """

    def __init__(self, open_stream: Callable[[Gate], OpenStream], gate: Gate) -> None:
        self._open_stream, self.gate = open_stream, gate
        self._stream: OpenStream | None = None
        self._wanted = True
        self._closing = threading.Lock()  # a worker that hung may come back while its successor closes

    def begin(self) -> OpenStream | None:
        """Open it; None if it was given up meanwhile. Raises DeviceError."""
        if self._wanted:
            self._stream = self._open_stream(self.gate)
        if not self._wanted:
            self.end()
        return self._stream

    def give_up(self) -> None:
        """Use it no more. `end` is to follow on the worker's thread, for one that is open by now."""
        self._wanted = False

    def end(self) -> None:
        """Close what was opened."""
        with self._closing:
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


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
        self._worker = Worker("audio devices", _HANGS_S, self)
        self._opening_input: _Opening | None = None
        self._opening_output: _Opening | None = None
        self._input_gate = self._output_gate = Gate(lambda block: None)  # of the streams that are attached
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
        if microphone and not self.has_microphone:
            self._opening_input = opening = _Opening(self._open_input, Gate(self.microphone.on_block))
            self._worker.run(opening.begin, lambda stream, error: self._on_input(opening, stream, error))
        if not self.playback.open and self._opening_output is None and not self._output_failed:
            self._opening_output = out = _Opening(self._open_output, Gate(self.playback.fill, plays=True))
            self._worker.run(out.begin, lambda stream, error: self._on_output(out, stream, error))

    def close_microphone(self) -> None:
        """Release the microphone, even one that is not open yet."""
        self._let_go(self._detach_microphone(), self._opening_input)
        self._opening_input = None

    def _close_loudspeaker(self) -> None:
        self._let_go(self._detach_loudspeaker(), self._opening_output)
        self._opening_output = None

    def _detach_microphone(self) -> OpenStream | None:
        self._input_gate.open = False
        return self.microphone.detach()

    def _detach_loudspeaker(self) -> OpenStream | None:
        self._output_gate.open = False
        return self.playback.detach()

    def _let_go(self, stream: OpenStream | None, opening: _Opening | None) -> None:
        if stream is not None:
            self._worker.run(stream.close)
        if opening is not None:
            opening.give_up()
            self._worker.run(opening.end)

    def refresh(self) -> None:
        """Look for devices again: closes and reopens everything, so only while idle."""
        self._output_failed = False
        self.open(microphone=self._renew_list())

    def _renew_list(self) -> bool:
        """PortAudio lists devices once; to list them again nothing may be open. Whether the microphone was."""
        microphone = self.has_microphone
        self.close_microphone()
        self._close_loudspeaker()
        self._worker.run(self._read_list, self._on_renewed)
        return microphone

    def _read_list(self) -> bool:
        """On the audio worker. What the list was like just before is what later ones are compared with."""
        found = self._system.fingerprint()
        renewed = self._system.refresh()
        if renewed:
            self._known_devices = found
        return renewed

    def _on_renewed(self, renewed: bool | None, error: Exception | None) -> None:
        if error is not None:
            log.error("devices cannot be listed again", exc_info=error)
        if not renewed:
            self._known_devices = b""  # of no list at all: it is read again as soon as it can be

    @property
    def has_microphone(self) -> bool:
        """Whether the microphone is open or being opened."""
        return self.microphone.open or self._opening_input is not None

    def poll(self) -> None:
        """Take in the microphone's sound and notice devices that went away."""
        self.microphone.poll()
        if self.microphone.lost:
            self._replace_input()
        if self.playback.lost:
            self._replace_output()

    def watch(self, free: Callable[[], bool]) -> None:
        """Notice devices that came and a new default; called about once a second. A changed list is read once it stays
        the same for a second (wireless devices come in pieces), `free` says that nobody talks and nothing sounds, and
        no device hangs.
        """

        def seen(found: bytes | None, _error: Exception | None) -> None:
            if found is None or found == self._known_devices or self._known_devices is None:
                self._changing_devices = b""
            elif found != self._changing_devices:
                self._changing_devices = found
            elif free() and not self._system.busy:
                self._known_devices = found
                self.refresh()

        self._worker.run(self._system.fingerprint, seen)

    def close(self, timeout_s: float) -> None:
        """Release everything, waiting at most this long."""
        self.close_microphone()
        self._close_loudspeaker()
        self._worker.close(timeout_s)

    def _replace_input(self) -> None:
        name = self.microphone.device
        self.close_microphone()
        if not self.playback.sounding:
            self._renew_list()
        self.input_lost.emit(name)

    def _replace_output(self) -> None:
        stream = self._detach_loudspeaker()
        assert stream is not None
        self._worker.run(stream.close)
        microphone = False if self.microphone.recording else self._renew_list()
        self.output_lost.emit(stream.device)
        self.open(microphone=microphone)

    def _note_devices(self) -> None:
        """Note how the list stands before PortAudio reads it for the first time."""
        if self._known_devices is None:
            self._known_devices = self._system.fingerprint()

    def _open_input(self, gate: Gate) -> OpenStream:
        self._note_devices()
        inputs, outputs = self._system.inputs(), self._system.outputs()
        now = self._settings.now
        device = chosen_input(inputs, now.input_device, chosen(outputs, now.output_device), now.prefer_built_in)
        if device is None:
            raise DeviceError(self.tr("There is no microphone: plug one in, or type instead."))
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        return self._system.open_input(device, gate)

    def _open_output(self, gate: Gate) -> OpenStream:
        self._note_devices()
        outputs = self._system.outputs()
        self.inputs, self.outputs = tuple(self._system.inputs()), tuple(outputs)
        device = chosen(outputs, self._settings.now.output_device)
        if device is None:
            raise DeviceError(self.tr("There is no loudspeaker: plug one in; answers can be read meanwhile."))
        return self._system.open_output(device, gate)

    def _on_input(self, opening: _Opening, stream: OpenStream | None, error: Exception | None) -> None:
        if opening is not self._opening_input:
            return  # given up
        self._opening_input = None
        self.devices_changed.emit()
        if stream is not None:
            self.microphone.attach(stream)
            self._input_gate = opening.gate
            opening.gate.open = True
            self.microphone_opened.emit()
        elif error is not None:
            opening.give_up()  # one that hangs may open yet
            self._report(error)

    def _on_output(self, opening: _Opening, stream: OpenStream | None, error: Exception | None) -> None:
        if opening is not self._opening_output:
            return
        self._opening_output = None
        self.devices_changed.emit()
        if stream is not None:
            self.playback.attach(stream)
            self._output_gate = opening.gate
            opening.gate.open = True
        elif error is not None:
            opening.give_up()
            self._output_failed = self.playback.muted = True
            self._report(error)

    def _report(self, error: Exception) -> None:
        if isinstance(error, DeviceError):
            self.failed.emit(told(error))
        else:
            log.error("a sound device failed", exc_info=error)
            self.failed.emit(self.tr("A sound device failed unexpectedly. The log says more; choose another device."))

    def _on_setting(self, name: str) -> None:
        if name == "pre_roll_ms":
            self.microphone.pre_roll_s = self._settings.now.pre_roll_ms / 1000
        elif name in ("input_device", "output_device", "prefer_built_in"):
            self.refresh()
