"""What the window shows, as small frozen values. Whoever drives the window makes these; widgets only read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from engine.checkpoints.fit import AS_PUBLISHED_BITS, Verdict


class ToolState(Enum):
    """How a tool call stands."""

    RUNNING = "running"
    ASKING = "asking"  # whether it may be used
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class ToolView:
    """One tool call: its name, its arguments and its result as short text. `title` is what people call the tool."""

    name: str
    arguments: str
    result: str = ""
    state: ToolState = ToolState.RUNNING
    title: str = ""


class TurnState(Enum):
    """How a turn stands."""

    LISTENING = "listening"  # it is being said
    WAITING = "waiting"  # said, nothing came back yet
    THINKING = "thinking"
    ANSWERING = "answering"  # text comes, nothing sounds yet
    SPEAKING = "speaking"
    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class TurnView:
    """One turn: what I said, what it thinks, which tools it used, what it says.

    `key` is the turn's id. `spoken` are the characters of `answer` that sound now; `unspoken` is the rest of an
    answer that was interrupted. `peaks` are the loudness of what I said, 0 to 1. `version` says which it is of the
    `versions` that were asked or answered in its place.
    """

    key: str
    state: TurnState = TurnState.DONE
    text: str = ""
    peaks: tuple[float, ...] = ()
    seconds: float | None = None  # length of my recording; None when typed
    attachment: str = ""  # name of a file that came with it
    thinking: str = ""
    thinking_s: float = 0.0
    tools: tuple[ToolView, ...] = ()
    answer: str = ""
    spoken: tuple[int, int] | None = None
    has_sound: bool = False
    speed: float = 1.0
    first_text_s: float | None = None
    first_sound_s: float | None = None
    real_time_factor: float | None = None
    problem: str = ""  # a sentence when it failed
    version: int = 1
    versions: int = 1
    unspoken: str = ""
    context: tuple[int, int] | None = None  # how many places of the model's context were taken after it, of how many
    paused: bool = False  # its sound is held


@dataclass(frozen=True)
class ConversationView:
    """A saved conversation in the sidebar. `snippet` holds found text, its hits between \\x02 and \\x03."""

    key: str
    title: str
    when: float  # seconds since 1970 of its last turn
    turns: int = 0
    preset: str = ""
    snippet: str = ""


SPEEDS = (0.8, 1.0, 1.25, 1.5, 1.75, 2.0)  # at which a recording can be played


class JobState(Enum):
    """How the transcription of a file stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"


@dataclass(frozen=True)
class JobChoices:
    """How a recording is transcribed. Languages are codes: "" finds out what is spoken, and translates nothing.
    `speakers` is how many people to tell apart, 0 to find out how many there are, None not to ask. `model` is the
    folder of the model that does it, "" the one in use.
    """

    language: str = ""
    translate_to: str = ""
    speakers: int | None = None
    model: str = ""


