"""The WebSockets of the Realtime protocol."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, WebSocketRoute

from engine.conversation.replying.tools import Tool
from engine.serving.jobs import Host
from engine.serving.realtime.conversations import Conversations
from engine.serving.realtime.translations import Interpreter
from engine.serving.transcribing import Transcribing
from engine.serving.voices import Voices


def realtime_routes(
    host: Host, voices: Voices, transcribing: Transcribing, own_tools: Sequence[Tool] = ()
) -> list[BaseRoute]:
    """Conversations, in which the model may call `own_tools`, and the interpreter."""
    conversations = Conversations(host, voices, transcribing, own_tools)
    interpreter = Interpreter(host, voices, transcribing)
    return [
        WebSocketRoute("/v1/realtime", conversations.talk),
        WebSocketRoute("/v1/realtime/translations", interpreter.interpret),
    ]
