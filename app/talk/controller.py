"""What the window talks to: the user's wishes come in as commands, what happened goes out as signals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.audio.devices import Device
from app.audio.permission import Access
from app.engine_side.engine_thread import Request
from app.models.downloads import Downloads
from app.shown import (
    ConversationView,
    DeviceView,
    ModelStatus,
    ModelView,
    PresetView,
    State,
    ToolOffer,
    TurnView,
    VoiceView,
)
from app.talk.parts import Parts
from app.talk.talking import Talking
from engine.events import Thinking

_POLL_MS = 33
_CLOSING_S = 0.25  # each for the devices, the disk and the engine: together under a second
_SERVERS_CLOSING_S = 0.1  # they have been ending since the others began to


class Controller(Talking):
    """Lives on the GUI thread; no command waits. Below it lie, each a layer: Talking, Replaying, Answering."""

    model_changed = Signal(ModelStatus)
    level_changed = Signal(float)
    turns_reset = Signal()
    turn_changed = Signal(TurnView)
    turn_removed = Signal(str)
    conversation_changed = Signal(ConversationView)
    conversations_changed = Signal()
    models_changed = Signal()
    voices_changed = Signal()
    presets_changed = Signal()
    devices_changed = Signal()
    quit_requested = Signal()

    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parts, parent)
        self.level = 0.0
        self._closed = False
        self._ended_in_time = True
        self._connect()
        self._clock = QTimer(self, interval=_POLL_MS)
        self._clock.timeout.connect(self._on_clock)
        self._watch = QTimer(self, interval=1000)
        self._watch.timeout.connect(self._models.watch)
        self._watch.timeout.connect(lambda: self._sound.watch(self._is_free))

    def _connect(self) -> None:
        talk, models, sound = self._talk, self._models, self._sound
        talk.turns_reset.connect(self.turns_reset)
        talk.turn_changed.connect(self.turn_changed)
        talk.turn_removed.connect(self.turn_removed)
        talk.changed.connect(self.conversation_changed)
        talk.list_changed.connect(self.conversations_changed)
        talk.trouble.connect(lambda sentence: self._say(sentence, trouble=True))
        models.status_changed.connect(lambda _status: self.model_changed.emit(self.model))
        models.welcome_changed.connect(self.welcome_changed)
        models.models_changed.connect(self.models_changed)
        models.voices_changed.connect(self.voices_changed)
        sound.devices_changed.connect(self.devices_changed)
        self.tool_servers.changed.connect(lambda: self.model_changed.emit(self.model))
        self.transcriber.trouble.connect(lambda sentence: self._say(sentence, trouble=True))
        self.transcriber.silence_wanted.connect(self.stop)
        self._settings.changed.connect(self._on_setting)

    def start(self) -> None:
        """Begin: load the model, open the sound, go on with interrupted transcriptions."""
        self._talk.start()
        self._models.load_best()
        self._models.ready.connect(self.transcriber.resume)
        self.tool_servers.begin()
        self._sound.open(microphone=self._keeps_warm and self._granted)
        self._clock.start()
        self._watch.start()

    def shutdown(self) -> bool:
        """Cancel, silence, join, save. False when the engine's thread had to be left behind."""
        if self._closed:
            return self._ended_in_time
        self._closed = True
        self._clock.stop()
        self._watch.stop()
        self.stop()
        self.transcriber.close()
        self.tool_servers.end_all()
        self._models.downloads.close()
        self._thread.blockSignals(True)
        self._thread.end()
        self._sound.close(_CLOSING_S)
        self._parts.disk.close(_CLOSING_S)
        self._ended_in_time = self._thread.join(_CLOSING_S)
        self.tool_servers.close(_SERVERS_CLOSING_S)
        self._talk.close()
        return self._ended_in_time

    def _on_clock(self) -> None:
        self._sound.poll()
        if self._wants_microphone:
            self._poll_microphone()
        if self._voice_name:
            self._poll_voice()
        self._poll_playback()
        playback, microphone = self._sound.playback, self._sound.microphone
        listens = self.state is State.LISTENING or bool(self._voice_name)
        level = microphone.level if listens else playback.level
        if level != self.level:
            self.level = level
            self.level_changed.emit(level)

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """The conversation in front."""
        return self._talk.turns

    @property
    def conversation(self) -> ConversationView:
        """Its name."""
        return self._talk.view

    @property
    def conversations(self) -> tuple[ConversationView, ...]:
        """All saved ones, or those found."""
        return self._talk.listed

    @property
    def model(self) -> ModelStatus:
        """How the model stands, and what leaves this machine."""
        network = [tool.title for tool in self.tools if tool.needs_network and tool.name in self._settings.now.tools]
        network += self.tool_servers.working
        leaves = self.tr("{tools} may reach the network").format(tools=", ".join(network)) if network else ""
        return replace(self._models.status, leaves=leaves)

    @property
    def models(self) -> tuple[ModelView, ...]:
        """Installed models."""
        return self._models.shown

    @property
    def downloads(self) -> Downloads:
        """Published models that can be brought here."""
        return self._models.downloads

    @property
    def voices(self) -> tuple[VoiceView, ...]:
        """Voices to speak with."""
        return self._models.voices

    @property
    def presets(self) -> tuple[PresetView, ...]:
        """Who may answer."""
        return self._parts.presets

    @property
    def tools(self) -> tuple[ToolOffer, ...]:
        """Tools that can be offered."""
        return self._parts.tools

    @property
    def inputs(self) -> tuple[DeviceView, ...]:
        """Microphones."""
        return _device_views(self._sound.inputs)

    @property
    def outputs(self) -> tuple[DeviceView, ...]:
        """Loudspeakers."""
        return _device_views(self._sound.outputs)

    @property
    def _granted(self) -> bool:
        return self._settings.now.microphone_explained and self._parts.permission.access() is Access.GRANTED

    def show_in_front(self, in_front: bool) -> None:
        """The window came to the front, or went behind others: then the microphone is let go of unless it records."""
        if in_front == self._in_front:
            return
        self._in_front = in_front
        if not in_front:
            self._leave_front()
        if in_front and self._clock.isActive():
            self._sound.open(microphone=self._keeps_warm and self._granted)
        elif not self._wants_microphone:
            self._sound.close_microphone()

    def _is_free(self) -> bool:
        """Whether devices may be closed for a moment: nobody talks, nothing sounds."""
        return self.state is State.IDLE and not self._wants_microphone and not self._sound.playback.sounding

    def refresh_devices(self) -> None:
        """Look for devices anew, if nothing sounds and nobody speaks."""
        if self._is_free():
            self._sound.refresh()

    def new_conversation(self) -> None:
        """Begin anew."""
        self.stop()
        self._pause_writing_down()
        self.clear_attachment()
        self._say()
        self._talk.new()

    def open_conversation(self, key: str) -> None:
        """Show a saved one."""
        if key != self.conversation.key:
            self.stop()
            self._pause_writing_down()
            self._say()
            self._talk.open(key)
            if self.conversation.preset:
                self._settings.change(preset=self.conversation.preset)

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        self._talk.rename(key, title)

    def delete_conversation(self, key: str) -> None:
        """Remove a conversation. One that is not saved yet has no key, and its folder would be that of all others."""
        if not key:
            return
        if key == self.conversation.key:
            self.stop()
            self._pause_writing_down()
        folder = self._talk.folder_of(key)
        self._talk.delete(key)
        self._thread.submit(Request("leave", lambda desk, request: desk.leave(key, folder), settles=True))

    def search(self, query: str) -> None:
        """List the conversations in which this was said."""
        self._talk.search(query)

    def ask_recording(self, key: str) -> None:
        """Talk about a file of the transcribe page, in a new conversation."""
        path = self.transcriber.path(key)
        if path is not None:
            self.new_conversation()
            self.attach(path)

    def set_thinking(self, thinking: Thinking) -> None:
        """Whether to reason before answering."""
        self._settings.change(thinking=thinking)

    def set_spoken_answers(self, spoken: bool) -> None:
        """Whether answers are spoken."""
        self._settings.change(spoken_answers=spoken)

    def set_voice(self, name: str) -> None:
        """Who speaks."""
        self._settings.change(voice=name)

    def set_preset(self, name: str) -> None:
        """Who answers, and how: the preset's own choices become the settings."""
        network = {tool.name for tool in self.tools if tool.needs_network}
        kept = tuple(tool for tool in self._settings.now.tools if tool in network)
        choices = self._parts.apply_preset(name)
        choices["tools"] = (*(tool for tool in choices.get("tools", ()) if tool not in network), *kept)
        self._settings.change(preset=name, **choices)
        self._talk.set_preset(name)

    def set_tools(self, names: tuple[str, ...]) -> None:
        """Which tools are offered to the model."""
        self._settings.change(tools=names)
        self.model_changed.emit(self.model)

    def _on_setting(self, name: str) -> None:
        if name in ("retention", "retention_days"):
            if not self._talk.turns:
                self._talk.expire()
        elif name == "keep_warm":
            if self._keeps_warm:
                self._sound.open(microphone=self._granted)
            elif not self._wants_microphone:  # else once it is not needed any more
                self._sound.close_microphone()

    def switch_model(self, folder: str, insist: bool = False) -> None:
        """Use another model; the conversation goes on."""
        self.stop()
        self._pause_writing_down()
        self._models.load(Path(folder), insist)

    def make_copy(self, folder: str) -> None:
        """Make a smaller copy of a model, while the conversation goes on."""
        self._models.make_copy(folder)

    def stop_copy(self) -> None:
        """Make no copy after all."""
        self._models.stop_copy()

    def import_voice(self, path: Path, name: str) -> None:
        """Make a voice of a recording."""
        self._add_voice(path, name)

    def remove_voice(self, name: str) -> None:
        """Delete a voice."""
        self._change_voices("remove voice", lambda desk, request: desk.remove_voice(name))

    def rename_voice(self, name: str, new_name: str) -> None:
        """Give a voice another name."""
        self._change_voices("rename voice", lambda desk, request: desk.rename_voice(name, new_name))

    def diagnostics(self) -> str:
        """Versions, devices and errors, without anything that was said."""
        return self._parts.diagnostics()

    def quit(self) -> None:
        """End the app."""
        self.quit_requested.emit()


def _device_views(devices: tuple[Device, ...]) -> tuple[DeviceView, ...]:
    return tuple(DeviceView(device.name, device.name) for device in devices)
