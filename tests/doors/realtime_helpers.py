"""Sound and events of the Realtime protocol, for clients that are not ours."""

from __future__ import annotations

import asyncio
import base64
import io
import wave
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from openai import OpenAI
from openai.types.realtime import RealtimeServerEvent
from openai.types.realtime.realtime_translation_server_event import RealtimeTranslationServerEvent
from pydantic import TypeAdapter

RATE_HZ = 24_000
GUARD_S = 90
FIRST, SECOND = "What is twelve times seven?", "What is the capital of France?"
FIRST_ANSWER, SECOND_ANSWER = r"84|eighty four", "paris"

EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
TRANSLATION_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeTranslationServerEvent)


def question(openai: OpenAI, text: str, silence_s: float = 1.0) -> bytes:
    """A text said aloud, 16-bit PCM at 24 kHz, and silence after it."""
    said = openai.audio.speech.create(model="tts-1", voice="ada", input=text, response_format="pcm").read()
    return said + bytes(round(silence_s * RATE_HZ) * 2)


def pieces(sound: bytes, seconds: float = 0.1) -> Iterator[bytes]:
    """A sound as a microphone gives it."""
    size = round(seconds * RATE_HZ) * 2
    for start in range(0, len(sound), size):
        yield sound[start : start + size]


def in_base64(sound: bytes) -> str:
    """A sound as an event holds it."""
    return base64.b64encode(sound).decode()


def as_wav(sound: bytes) -> bytes:
    """16-bit PCM at 24 kHz as a file."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(sound)
    return kept.getvalue()


def run(conversation: Callable[[], Awaitable[None]]) -> None:
    """Hold a conversation, which has an end."""

    async def guarded() -> None:
        await asyncio.wait_for(conversation(), GUARD_S)

    asyncio.run(guarded())
