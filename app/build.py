"""Builds every object of the app and connects it; nothing else does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app import diagnostics, translations
from app.addresses import is_address
from app.audio.devices import Device, PortAudio, SoundSystem
from app.audio.permission import MicrophonePermission
from app.audio.sound_devices import SoundDevices
from app.controller import Controller
from app.engine_side.engine_thread import EngineThread
from app.engine_side.loading import Loader
from app.engine_side.requests import PATIENT, Request
from app.engine_side.served import ServedHost
from app.engine_side.sessions import Manner
from app.engine_side.work import EngineWork
from app.keychain import Keychain, SystemKeychain, system_keychain
from app.models.catalogue import Catalogue, kept_in
from app.models.ear_checks import EarCheckFile
from app.models.models import Models
from app.models.other_machine import OtherMachine, elsewhere_of
from app.models.other_programs import OtherPrograms, TokenFile, TokenInKeychain
from app.models.server_secrets import ServerSecrets
from app.models.tool_servers import ToolServers
from app.models.voices import Voices
from app.paths import Paths
from app.settings import Settings
from app.talk.answerer import Answerer
from app.talk.choices import tool_offers
from app.talk.confirmations import Confirmations
from app.talk.conversation import Conversation
from app.talk.conversation_commands import ConversationCommands
from app.talk.conversation_exchange import ConversationExchange
from app.talk.long_recorder import LongRecorder
from app.talk.lost_devices import LostDevices
from app.talk.microphone_test import MicrophoneTest
from app.talk.microphone_use import MicrophoneUse
from app.talk.notices import Notices
from app.talk.own_presets import PresetLibrary
from app.talk.pause import Pause
from app.talk.questions import Questions
from app.talk.reading_ahead import ReadingAhead
from app.talk.recorder import Recorder
from app.talk.recording_player import RecordingPlayer
from app.talk.recovery import Recovery
from app.talk.replayer import Replayer
from app.talk.searcher import Searcher
from app.talk.state_machine import StateMachine
from app.talk.store import Store
from app.talk.sweep import remove_leftovers, remove_orphans
from app.talk.talk import Talk
from app.talk.text_reader import TextReader
from app.talk.timers import TimerClock, Timers
from app.talk.turn_commands import TurnCommands
from app.talk.turn_tasks import TurnTasks
from app.talk.turn_transcriber import TurnTranscriber
from app.talk.voice_recorder import VoiceRecorder
from app.transcribe.reader import TranscriptReader
from app.transcribe.search import TranscriptSearcher
from app.transcribe.transcriber import Transcriber
from app.transcribe.transcripts import Transcripts
from app.transcribe.waveforms import Waveforms
from app.undo_history import UndoHistory
from app.undoable_commands import UndoableCommands
from app.updates import Updates, releases
from app.widgets.controls.theme import TEXT_SIZES, Theme
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.worker import Worker
from engine.events import Progress

_ON_MAC = sys.platform == "darwin"
_CLOCK_OF_DISK_S = 2.0  # by which a disk's times may be behind
_COPYING_HANGS_S = 600.0  # hours of sound, onto a slow disk
_KEYCHAIN_HANGS_S = 600.0  # the system may be asking the user for a password
_NETWORK_HANGS_S = 120.0
_DISK_HANGS_S = 60.0  # many files take long to be listed, a sleeping disk takes seconds to wake


class App:
    """The objects of the running app. Raises StorageError when the user's files cannot be opened."""

    def __init__(self, paths: Paths, application: QApplication) -> None:
        self.ended = True
        self.begun = False
        self._application = application
        self._shut_down = False
        self.settings = Settings(paths.settings)
        translations.install(application, self.settings.now.language)
        self.theme = Theme(application)
        self._show_look()
        self.controller = build_controller(paths, self.settings)
        self.window = MainWindow(self.controller, self.settings)
        self.settings.changed.connect(lambda _name: self._show_look())
        self.controller.quit_requested.connect(application.quit)
        application.aboutToQuit.connect(self.shut_down)
        application.applicationStateChanged.connect(self._on_active)
        application.setQuitOnLastWindowClosed(False)  # timers and the queue go on without it
        self.window.closing.connect(self._on_window_closed)
        self.controller.timer_rang.connect(self._show_closed_window)

    def _show_look(self) -> None:
        """Light or dark, and how large the text is, as the user wants it."""
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self.theme.force(schemes.get(self.settings.now.appearance))
        self.theme.scale_text(min(max(self.settings.now.text_size, TEXT_SIZES[0]), TEXT_SIZES[-1]))

    def begin(self, files: list[str]) -> None:
        """Start what takes longer than showing the window."""
        self.begun = True
        self.controller.start()
        if files:
            self.open_files(files)

    def open_files(self, files: list[str]) -> None:
        """Transcribe files from the Dock, "Open With" or the command line, and take addresses from other programs."""
        addresses = [file for file in files if is_address(file)]
        recordings = [Path(file) for file in files if not is_address(file)]
        if recordings:
            self.controller.transcriber.add_files(recordings)
            self.window.show_page(TRANSCRIBE)
        for address in addresses:
            self.wake([])
            self.window.answering_addresses.open(address)

    def wake(self, files: list[str]) -> None:
        """Come to the front."""
        self.window.come_to_front()
        if files:
            self.open_files(files)

    def _on_active(self, state: Qt.ApplicationState) -> None:
        active = state == Qt.ApplicationState.ApplicationActive
        self.controller.show_in_front(active)
        if active and self.begun and _ON_MAC:  # the icon in the Dock was clicked
            self._show_closed_window()

    def _show_closed_window(self) -> None:
        if not self.window.isVisible() and not self._shut_down:
            self.wake([])

    def _on_window_closed(self) -> None:
        """A Mac's app goes on without a window. Elsewhere there is no way back to it, so it ends when it has nothing
        more to do.
        """
        self.controller.stop()
        self.controller.long_recorder.stop()  # nobody is recorded without seeing it
        if not (_ON_MAC or self.controller.works_without_window):
            self._application.quit()

    def shut_down(self) -> None:
        """End everything, once, in order."""
        if not self._shut_down:
            self._shut_down = True
            self.ended = self.controller.shutdown()


