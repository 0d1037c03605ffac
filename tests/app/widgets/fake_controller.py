"""A controller and settings that only remember: what the window asks is noted, what a test sets is signalled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.shown.choices import DeviceView, PresetView, ToolOffer
from app.shown.models import DownloadState, DownloadView, MachineView, ModelStatus, ModelView, SizeView, VoiceView
from app.shown.settings import OtherMachineView, ProgramsView, ServerTrouble, ServerView
from app.shown.talk import ConversationView, Notice, State, TimerView, TurnView, Welcome
from app.shown.transcribe import JobView
from app.undo_history import UndoHistory
from engine.checkpoints.fit import Verdict
from engine.events import Thinking

GB = 10**9


@dataclass(frozen=True)
class FakePreferences:
    """The preferences the window reads."""

    input_device: str = ""
    output_device: str = ""
    keep_warm: bool = True
    pre_roll_ms: int = 500
    prefer_built_in: bool = True
    thinking: Thinking = Thinking.OFF
    thinking_budget: int = 512
    spoken_answers: bool = True
    tools: tuple[str, ...] = ("calculator",)
    ask_first: tuple[str, ...] = ()
    voice: str = "mei"
    preset: str = "assistant"
    language: str = ""
    appearance: str = ""
    text_size: float = 1.0
    notifications: bool = True
    look_for_updates: bool = False
    retention: str = "all"
    retention_days: int = 30
    other_programs: bool = False
    other_machine: str = ""
    window_geometry: str = ""
    models_folder: str = ""
    job_language: str = ""
    job_translation: str = ""
    job_speakers: int = -1
    export_folder: str = ""
    voice_folder: str = ""


class FakeSettings(QObject):
    """Settings in memory."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.now = FakePreferences()

    def change(self, **values: Any) -> None:
        """Take new values and say so, one by one."""
        self.now = replace(self.now, **values)
        for name in values:
            self.changed.emit(name)


class _Noting(QObject):
    """Notes every call of a command in `asked`."""

    COMMANDS: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        for name in self.COMMANDS:
            setattr(self, name, lambda *given, n=name: self.asked.append((n, *given)))

    def last(self) -> tuple[Any, ...]:
        """The newest command."""
        return self.asked[-1]


class FakeTranscriber(_Noting):
    """Jobs a test sets."""

    COMMANDS = (
        *("add_files", "cancel", "pause_job", "retry", "move_up", "choose", "choose_for_new", "edit_segments"),
        *("name_speaker", "export", "clear", "describe", "rename"),
    )
    job_changed = Signal(object)
    job_removed = Signal(str)
    exported = Signal(Path)
    trouble = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.jobs: tuple[JobView, ...] = ()

    def view(self, key: str) -> JobView | None:
        """A recording as it is shown."""
        return next((job for job in self.jobs if job.key == key), None)

    def path(self, key: str) -> Path | None:
        """Where a recording lies."""
        job = self.view(key)
        return Path("/recordings") / job.name if job is not None else None

    def written(self, key: str, kind: str, _choices: object = None) -> str:
        """Its text."""
        job = self.view(key)
        return f"{kind}: " + " ".join(each.text for each in job.segments) if job is not None else ""

    def show(self, *jobs: JobView) -> None:
        """Have these jobs."""
        self.jobs = jobs
        for job in jobs:
            self.job_changed.emit(job)


class FakeLongRecorder(_Noting):
    """Something that a test records."""

    COMMANDS = ("start", "stop", "discard")
    changed = Signal()
    progressed = Signal(float, float)
    trouble = Signal(str)
    recording = False
    silent = False

    def be(self, recording: bool) -> None:
        """It began, or is over."""
        self.recording = recording
        self.changed.emit()


class FakePlayer(_Noting):
    """A player that a test moves."""

    COMMANDS = ("open", "play", "pause", "toggle", "seek", "set_speed")
    changed = Signal()
    failed = Signal(str)
    path: Path | None = None
    position_s = 0.0
    playing = False
    speed = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.open = self._open

    def _open(self, path: Path, _duration_s: float) -> None:
        self.path = path
        self.changed.emit()


