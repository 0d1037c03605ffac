"""What `main` builds and the controller joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.conversation import Conversation
from app.engine_thread import EngineThread
from app.models import Models
from app.permission import MicrophonePermission
from app.settings import Settings
from app.sound import SoundDevices
from app.tool_servers import ToolServers
from app.transcriber import Transcriber
from app.widgets.views import PresetView, ToolOffer
from app.worker import Worker


@dataclass(frozen=True)
class Parts:
    """What `main` builds and the controller joins."""

    settings: Settings
    conversation: Conversation
    thread: EngineThread
    models: Models
    sound: SoundDevices
    transcriber: Transcriber
    permission: MicrophonePermission
    disk: Worker
    presets: tuple[PresetView, ...]
    tools: tuple[ToolOffer, ...]
    servers: ToolServers
    apply_preset: Callable[[str], dict[str, Any]]
    diagnostics: Callable[[], str]
