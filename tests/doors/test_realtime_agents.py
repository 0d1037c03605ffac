"""openai-agents' RealtimeRunner, as its own examples set it up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunner
from conftest import Address
from openai import OpenAI
from realtime_helpers import FIRST, FIRST_ANSWER, SECOND, SECOND_ANSWER, as_wav, pieces, question, run


def test_a_spoken_conversation(address: Address, openai: OpenAI, hear: Callable[..., str]) -> None:
    """With everything that the runner sends by default: semantic_vad, tracing, a voice, transcription."""
    agent = RealtimeAgent(name="Assistant", instructions="You are a helpful assistant.")
    url = address.url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime"

    async def conversation() -> None:
        model_config: Any = {"url": url, "api_key": address.token}
        async with await RealtimeRunner(agent).run(model_config=model_config) as session:
            for text, answer in ((FIRST, FIRST_ANSWER), (SECOND, SECOND_ANSWER)):
                for piece in pieces(question(openai, text, 1.5)):
                    await session.send_audio(piece)
                sound = b""
                async for event in session:
                    assert event.type != "error", event
                    if event.type == "audio":
                        sound += event.audio.data
                    elif event.type == "audio_end":
                        break
                assert re.search(answer, hear(as_wav(sound)))

    run(conversation)
