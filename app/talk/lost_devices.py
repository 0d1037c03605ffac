"""Says that a microphone or loudspeaker was disconnected, for as long as it is."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.audio.sound_devices import SoundDevices
from app.shown.talk import Notice, NoticeAction
from app.talk.notices import Notices


class LostDevices(QObject):
    """Follows the list of devices while the notice about a lost one stands."""

    def __init__(self, notices: Notices, sound: SoundDevices) -> None:
        super().__init__()
        self._notices, self._sound = notices, sound
        self._notice = Notice()
        self._name = ""
        self._missing = False  # the list was read since
        sound.input_lost.connect(self._on_lost)
        sound.output_lost.connect(self._on_lost)
        sound.microphone_opened.connect(self._on_microphone)
        sound.devices_changed.connect(self._on_devices)

    def _on_lost(self, name: str) -> None:
        self._name, self._missing = name, False
        self._say(self.tr("{name} disconnected. Earshot continues with another device.").format(name=name))

    def _say(self, words: str) -> None:
        self._notices.say(words, action=NoticeAction.DEVICE)
        self._notice = self._notices.shown

    def _stands(self) -> bool:
        return bool(self._name) and self._notices.shown == self._notice

    def _on_microphone(self) -> None:
        """Another one is open."""
        other = self._sound.microphone.device
        if self._stands() and other != self._name:
            words = self.tr("{name} disconnected. Listening with {other}.")
            self._say(words.format(name=self._name, other=other))

    def _on_devices(self) -> None:
        here = self._name in {device.name for device in (*self._sound.inputs, *self._sound.outputs)}
        if self._name and here and self._missing:
            if self._stands():
                self._notices.say()
            self._name = ""
        self._missing = self._missing or not here