class _FakeWaveforms(_Noting):
    COMMANDS = ("want",)
    ready = Signal(str, tuple)


class _FakeReader(_Noting):
    COMMANDS = ("ask", "summarise")
    answered = Signal(str, str, bool)
    summarised = Signal(str, str, bool)


class FakeTranscripts:
    """What surrounds a transcript."""

    def __init__(self) -> None:
        self.waveforms, self.reader = _FakeWaveforms(), _FakeReader()


SIZES = (SizeView(16, int(18.9 * GB), 18 * GB), SizeView(4, int(7.6 * GB), int(6.9 * GB)))
OFFER = DownloadView("Step-Audio-2-mini", total=18 * GB, sizes=SIZES, bits=4, usable=17 * GB)


class FakeDownloads(_Noting):
    """Published models a test offers."""

    COMMANDS = ("start", "pause", "discard", "choose_size", "keep_original")
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.listed: tuple[DownloadView, ...] = (OFFER,)

    @property
    def running(self) -> DownloadView | None:
        """The one under way."""
        return next((each for each in self.listed if each.state is DownloadState.RUNNING), None)

    def show(self, *downloads: DownloadView) -> None:
        """Have these."""
        self.listed = downloads
        self.changed.emit()


class FakeToolServers(_Noting):
    """Tool servers a test lists."""

    COMMANDS = ("add", "remove", "set_asks", "set_permission", "start_again", "allow_file", "dismiss_trouble")
    changed = Signal()
    added = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.trouble = ServerTrouble()
        self.listed: tuple[ServerView, ...] = ()

    def show(self, *servers: ServerView) -> None:
        """Have these."""
        self.listed = servers
        self.changed.emit()


class FakePresetCommands(_Noting):
    """Presets that a person makes."""

    COMMANDS = ("make", "change", "remove")
    changed = Signal()

    def own(self, _key: str) -> None:
        """None is a person's own."""


class FakeOtherPrograms(_Noting):
    """Whether other programs may use the model, as a test says."""

    COMMANDS = ("renew_token",)
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.view = ProgramsView()

    def show(self, view: ProgramsView) -> None:
        """Be like this."""
        self.view = view
        self.changed.emit()


class FakeOtherMachine(_Noting):
    """A model on another machine, as a test says."""

    COMMANDS = ("test", "use", "allow_file")
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.view = OtherMachineView()

    def show(self, view: OtherMachineView) -> None:
        """Be like this."""
        self.view = view
        self.changed.emit()


class FakeUpdates:
    offered = True


