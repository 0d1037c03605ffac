"""All routes: those of OpenAI, and the one for other Earshots."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from engine.conversation.replying.tools import Tool
from engine.remote.earshot.wire import PATH
from engine.serving.chat import ChatRoute
from engine.serving.distance import EarshotRoute
from engine.serving.jobs import Host
from engine.serving.models import Models
from engine.serving.realtime import realtime_routes
from engine.serving.speech import SpeechRoutes
from engine.serving.transcribing import Transcribing
from engine.serving.transcriptions import Transcriptions
from engine.serving.voices import Voices


def routes_of(
    host: Host, voices: Voices, transcribing: Transcribing | None = None, own_tools: Sequence[Tool] = ()
) -> list[BaseRoute]:
    """The routes that use the engine of `host`. The model may call `own_tools` in chats."""
    models, speech = Models(host), SpeechRoutes(host, voices)
    transcribing = transcribing or Transcribing(host)
    sound = Transcriptions(host, transcribing)
    return [
        Route("/health", _health),
        WebSocketRoute(PATH, EarshotRoute(host, transcribing.scribe).serve),
        Route("/v1/models", models.list),
        Route("/v1/models/{name:path}", models.one),
        Route("/v1/chat/completions", ChatRoute(host, voices, own_tools).complete, methods=["POST"]),
        Route("/v1/audio/transcriptions", sound.transcribe, methods=["POST"]),
        Route("/v1/audio/translations", sound.translate, methods=["POST"]),
        Route("/v1/audio/speech", speech.speak, methods=["POST"]),
        Route("/v1/audio/voices", speech.list_voices),
        *realtime_routes(host, voices, transcribing, own_tools),
    ]


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})