@dataclass(frozen=True)
class SegmentView:
    """One stretch of a recording and what was said in it; times in seconds. `speaker` is a label, "" when not known."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""

    @property
    def stretch(self) -> tuple[float, float]:
        """Which part of the recording it is, whatever is written of it."""
        return self.start_s, self.end_s


@dataclass(frozen=True)
class JobView:
    """One recording of the transcribe pages. `names` are what a person calls its speakers: (label, name); `language`
    and `model` are those of the text that is there; `added` is in seconds since 1970.
    """

    key: str
    name: str
    state: JobState = JobState.WAITING
    seconds: float | None = None
    share: float = 0.0
    left_s: float | None = None
    segments: tuple[SegmentView, ...] = ()
    problem: str = ""
    names: tuple[tuple[str, str], ...] = ()
    choices: JobChoices = field(default_factory=JobChoices)
    language: str = ""
    model: str = ""
    added: float = 0.0
    summary: str = ""
    cleared: bool = False  # it is not in the queue any more
    own_title: str = ""  # what a person calls it
    no_speech: bool = False
    sounds: bool = False  # its text says what is heard in it, not what is said

    @property
    def title(self) -> str:
        """What it is called: the name of its file without what tells the format, until a person gives it another."""
        return self.own_title or self.name.rpartition(".")[0] or self.name

    @property
    def speakers(self) -> tuple[str, ...]:
        """Labels of those who speak, in the order in which they appear."""
        return tuple(dict.fromkeys(each.speaker for each in self.segments if each.speaker))

    @property
    def words(self) -> int:
        """How many words were said; in scripts without spaces a character is one."""
        return sum(map(count_words, (each.text for each in self.segments)))

    def name_of(self, speaker: str) -> str:
        """What a speaker is called."""
        return dict(self.names).get(speaker, speaker)


def count_words(text: str) -> int:
    """Words between spaces; each character of a script without spaces."""
    alone = sum("\u3040" <= character <= "\u9fff" for character in text)
    return (
        alone + len("".join(" " if "\u3040" <= c <= "\u9fff" else c for c in text).split())
        if alone
        else len(text.split())
    )


@dataclass(frozen=True)
class ExportChoices:
    """What an exported text says beside the words."""

    times: bool = True
    speakers: bool = True


@dataclass(frozen=True)
class RecordingView:
    """A transcribed recording in the sidebar. `snippet` holds found text, its hits between \\x02 and \\x03."""

    key: str
    title: str
    when: float  # seconds since 1970, when it was added
    about: str = ""
    snippet: str = ""


class Hearing(Enum):
    """How the test of the microphone stands."""

    SETTLED = "settled"  # it was heard once, or is not wanted: nothing is shown
    UNASKED = "unasked"
    DENIED = "denied"
    TESTED = "tested"
    SILENT = "silent"
    HEARD = "heard"


@dataclass(frozen=True)
class Welcome:
    """What an empty conversation says: what the model can and cannot do, what to try, and how the microphone stands."""

    about: str = ""
    can: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    hearing: Hearing = Hearing.SETTLED
    demonstration: bool = False  # a small model that shows how Earshot works


@dataclass(frozen=True)
class Choice:
    """One entry of a menu: the value it stands for and its words."""

    value: str
    words: str


@dataclass(frozen=True)
class MachineView:
    """This machine as the models page shows it; sizes in bytes. `others` is None where the system does not say."""

    processor: str = ""
    memory: int = 0
    usable: int = 0  # by a model
    own: int = 0  # what Earshot's model takes
    others: int | None = None
    disk_free: int = 0


@dataclass(frozen=True)
class EarView:
    """How a model understood its own speech. `words` is 0 before the first check; `total` is more than 0 while it is
    checked, and counts sentences as `done` does.
    """

    speaks: bool = True
    can_check: bool = False
    words: int = 0
    understood: int = 0
    language: str = ""  # that it read, as a code
    speed: float = 0.0  # seconds of speech in a second
    day: str = ""  # of the check, as in 2026-11-30
    earshot: str = ""  # the version that checked it
    done: int = 0
    total: int = 0
    problem: str = ""


@dataclass(frozen=True)
class ModelView:
    """An installed model on the models page; sizes in bytes. `making` is how much of a smaller copy is made."""

    key: str
    name: str
    about: str = ""
    size: int = 0
    memory: int = 0
    free: int = 0  # what a model may take here
    current: bool = False
    problem: str = ""
    shrinkable: bool = False  # stored in full precision: a smaller copy can be made
    copy_memory: int = 0  # that such a copy would take; 0 when there can be none
    making: float | None = None
    arrived: bool = False  # from a download, and not used yet
    removable: bool = False
    verdict: Verdict = Verdict.FITS
    speaks: bool = True
    fingerprint: str = ""  # of its files: another one where they changed
    ear: EarView | None = None


@dataclass(frozen=True)
class SizeView:
    """A size that a published model can have here; in bytes."""

    bits: int
    memory: int
    disk: int


class DownloadState(Enum):
    """How the download of a published model stands."""

    OFFERED = "offered"
    RUNNING = "running"
    PAUSED = "paused"  # a part of it is here


@dataclass(frozen=True)
class DownloadView:
    """A published model that is not installed; sizes in bytes. `total` is about right until the download begins."""

    name: str
    state: DownloadState = DownloadState.OFFERED
    done: int = 0
    total: int = 0
    bytes_per_s: float = 0.0
    problem: str = ""
    sizes: tuple[SizeView, ...] = ()  # as published, and as a smaller copy
    bits: int = AS_PUBLISHED_BITS  # of the one that is wanted
    usable: int = 0  # memory that a model may take
    keep_original: bool = False  # beside the smaller copy


@dataclass(frozen=True)
class VoiceView:
    """A voice of the library. Built-in ones can be neither renamed nor removed."""

    key: str
    name: str
    built_in: bool = False


@dataclass(frozen=True)
class ToolSetting:
    """A tool the model may use: whether it is offered, whether it needs the network, and is asked about each time."""

    name: str
    words: str
    enabled: bool = False
    network: bool = False
    asks: bool = False


class ServerState(Enum):
    """How a tool server stands."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"


