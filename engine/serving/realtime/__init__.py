"""OpenAI's Realtime protocol over a WebSocket, in its released form: conversations, and an interpreter.

`conversations` reads what a client sends, `responses` tells of an answer while it is made, `memory` answers on the
engine's thread; `translations` is the interpreter. Source: OpenAI's API reference, "Realtime".
"""

from engine.serving.realtime.routes import realtime_routes

__all__ = ["realtime_routes"]
