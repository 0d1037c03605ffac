"""The MCP server, by the official client in both eras of the protocol."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import AudioContent, ElicitResult, TextContent

from engine.serving import Voices
from engine.serving.history import FoundConversation
from engine.serving.mcp_tools import McpTools
from engine.serving.transcribing import Transcribing
from engine.speaking.voice_library import VoiceLibrary
from tests.engine.serving.conftest import Served

Ask = Callable[[Any, Any], Awaitable[ElicitResult]]


@pytest.fixture
def tools(served: Served, tmp_path: Path) -> McpTools:
    return McpTools(served.worker, Voices(VoiceLibrary(tmp_path)), Transcribing(served.worker), history=history)


def history(query: str) -> list[FoundConversation]:
    return [FoundConversation("Oslo", 1_800_000_000.0, f"about {query}")] if query == "rain" else []


def called(
    tools: McpTools, name: str, mode: str = "auto", asked: Ask | None = None, **arguments: Any
) -> tuple[Any, Any]:
    """The result of a tool, and the notices of progress on the way."""
    notices: list[tuple[float, float | None]] = []

    async def notice(done: float, total: float | None, message: str | None) -> None:
        notices.append((done, total))

    async def call() -> Any:
        async with Client(tools.server(), mode=mode, elicitation_callback=asked) as client:
            try:
                return await client.call_tool(name, arguments, progress_callback=notice)
            except MCPError as error:
                refused = error  # raised outside, where no group of errors is made of it
        raise refused

    return asyncio.run(call()), notices


def text_of(result: Any) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def allow(context: Any, params: Any) -> ElicitResult:
    assert "“rain”" in params.message
    return ElicitResult(action="accept", content={"allow": True})


async def keep_back(context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"allow": False})


async def decline(context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="decline")


def test_a_file_is_transcribed_with_notices_of_progress(served: Served, tools: McpTools, recording: Path) -> None:
    served.says("Good morning.")
    result, notices = called(tools, "transcribe_file", path=str(recording))
    assert (text_of(result).strip(), result.is_error) == ("Good morning.", False)
    done, total = notices[-1]
    assert done == total == pytest.approx(2.0, abs=0.1)


def test_what_is_wrong_with_a_file_is_said_to_the_model(tools: McpTools, tmp_path: Path) -> None:
    result, _ = called(tools, "transcribe_file", path=str(tmp_path / "none.wav"))
    assert result.is_error
    assert "none.wav" in text_of(result)
    assert str(tmp_path) not in text_of(result)


def test_a_text_is_spoken(served: Served, tools: McpTools) -> None:
    served.reads(30)
    result, _ = called(tools, "speak", text="Hello there.")
    (content,) = result.content
    assert isinstance(content, AudioContent)
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(content.data)))
    assert (len(samples), rate_hz) == (30 * 960, 24_000)


def test_a_recording_is_asked_about(served: Served, tools: McpTools, recording: Path) -> None:
    served.says("Somebody hums.")
    result, _ = called(tools, "ask_recording", path=str(recording), question="What is heard?")
    assert text_of(result) == "Somebody hums."


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_history_is_searched_once_the_person_allows_it(tools: McpTools, mode: str) -> None:
    result, _ = called(tools, "search_history", mode, allow, query="rain")
    assert "Oslo: about rain" in text_of(result)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("asked", [keep_back, decline])
def test_history_stays_closed_when_the_person_refuses(tools: McpTools, mode: str, asked: Ask) -> None:
    result, _ = called(tools, "search_history", mode, asked, query="rain")
    assert result.is_error
    assert "did not allow" in text_of(result)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_history_stays_closed_to_a_program_that_cannot_ask(tools: McpTools, mode: str) -> None:
    with pytest.raises(MCPError, match="did not declare the form elicitation capability"):
        called(tools, "search_history", mode, None, query="rain")


def test_tools_have_plain_names_and_only_those_that_can_be_used(tools: McpTools) -> None:
    async def names(server: Any) -> list[str]:
        async with Client(server) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(names(tools.server())) == ["speak", "transcribe_file", "ask_recording", "search_history"]
    far = McpTools(tools.host, tools.voices, tools.transcribing, files=False)
    assert asyncio.run(names(far.server())) == ["speak"]
