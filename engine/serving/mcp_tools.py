"""The tools for programs that speak the Model Context Protocol: names without dots, notices of progress."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Audio, Context, Elicit, MCPServer, Resolve
from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from engine import samples
from engine.conversation.prompting.tasks import ASK_ABOUT_SOUND
from engine.conversation.replying.settings import SessionSettings
from engine.engine import Engine
from engine.errors import EngineError
from engine.events import AnswerText, Progress, Samples, SessionEvent, Turn
from engine.serving.history import History
from engine.serving.jobs import Host, Job, Priority, events
from engine.serving.problems import ProblemError, problem_of
from engine.serving.reading import MOST_CHARACTERS, read_aloud_for
from engine.serving.sounds import RATE_HZ
from engine.serving.threads import from_thread
from engine.serving.transcribing import Transcribing
from engine.serving.voices import Voices
from engine.transcription.exports import to_txt
from engine.transcription.languages import language_code
from engine.transcription.results import Finished, Options

_MOST_FOUND = 20
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class Permission(BaseModel):
    """What the person answers."""

    allow: bool = Field(description="Show the found places to the program that asks")


async def ask_the_person(query: str) -> Elicit[Permission]:
    """Asks, through the program, whether it may look into the conversations."""
    return Elicit(
        f"May this program search what you said to Earshot for “{query[:200]}”, and read what it finds?", Permission
    )


@dataclass(frozen=True)
class McpTools:
    """The tools. `files` says whether programs may name files of this machine; `history` None is none to search."""

    host: Host
    voices: Voices
    transcribing: Transcribing
    files: bool = True
    history: History | None = None

    def server(self) -> MCPServer:
        """A server that offers them."""
        server: MCPServer = MCPServer(
            "earshot", title="Earshot", instructions="Hears and speaks on this machine.", log_level="WARNING"
        )
        server.add_tool(self.speak, annotations=_READS)
        if self.files:
            server.add_tool(self.transcribe_file, annotations=_READS)
            server.add_tool(self.ask_recording, annotations=_READS)
        if self.history is not None:
            server.add_tool(self.search_history, annotations=_READS)
        return server

    def routes(self) -> tuple[Sequence[BaseRoute], Callable[[], AbstractAsyncContextManager[Any]]]:
        """The same at /mcp over HTTP, and what must be around its requests. Who may come in is asked before."""
        server, checked = self.server(), TransportSecuritySettings(enable_dns_rebinding_protection=False)
        routes = server.streamable_http_app(streamable_http_path="/mcp", transport_security=checked).routes
        return routes, server.session_manager.run

    async def transcribe_file(
        self, path: str, ctx: Context, language: str = "", speakers: bool = False, to_english: bool = False
    ) -> str:
        """Transcribe a sound or film file of this machine, of any length. `language` is a code such as "en", or empty
        to find out; `speakers` says who speaks; `to_english` translates.
        """
        with _told():
            options = Options(
                language_code(language) if language else "",
                "en" if to_english else "",
                speakers=0 if speakers else None,
            )
            file = _file(path)
            steps = from_thread(lambda: self.transcribing.steps(file, options), "transcribing")
            async with AsyncExitStack() as kept:
                kept.push_async_callback(steps.aclose)
                async for event in steps:
                    if isinstance(event, Progress) and event.stage == "transcribe":
                        await ctx.report_progress(event.done, event.total or None)
                    elif isinstance(event, Finished):
                        return to_txt(event.transcript)
        raise McpToolError("The transcription was ended.")

    async def speak(self, text: str, voice: str = "") -> Audio:
        """Read a text aloud; the answer is a wav file. `voice` is a name, or empty for the usual one."""
        if not text.strip() or len(text) > MOST_CHARACTERS:
            raise McpToolError(f"The text must have between 1 and {MOST_CHARACTERS:,} characters.")
        with _told():
            if not self.host.about.speaks:
                raise ProblemError(400, "The model in use cannot speak.")
            steps = read_aloud_for(self.voices, text, voice)
            pieces = events(self.host, "speak for others", steps, Priority.SPEAKER)
            sounds = [piece.samples_24k async for piece in pieces]
            if not any(map(len, sounds)):
                raise ProblemError(400, "The model gave no speech for this text: try another one.")
            return Audio(data=samples.wav_bytes(np.concatenate(sounds), RATE_HZ), format="wav")

    async def ask_recording(self, path: str, question: str) -> str:
        """Ask something about a short sound or film file of this machine, such as who speaks or what is heard."""
        with _told():
            file = _file(path)
            sound = await asyncio.to_thread(samples.read, file)
            replies = events(self.host, "answer others", _asking(sound, question), Priority.SPEAKER)
            return await _text(replies)

    async def search_history(
        self, query: str, permission: Annotated[ElicitationResult[Permission], Resolve(ask_the_person)]
    ) -> str:
        """Search what was said to Earshot before. The person is asked each time, and may refuse."""
        if not isinstance(permission, AcceptedElicitation) or not permission.data.allow:
            raise McpToolError("The person did not allow this search.")
        assert self.history is not None
        found = await asyncio.to_thread(self.history, query)
        lines = [
            f"{datetime.fromtimestamp(each.when):%Y-%m-%d} {each.title}: {each.words}" for each in found[:_MOST_FOUND]
        ]
        return "\n".join(lines) or "Nothing was found."


class _told:  # noqa: N801 (used like a function)
    """Errors that have a sentence for people are told with it; anything else is logged and told without a word."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, McpToolError):
            raise McpToolError(problem_of(error).detail) from (error if isinstance(error, EngineError) else None)


def _file(path: str) -> Path:
    return Path(os.path.expanduser(path))


def _asking(sound: Samples, question: str) -> Any:
    def steps(engine: Engine, job: Job) -> Iterator[SessionEvent]:
        session = engine.session(settings=SessionSettings(persona=ASK_ABOUT_SOUND))
        job.on_cancel = session.interrupt
        yield from session.ask(Turn(sound, question, spoken_answer=False))

    return steps


async def _text(replies: AsyncGenerator[SessionEvent]) -> str:
    texts = [event.text async for event in replies if isinstance(event, AnswerText)]
    return "".join(texts).strip() or "The model gave no answer: ask in other words."