class Permission(StrEnum):
    """Whether a tool may be used."""

    ASK = "ask"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class ServerTool:
    """A tool of a server, by the name that the server gives it."""

    name: str
    permission: Permission = Permission.ASK


@dataclass(frozen=True)
class ServerView:
    """A server that offers tools: its line in the settings, as it may be shown, what it calls itself, and its tools
    once it runs.
    """

    line: str
    shown_line: str = ""
    title: str = ""
    state: ServerState = ServerState.STARTING
    tools: tuple[ServerTool, ...] = ()
    asks: bool = True  # unless something else was chosen for a tool
    problem: str = ""  # a sentence when it does not run


@dataclass(frozen=True)
class ServerTrouble:
    """Why the last server was not added, or an old one's secrets are still in the settings; what may be done."""

    words: str = ""
    offers_file: bool = False  # secrets may be kept in a file, if the user agrees


@dataclass(frozen=True)
class ProgramsView:
    """Whether other programs may use the model: where, by which token, and which of them did lately."""

    on: bool = False
    address: str = ""
    token: str = ""
    clients: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class OtherMachineView:
    """A model on another machine: its address, and what was found there. `offers_file` when there is no keychain for
    its token.
    """

    address: str = ""
    in_use: bool = False
    busy: bool = False
    words: str = ""
    trouble: bool = False
    offers_file: bool = False


@dataclass(frozen=True)
class SettingsView:
    """Everything the settings show. Device values are names; "" follows the system's default."""

    inputs: tuple[Choice, ...] = ()
    outputs: tuple[Choice, ...] = ()
    input_device: str = ""
    output_device: str = ""
    keep_warm: bool = True
    notifications: bool = True
    look_for_updates: bool | None = None  # None: this copy does not know where
    pre_roll_ms: int = 500
    prefer_built_in: bool = True
    thinking_budget: int = 512
    tools: tuple[ToolSetting, ...] = ()
    servers: tuple[ServerView, ...] = ()
    server_trouble: ServerTrouble = ServerTrouble()
    models: tuple[ModelView, ...] = ()
    models_folder: str = ""
    machine: MachineView = MachineView()
    downloads: tuple[DownloadView, ...] = ()
    voices: tuple[VoiceView, ...] = ()
    voice: str = ""
    language: str = ""
    appearance: str = ""
    text_size: float = 1.0
    retention: str = "all"  # "none", "days" or "all"
    retention_days: int = 30
    other_programs: bool = False  # wanted
    programs: ProgramsView = ProgramsView()
    other_machine: OtherMachineView = OtherMachineView()


class State(Enum):
    """What the conversation is doing."""

    IDLE = "idle"
    GETTING_READY = "getting ready"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True)
class ModelStatus:
    """How the model stands, and what leaves this Mac ("" when nothing does)."""

    name: str = ""
    ready: bool = False
    share: float = 0.0
    problem: str = ""
    memory_bytes: int = 0
    total_bytes: int = 0
    leaves: str = ""
    thinks: bool = False
    place: str = ""  # the other machine that it is on


class NoticeAction(Enum):
    """What can be done about a notice."""

    NONE = "none"
    RETRY = "retry"
    PRIVACY = "privacy"
    USE = "use"
    DEVICE = "device"  # to be chosen
    TIMER = "timer"  # it rings: stop, or one more minute


@dataclass(frozen=True)
class Notice:
    """Advice or trouble, for the lane over the message field."""

    text: str = ""
    trouble: bool = False
    action: NoticeAction = NoticeAction.NONE
    of_settings: bool = False  # told there, not where one talks


@dataclass(frozen=True)
class TimerView:
    """A timer that runs; `rings_at` is in seconds since 1970."""

    number: int
    label: str
    rings_at: float


@dataclass(frozen=True)
class PresetView:
    """A preset of the menu."""

    key: str
    name: str


@dataclass(frozen=True)
class OwnPresetView:
    """A preset that a person makes: who answers, in which voice ("" keeps the one in use), with which tools."""

    key: str = ""  # of one that is kept
    name: str = ""
    persona: str = ""
    voice: str = ""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeviceView:
    """A sound device."""

    key: str
    name: str


@dataclass(frozen=True)
class ToolOffer:
    """A tool that can be offered to the model."""

    name: str
    title: str
    needs_network: bool = False