class FakeController(_Noting):
    """The public surface of the controller."""

    COMMANDS = (
        *(
            "press_talk",
            "release_talk",
            "toggle_latch",
            "toggle_pause",
            "stop",
            "ask_text",
            "attach",
            "read_aloud",
            "say_trouble",
            "clear_attachment",
            "ask_recording",
        ),
        *("skip_thinking", "ask_again", "edit_turn", "delete_turn", "try_again", "play_again", "play_question"),
        *("show_version", "save_sound", "speak_again", "search", "remove_recording", "rename_recording"),
        "remove_server",
        *("new_conversation", "open_conversation", "rename", "delete_conversation"),
        *("set_thinking", "set_spoken_answers", "set_voice", "set_preset", "set_tools", "switch_model", "retry_model"),
        *("make_copy", "stop_copy", "check_by_ear", "stop_check", "remove_model", "refresh_models"),
        *("clear_finished", "edit_segments", "name_speaker", "ask_transcript", "summarise"),
        *(
            "act_on_notice",
            "dismiss_notice",
            "cancel_timer",
            "answer_tool",
            "allow_microphone",
            "postpone_microphone",
            "open_privacy_settings",
            "refresh_devices",
            "record_voice",
        ),
        *("cancel_voice_recording", "import_voice", "remove_voice", "rename_voice", "hear_voice", "quit"),
    )
    state_changed = Signal(object)
    manner_changed = Signal()
    question_played = Signal(str, object)
    timers_changed = Signal()
    timer_rang = Signal()
    arrived = Signal(str)
    model_changed = Signal(object)
    notice_changed = Signal(object)
    level_changed = Signal(float)
    turns_reset = Signal()
    branch_shown = Signal()
    turn_changed = Signal(object)
    turn_removed = Signal(str)
    conversation_changed = Signal(object)
    conversations_changed = Signal()
    welcome_changed = Signal(object)
    microphone_level_changed = Signal(float)
    attachment_changed = Signal(str)
    question_given_back = Signal(str)
    models_changed = Signal()
    voices_changed = Signal()
    devices_changed = Signal()
    voice_recording_changed = Signal(float)
    search_answered = Signal()
    failed = Signal(str)  # of what was asked of models and voices

    def __init__(self) -> None:
        super().__init__()
        self.model_commands = self.recording_commands = self
        self.preset_commands = FakePresetCommands()
        self.machine = MachineView("A processor", 24 * GB, 17 * GB, 0, 6 * GB, 100 * GB)
        self.making_share: float | None = None
        self.transcriber = FakeTranscriber()
        self.transcripts, self.player = FakeTranscripts(), FakePlayer()
        self.long_recorder = FakeLongRecorder()
        self.answered_query: str | None = ""
        self.found_recordings: dict[str, str] = {}
        self.downloads = FakeDownloads()
        self.tool_servers = FakeToolServers()
        self.other_programs = FakeOtherPrograms()
        self.other_machine = FakeOtherMachine()
        self.updates = FakeUpdates()
        self.undo_history = UndoHistory()
        self.state = State.IDLE
        self.timers: tuple[TimerView, ...] = ()
        self.locked = self.plays_recording = self.paused = False
        self.model = ModelStatus("Step-Audio 2 mini · 4-bit", True, 1.0, "", int(6.1 * GB), 24 * GB, "", True)
        self.notice = Notice()
        self.level = 0.0
        self.turns: tuple[TurnView, ...] = ()
        self.conversation = ConversationView("1", "Train times", 1e9)
        self.conversations: tuple[ConversationView, ...] = ()
        self.welcome = Welcome("Answers short questions.", phrases=("One?", "Two?", "Three?"))
        self.attachment = ""
        self.models: tuple[ModelView, ...] = (
            ModelView("starter", "Earshot starter", "", GB // 20, GB // 8, 17 * GB, current=True),
            ModelView("mini", "Step-Audio 2 mini", "", 16 * GB, 18 * GB, 17 * GB, verdict=Verdict.TOO_LARGE),
        )
        self.voices: tuple[VoiceView, ...] = (VoiceView("mei", "Mei", True), VoiceView("anna", "Anna"))
        self.presets: tuple[PresetView, ...] = (PresetView("assistant", "Assistant"), PresetView("coach", "Coach"))
        self.presets_offered = self.presets
        self.inputs: tuple[DeviceView, ...] = (DeviceView("mic", "Desk microphone"),)
        self.outputs: tuple[DeviceView, ...] = (DeviceView("speaker", "Desk speakers"),)
        self.tools = (ToolOffer("calculator", "Works out sums."), ToolOffer("web_search", "Looks things up.", True))

    @property
    def tool_titles(self) -> dict[str, str]:
        """What the tools are called."""
        return {tool.name: tool.title for tool in self.tools}

    def diagnostics(self) -> str:
        """A text without conversation."""
        return "Earshot diagnostics"

    def be(self, state: State) -> None:
        """Change the state."""
        self.state = state
        self.state_changed.emit(state)

    @property
    def last_turn(self) -> TurnView | None:
        return self.turns[-1] if self.turns else None

    def have_turns(self, *turns: TurnView) -> None:
        """Show a conversation of these turns."""
        self.turns = turns
        self.turns_reset.emit()

    def have_turn(self, turn: TurnView) -> None:
        """One turn is new or newer."""
        self.turns = (*(each for each in self.turns if each.key != turn.key), turn)
        self.turn_changed.emit(turn)

    def have(self, name: str, value: Any) -> None:
        """Set a property and emit its signal with it."""
        setattr(self, name, value)
        signal = getattr(self, f"{name}_changed")
        if name in ("conversations", "models", "voices"):
            signal.emit()
        else:
            signal.emit(value)
