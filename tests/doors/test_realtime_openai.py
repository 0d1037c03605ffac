"""The official Python client holds spoken conversations; every event that comes is one of its own classes."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conftest import ROOT, Address, words
from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from realtime_helpers import (
    EVENT,
    FIRST,
    FIRST_ANSWER,
    SECOND,
    SECOND_ANSWER,
    as_wav,
    in_base64,
    pieces,
    question,
    run,
)

Hear = Callable[..., str]


class Talk:
    """A connection, and what came over it, checked."""

    def __init__(self, line: AsyncRealtimeConnection) -> None:
        self.line = line
        self.seen: list[Any] = []

    async def until(self, kind: str) -> Any:
        """The next event of a kind."""
        while True:
            event = EVENT.validate_json(await self.line.recv_bytes())
            self.seen.append(event)
            if event.type == kind:
                return event

    async def say(self, sound: bytes) -> None:
        """Let the server hear something."""
        for piece in pieces(sound):
            await self.line.input_audio_buffer.append(audio=in_base64(piece))

    async def set_up(self, **session: Any) -> None:
        """Update the session."""
        wanted: Any = {"type": "realtime"} | session
        await self.line.session.update(session=wanted)
        await self.until("session.updated")

    def sound(self) -> bytes:
        """What was spoken since this was asked last."""
        deltas = [event.delta for event in self.seen if event.type == "response.output_audio.delta"]
        self.seen = []
        return b"".join(map(base64.b64decode, deltas))


@asynccontextmanager
async def talk(address: Address, **query: Any) -> AsyncIterator[Talk]:
    async with (
        AsyncOpenAI(base_url=address.url, api_key=address.token) as client,
        client.realtime.connect(model="gpt-realtime", extra_query=query) as line,
    ):
        yield Talk(line)


def test_a_spoken_conversation(address: Address, openai: OpenAI, hear: Hear) -> None:
    async def conversation() -> None:
        async with talk(address) as client:
            heard = {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "whisper-1"}}
            await client.set_up(audio={"input": heard, "output": {"voice": "alloy"}})
            for text, answer in ((FIRST, FIRST_ANSWER), (SECOND, SECOND_ANSWER)):
                await client.say(question(openai, text))
                written = await client.until("conversation.item.input_audio_transcription.completed")
                assert words(written.transcript) == words(text)
                (done,) = [event for event in client.seen if event.type == "response.done"]
                assert re.search(answer, words(done.response.output[0].content[0].transcript))
                assert re.search(answer, hear(as_wav(client.sound())))

    run(conversation)


def test_what_is_not_heard_is_not_said(address: Address, openai: OpenAI) -> None:
    async def conversation() -> None:
        async with talk(address) as client:
            await client.set_up(audio={"input": {"turn_detection": None}})
            await client.say(question(openai, FIRST, 0.0))
            await client.line.input_audio_buffer.commit()
            await client.line.response.create()
            item = (await client.until("response.done")).response.output[0]
            await client.line.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=700)
            await client.until("conversation.item.truncated")
            await client.line.conversation.item.retrieve(item_id=item.id)
            kept = (await client.until("conversation.item.retrieved")).item.content[0]
            assert len(base64.b64decode(kept.audio)) == round(0.7 * 48_000)
            assert item.content[0].transcript.startswith(kept.transcript)
            assert kept.transcript != item.content[0].transcript
            await client.line.conversation.item.delete(item_id=item.id)
            await client.until("conversation.item.deleted")

    run(conversation)


def test_an_answer_is_interrupted(address: Address, openai: OpenAI) -> None:
    first, second = question(openai, FIRST), question(openai, SECOND, 1.5)

    async def conversation() -> None:
        async with talk(address) as client:
            await client.set_up(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
            await client.say(first)
            await client.until("response.output_audio.delta")
            await client.say(second)
            done = (await client.until("response.done")).response
            assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
            done = (await client.until("response.done")).response
            assert SECOND_ANSWER in words(done.output[0].content[0].transcript)

    run(conversation)


def test_a_function_is_called(address: Address) -> None:
    show = "import json; from engine.conversation.replying.tools import calculator, tool; "
    show += "print(json.dumps(tool(calculator.calculator).schema['function']))"
    shown = subprocess.run([address.python, "-c", show], cwd=ROOT, capture_output=True, check=True)
    function = {"type": "function"} | json.loads(shown.stdout)  # one that the starter was taught

    async def conversation() -> None:
        async with talk(address) as client:
            await client.set_up(tools=[function], tool_choice="auto", output_modalities=["text"])
            content: Any = [{"type": "input_text", "text": "What is 123 times 45?"}]
            message: Any = {"type": "message", "role": "user", "content": content}
            await client.line.conversation.item.create(item=message)
            await client.line.response.create()
            call = await client.until("response.function_call_arguments.done")
            assert "123" in json.loads(call.arguments)["expression"]
            await client.until("response.done")
            output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "5535"}
            await client.line.conversation.item.create(item=output)
            await client.line.response.create()
            done = (await client.until("response.done")).response
            assert done.status == "completed"
            assert done.output[0].content[0].text

    run(conversation)


def test_a_language_that_the_model_does_not_know_is_no_transcript(address: Address, openai: OpenAI) -> None:
    sound = question(openai, FIRST)

    async def conversation() -> None:
        async with talk(address) as client:
            heard = {"transcription": {"model": "whisper-1", "language": "fr"}}
            await client.set_up(audio={"input": heard}, output_modalities=["text"])
            await client.say(sound)
            failed = await client.until("conversation.item.input_audio_transcription.failed")
            assert "French" in failed.error.message

    run(conversation)


def test_what_can_go_wrong_is_told_in_the_protocols_form(address: Address) -> None:
    async def conversation() -> None:
        async with talk(address) as client:
            await client.line.response.cancel()
            assert (await client.until("error")).error.code == "response_cancel_not_active"
            await client.line.conversation.item.retrieve(item_id="nobody", event_id="mine")
            assert (await client.until("error")).error.event_id == "mine"
            await client.line.input_audio_buffer.clear()
            await client.until("input_audio_buffer.cleared")
            await client.line.response.create(response={"conversation": "none", "output_modalities": ["text"]})
            await client.until("response.done")

    run(conversation)


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
def test_telephones(address: Address, openai: OpenAI, form: Any) -> None:
    async def conversation() -> None:
        async with talk(address) as client:
            await client.set_up(audio={"output": {"format": {"type": form}}})
            await client.say(question(openai, FIRST))
            done = (await client.until("response.done")).response
            assert re.search(FIRST_ANSWER, words(done.output[0].content[0].transcript))

    run(conversation)


def test_a_transcription_session(address: Address, openai: OpenAI) -> None:
    async def conversation() -> None:
        async with talk(address, intent="transcription") as client:
            wanted: Any = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
            await client.line.session.update(session=wanted)
            await client.say(question(openai, SECOND))
            written = await client.until("conversation.item.input_audio_transcription.completed")
            assert words(written.transcript) == words(SECOND)

    run(conversation)