def load_engine(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
    """Load a model; runs on the engine's thread, where MLX is first imported."""
    from engine.checkpoints.memory import set_limits
    from engine.engine import Engine

    set_limits()
    return (yield from Engine.loading(folder, insist=insist))


def build_controller(
    paths: Paths,
    settings: Settings,
    *,
    loader: Loader = load_engine,
    system: SoundSystem | None = None,
    permission: MicrophonePermission | None = None,
    catalogue: Catalogue | None = None,
    find_keychain: Callable[[], SystemKeychain | None] = system_keychain,
) -> Controller:
    """The controller with everything below it. The keyword arguments are for tests. Raises StorageError."""
    began = time.time() - _CLOCK_OF_DISK_S
    store, tidying = Store(paths.store, paths.recordings), Worker("tidying", _DISK_HANGS_S)
    conversation = Conversation(store, settings, Searcher(store, Worker("search", _DISK_HANGS_S)))
    notices, disk = Notices(), Worker("disk", _DISK_HANGS_S)
    keychain = Keychain(paths.secrets, lambda: settings.now.secrets_in_file, find_keychain)
    secrets = ServerSecrets(settings, keychain, Worker("keychain", _KEYCHAIN_HANGS_S))
    servers = ToolServers(settings, secrets, tuple(offer.name for offer in tool_offers()))
    confirmations, clock = Confirmations(), TimerClock()
    thread = _build_thread(loader, paths, clock, confirmations)
    models = Models(
        thread,
        settings,
        Worker("catalogue", _DISK_HANGS_S),
        EarCheckFile(paths.ear_checks),
        catalogue,
        elsewhere_of=lambda address: elsewhere_of(keychain, address),
    )
    updates = Updates(settings, Worker("updates", _NETWORK_HANGS_S), releases())
    other_machine = OtherMachine(settings, keychain, Worker("other machine", _NETWORK_HANGS_S))
    voices, sound = Voices(thread, paths.voices), SoundDevices(system or PortAudio(), settings)
    transcriber = Transcriber(paths.transcriptions, thread, disk)
    transcripts = _build_transcripts(paths, transcriber, thread)
    presets = PresetLibrary(paths.presets)
    tasks = TurnTasks(
        settings,
        conversation,
        may_speak=lambda: not models.status.ready or (models.speaks and bool(voices.listed)),
        voices=lambda: voices.keys,
        served=lambda: servers.tools,
        presets=presets,
    )
    models.ready.connect(lambda: _warm_up(thread, tasks.manner()))
    permission = permission or MicrophonePermission()
    use = MicrophoneUse(notices, sound, settings, permission)
    talk = _build_talk(
        notices, confirmations, conversation, tasks, thread, sound, disk, use, permission, clock, settings, paths,
        ready=lambda: models.status.ready,
    )  # fmt: skip
    models.ready.connect(talk.reading_ahead.begin_soon)
    token = TokenInKeychain(keychain, TokenFile(paths.data / "server-token"))
    programs = OtherPrograms(settings, ServedHost(thread), paths.voices, token, Worker("server", _KEYCHAIN_HANGS_S))
    undoable = UndoableCommands(UndoHistory(), talk, transcriber, models, voices, servers)

    def tidy() -> None:
        kept = None if catalogue else kept_in(settings)  # another catalogue's models lie elsewhere
        tidying.run(lambda: _tidy(paths, kept, store.on_disk, began))

    return Controller(
        settings, talk, transcriber, transcripts, models, voices, servers, presets, programs, other_machine, updates,
        undoable, thread, sound, disk, diagnostics=lambda: _diagnostics(paths, models, sound), tidy=tidy,
    )  # fmt: skip


def _build_thread(loader: Loader, paths: Paths, clock: TimerClock, confirmations: Confirmations) -> EngineThread:
    thread = EngineThread(
        lambda: EngineWork(
            loader,
            paths.voices,
            timers=lambda: clock.service,
            confirm=lambda call, request: confirmations.confirm(call, request, thread.beat),
        )
    )
    return thread


def _build_transcripts(paths: Paths, transcriber: Transcriber, thread: EngineThread) -> Transcripts:
    return Transcripts(
        Waveforms(paths.transcriptions, Worker("waveforms", _DISK_HANGS_S)),
        TranscriptSearcher(lambda: transcriber.kept_jobs, Worker("transcript search", _DISK_HANGS_S)),
        TranscriptReader(thread),
    )


def _diagnostics(paths: Paths, models: Models, sound: SoundDevices) -> str:
    status, inputs, outputs = models.status, _names(sound.inputs), _names(sound.outputs)
    facts = diagnostics.facts(status.name, status.ready, inputs, outputs, sound.microphone.overruns)
    return diagnostics.summary(paths, facts)


def _tidy(paths: Paths, models: Path | None, on_disk: bool, before: float) -> None:
    """What older versions let others read, and what a crash left behind. On a thread of its own."""
    from engine.checkpoints import leftovers

    paths.tighten()
    if on_disk:
        remove_orphans(paths.store, paths.recordings, before)
    remove_leftovers(paths.transcriptions, ("voice-*.flac", ".*.part"), before)
    remove_leftovers(paths.data, (".*.part",), before)
    if models is not None:
        leftovers.remove_leftovers(models)


def _build_talk(
    notices: Notices,
    confirmations: Confirmations,
    conversation: Conversation,
    tasks: TurnTasks,
    thread: EngineThread,
    sound: SoundDevices,
    disk: Worker,
    use: MicrophoneUse,
    permission: MicrophonePermission,
    clock: TimerClock,
    settings: Settings,
    paths: Paths,
    *,
    ready: Callable[[], bool],
) -> Talk:
    machine = StateMachine()
    recorder = Recorder(machine, notices, use, disk, lambda: conversation.folder)
    answerer = Answerer(machine, notices, conversation, tasks, thread, sound, confirmations)
    questions = Questions(machine, notices, conversation, answerer, disk)
    replayer = Replayer(machine, notices, conversation, sound, thread.beat)
    turn_transcriber = TurnTranscriber(conversation, tasks, thread, answerer)
    commands = TurnCommands(machine, notices, conversation, disk, answerer, replayer, turn_transcriber)
    conversations = ConversationCommands(machine, notices, conversation, questions, turn_transcriber, settings)
    voice_recorder = VoiceRecorder(machine, notices, use, disk, paths.transcriptions)
    test = MicrophoneTest(use, settings, permission, conversation)
    timers = Timers(clock, machine, notices, replayer, sound.microphone)
    recorder.beginning.connect(voice_recorder.cancel)
    recorder.recorded.connect(questions.take_recording)
    questions.heard.connect(test.note_heard)
    return Talk(
        machine, notices, conversation, confirmations, use, test, recorder, questions, answerer, replayer,
        Pause(machine, conversation, sound, answerer, replayer), turn_transcriber, commands, conversations,
        ConversationExchange(conversation, notices, Worker("exchange", _COPYING_HANGS_S)),
        voice_recorder,
        LongRecorder(machine, notices, use, Worker("long recordings", _COPYING_HANGS_S), paths.transcriptions),
        timers,
        Recovery(conversation, paths.recordings, disk),
        RecordingPlayer(machine, sound), LostDevices(notices, sound),
        TextReader(machine, notices, thread, replayer, lambda: tasks.manner().voice),
        ReadingAhead(conversation, tasks, thread, answerer, ready),
    )  # fmt: skip


def _warm_up(thread: EngineThread, manner: Manner) -> None:
    """Have a model that was loaded do what the first answer would wait for, while nobody asks anything."""
    thread.submit(Request("warm up", lambda work, request: work.warm_up(manner), PATIENT))


def _names(devices: Sequence[Device]) -> list[str]:
    return [device.name for device in devices]
