"""What the other pages of the settings show: tools and their servers, other programs, another machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from app.shown.choices import Choice
from app.shown.models import DownloadView, MachineView, ModelView, VoiceView


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
    machine: MachineView = field(default_factory=MachineView)
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
