"""What the window talks to: the user's wishes come in as commands, what happened goes out as signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer, Signal

from app.audio.devices import Device
from app.audio.sound_devices import SoundDevices
from app.engine_side.engine_thread import EngineThread
from app.model_commands import ModelCommands
from app.models.downloads import Downloads
from app.models.models import Models
from app.models.other_machine import OtherMachine
from app.models.other_programs import OtherPrograms
from app.models.tool_servers import ToolServers
from app.models.voices import Voices
from app.preset_commands import PresetCommands
from app.qt import override
from app.recording_commands import RecordingCommands
from app.settings import Retention, Settings
from app.shown.choices import DeviceView, PresetView, ToolOffer
from app.shown.models import ModelStatus, ModelView, VoiceView
from app.shown.talk import ConversationView, Notice, State, TimerView, TurnView, Welcome
from app.talk import choices
from app.talk.own_presets import PresetLibrary
from app.talk.talk import Talk
from app.talk_commands import TalkCommands
from app.transcribe.transcriber import Transcriber
from app.transcribe.transcripts import Transcripts
from app.translations import sentence
from app.undo_history import UndoHistory
from app.undoable_commands import UndoableCommands
from app.updates import Updates
from app.worker import Worker

_POLL_MS = 33
_SELDOM_MS = 132  # while there is nothing to hear: for each poll, the thread that writes has to wait
_CLOSING_S = 0.2  # each for the devices, the disk, the engine and the transcriptions: together under a second
_SERVERS_CLOSING_S = 0.1  # they have been ending since the others began to


class Controller(TalkCommands):
    """Joins talking, transcribing and the models. Lives on the GUI thread; no command waits."""

    state_changed = Signal(State)
    manner_changed = Signal()  # of listening or of what sounds: `locked`, `plays_recording`, `paused`
    notice_changed = Signal(Notice)
    model_changed = Signal(ModelStatus)
    level_changed = Signal(float)
    question_played = Signal(str, object)  # the turn, how much of what was said in it; None when it is over
    timers_changed = Signal()
    timer_rang = Signal()
    turns_reset = Signal()
    branch_shown = Signal()
    turn_changed = Signal(TurnView)
    turn_removed = Signal(str)
    conversation_changed = Signal(ConversationView)
    conversations_changed = Signal()
    models_changed = Signal()
    voices_changed = Signal()
    welcome_changed = Signal(Welcome)
    microphone_level_changed = Signal(float)  # while the welcome page tests it
    attachment_changed = Signal(str)
    question_given_back = Signal(str)  # what was typed about a recording that cannot be read
    voice_recording_changed = Signal(float)
    devices_changed = Signal()
    search_answered = Signal()
    quit_requested = Signal()

    def __init__(
        self,
        settings: Settings,
        talk: Talk,
        transcriber: Transcriber,
        transcripts: Transcripts,
        models: Models,
        voices: Voices,
        servers: ToolServers,
        presets: PresetLibrary,
        programs: OtherPrograms,
        other_machine: OtherMachine,
        updates: Updates,
        undoable: UndoableCommands,
        thread: EngineThread,
        sound: SoundDevices,
        disk: Worker,
        diagnostics: Callable[[], str],
        tidy: Callable[[], None],
    ) -> None:
        super().__init__(settings, talk, transcriber, transcripts, servers, undoable)
        self._models, self._voices, self.other_programs = models, voices, programs
        self.other_machine, self.updates = other_machine, updates
        self._thread, self._sound, self._disk, self._tidy = thread, sound, disk, tidy
        self.model_commands = ModelCommands(talk, models, voices, undoable, stop=self.stop)
        other_machine.chosen.connect(self.model_commands.use_elsewhere)
        self.player, self.long_recorder, self.diagnostics = talk.player, talk.long_recorder, diagnostics
        self.recording_commands = RecordingCommands(transcriber, transcripts, talk.long_recorder, undoable)
        self.preset_commands = PresetCommands(settings, talk.conversation, models, presets, undoable.history)
        self.tools: tuple[ToolOffer, ...] = choices.tool_offers()
        self.level = 0.0
        self._closed = False
        self._ended_in_time = True
        self._pass_on_signals()
        self._join_rooms()
        self._clock = QTimer(self, interval=_POLL_MS)
        self._clock.timeout.connect(self._on_clock)
        talk.machine.changed.connect(self._set_pace)
        self._watch = QTimer(self, interval=1000)
        self._watch.timeout.connect(models.watch)
        self._watch.timeout.connect(lambda: sound.watch(self._is_free))

    def _pass_on_signals(self) -> None:
        talk, models, conversation = self._talk, self._models, self._conversation
        talk.machine.changed.connect(self.state_changed)
        talk.recorder.locked_changed.connect(self.manner_changed)
        talk.pause.changed.connect(self.manner_changed)
        talk.replayer.question_played.connect(self.question_played)
        talk.timers.changed.connect(self.timers_changed)
        talk.timers.rang.connect(self.timer_rang)
        talk.notices.changed.connect(self.notice_changed)
        talk.questions.attachment_changed.connect(self.attachment_changed)
        talk.questions.given_back.connect(self.question_given_back)
        talk.voice_recorder.progress_changed.connect(self.voice_recording_changed)
        talk.microphone_test.changed.connect(self._on_welcome)
        talk.microphone_test.level_changed.connect(self.microphone_level_changed)
        conversation.turns_reset.connect(self.turns_reset)
        conversation.branch_shown.connect(self.branch_shown)
        conversation.turn_changed.connect(self.turn_changed)
        conversation.turn_removed.connect(self.turn_removed)
        conversation.changed.connect(self.conversation_changed)
        conversation.list_changed.connect(self.conversations_changed)
        conversation.search_answered.connect(self.search_answered)
        self.transcripts.searcher.answered.connect(self.search_answered)
        models.status_changed.connect(self._on_model_status)
        models.welcome_changed.connect(self._on_welcome)
        models.models_changed.connect(self.models_changed)
        self._voices.changed.connect(self.voices_changed)
        self._sound.devices_changed.connect(self.devices_changed)
        self.updates.told.connect(self._talk.notices.say)
        for others in (self.tool_servers, self.other_programs):
            others.changed.connect(lambda: self.model_changed.emit(self.model))

    def _join_rooms(self) -> None:
        models, transcriber = self._models, self.transcriber
        self._conversation.trouble.connect(self.say_trouble)
        transcriber.trouble.connect(self.say_trouble)
        self.preset_commands.trouble.connect(self.say_trouble)
        models.ready.connect(lambda: transcriber.resume(models.folder_in_use))
        self._settings.changed.connect(self._on_setting)

    def _on_model_status(self, status: ModelStatus) -> None:
        if not status.ready:  # it goes, or hangs: whatever it transcribes waits for the next one
            self.transcriber.pause()
        elif self._settings.now.preset not in (keys := [each.key for each in self.presets_offered]):
            self.set_preset(keys[0])
        self.model_changed.emit(self.model)

    def start(self) -> None:
        """Begin: load the model, open the sound, resume interrupted transcriptions, tidy up."""
        self._conversation.start()
        self._voices.purge()
        self._talk.recovery.start(then=self._tidy)
        self._models.load_best()
        self.long_recorder.find_left_behind({job.key for job in self.transcriber.kept_jobs})
        self.tool_servers.begin()
        self.other_programs.begin()
        self.updates.look()
        use = self._talk.microphone_use
        self._sound.open(microphone=use.keeps_warm and use.granted)
        self._clock.start()
        self._watch.start()

    def shutdown(self) -> bool:
        """Cancel, silence, join, save. False when the engine's thread had to be left behind."""
        if self._closed:
            return self._ended_in_time
        self._closed = True
        self._clock.stop()
        self._watch.stop()
        if self._settings.now.retention is not Retention.NONE:
            self._talk.recorder.leave()
        self.long_recorder.leave()
        self.stop()
        self.transcriber.close()
        self.transcripts.close()
        self._talk.reading_ahead.close()
        self._talk.exchange.close()
        self.other_programs.close()
        self.tool_servers.end_all()
        self._models.downloads.close()
        self._thread.blockSignals(True)
        self._thread.end()
        self._sound.close(_CLOSING_S)
        self._disk.close(_CLOSING_S)
        self.long_recorder.close(_CLOSING_S)
        self._ended_in_time = self._thread.join(_CLOSING_S)
        self.transcriber.join(_CLOSING_S)
        self.tool_servers.close(_SERVERS_CLOSING_S)
        self._talk.timers.close()
        self._conversation.close()
        self._voices.purge()
        return self._ended_in_time

    def _on_clock(self) -> None:
        self._sound.poll()
        self._talk.poll()
        playback, microphone = self._sound.playback, self._sound.microphone
        listens = self.state is State.LISTENING or self._talk.voice_recorder.recording
        level = microphone.level if listens else playback.level
        if level != self.level:
            self.level = level
            self.level_changed.emit(level)
        self._set_pace()

    def _set_pace(self) -> None:
        """Poll as often as what sounds is to be followed, and seldom while an answer is written that is only read."""
        sounds = self._talk.microphone_use.wanted or self._sound.playback.sounding
        wanted_ms = _SELDOM_MS if self._talk.answerer.only_writes and not sounds else _POLL_MS
        if wanted_ms != self._clock.interval():
            self._clock.setInterval(wanted_ms)

    # What is shown.

    @property
    def state(self) -> State:
        """What the conversation is doing."""
        return self._talk.machine.state

    @property
    def notice(self) -> Notice:
        """Advice or trouble."""
        return self._talk.notices.shown

    @property
    def timers(self) -> tuple[TimerView, ...]:
        """Those still to ring, the next one first."""
        return self._talk.timers.running

    @property
    def attachment(self) -> str:
        """Name of the recording that the next question is about."""
        return self._talk.questions.attachment

    @property
    def welcome(self) -> Welcome:
        """What an empty conversation says."""
        return replace(self._models.welcome, hearing=self._talk.microphone_test.state)

    def _on_welcome(self) -> None:
        self.welcome_changed.emit(self.welcome)

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """The conversation in front."""
        return self._conversation.turns

    @property
    def last_turn(self) -> TurnView | None:
        """Its newest turn."""
        return self._conversation.last_turn

    @property
    def conversation(self) -> ConversationView:
        """Its name."""
        return self._conversation.view

    @property
    def conversations(self) -> tuple[ConversationView, ...]:
        """All saved ones, or those found."""
        return self._conversation.listed

    @property
    def model(self) -> ModelStatus:
        """The model's state, what leaves this machine, and who else uses the model."""
        network = [tool.title for tool in self.tools if tool.needs_network and tool.name in self._settings.now.tools]
        network += self.tool_servers.working
        status = self._models.status
        lines = [self.tr("answers come from {place}").format(place=status.place)] if status.place else []
        lines += [self.tr("{tools} may reach the network").format(tools=", ".join(network))] if network else []
        if self.other_programs.view.on:
            lines.append(self._used_by(self.other_programs.view.clients))
        return replace(status, leaves=" · ".join(lines))

    def _used_by(self, clients: tuple[str, ...]) -> str:
        if not clients:
            return self.tr("Other programs may use the model")
        return self.tr("Also used by {programs}").format(programs=", ".join(clients))

    @property
    def models(self) -> tuple[ModelView, ...]:
        """Installed models."""
        return self._models.shown

    @property
    def downloads(self) -> Downloads:
        """Published models that can be downloaded."""
        return self._models.downloads

    @property
    def voices(self) -> tuple[VoiceView, ...]:
        """Voices to speak with."""
        return self._voices.listed

    @property
    def tool_titles(self) -> dict[str, str]:
        """What the tools are called in the window, by name."""
        return {tool.name: tool.title for tool in self.tools} | self.tool_servers.titles

    @property
    def inputs(self) -> tuple[DeviceView, ...]:
        """Microphones."""
        return _device_views(self._sound.inputs)

    @property
    def outputs(self) -> tuple[DeviceView, ...]:
        """Loudspeakers."""
        return _device_views(self._sound.outputs)

    # Choices.

    @property
    def presets(self) -> tuple[PresetView, ...]:
        """All of them."""
        return self.preset_commands.all

    @property
    def presets_offered(self) -> tuple[PresetView, ...]:
        """Those of the presets that the loaded model can do."""
        return self.preset_commands.offered

    def set_preset(self, name: str) -> None:
        """Who answers, and how: the preset's own choices become the settings."""
        self.preset_commands.choose(name)

    def set_tools(self, names: tuple[str, ...]) -> None:
        """Which tools are offered to the model."""
        self._settings.change(tools=names)
        self.model_changed.emit(self.model)

    def _on_setting(self, name: str) -> None:
        if name in ("retention", "retention_days") and not self._conversation.turns:
            self._conversation.expire()

    # Devices.

    def show_in_front(self, in_front: bool) -> None:
        """The window came to the front, or went behind others."""
        self._talk.microphone_use.show_in_front(in_front, running=self._clock.isActive())
        self._talk.microphone_test.refresh()

    def _is_free(self) -> bool:
        """Whether devices may be closed for a moment: nobody talks, nothing sounds."""
        recording = self._talk.microphone_use.wanted
        return self.state is State.IDLE and not recording and not self._sound.playback.sounding

    def refresh_devices(self) -> None:
        """Look for devices again, if nothing sounds and nobody speaks."""
        if self._is_free():
            self._sound.refresh()

    # The rest.

    @property
    def undo_history(self) -> UndoHistory:
        """What can be undone."""
        return self._undoable.history

    @override
    def attach(self, path: Path, name: str = "") -> None:
        super().attach(path, name)
        if self._models.welcome.demonstration:
            self._talk.notices.say(
                sentence("This demonstration model cannot answer about recordings. The full one can: Settings, Models.")
            )

    def remove_server(self, line: str) -> None:
        """Remove a tool server; it can be brought back."""
        self._undoable.remove_server(line)

    def quit(self) -> None:
        """End the app."""
        self.quit_requested.emit()


def _device_views(devices: tuple[Device, ...]) -> tuple[DeviceView, ...]:
    return tuple(DeviceView(device.name, device.name) for device in devices)
