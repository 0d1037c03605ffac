"""What `main` builds and the controller joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.audio.permission import MicrophonePermission
from app.audio.sound_devices import SoundDevices
from app.engine_side.engine_thread import EngineThread
from app.models.models import Models
from app.models.tool_servers import ToolServers
from app.settings import Settings
from app.shown import PresetView, ToolOffer
from app.talk.conversation import Conversation
from app.transcribe.transcriber import Transcriber
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
