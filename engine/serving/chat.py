"""POST /v1/chat/completions: each request brings the whole conversation. Source: OpenAI's API reference, "Chat"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.conversation.remembering.records import Passage
from engine.conversation.replying.answered_outside import calling
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import Tool, ToolRegistry
from engine.engine import Engine
from engine.events import SessionEvent, Turn
from engine.serving.bodies import json_object
from engine.serving.chat_answers import Answer
from engine.serving.chat_messages import Chat, SaidTurn, SpokenAnswers, chat_of
from engine.serving.chat_wishes import Wishes
from engine.serving.jobs import Host, Job, Priority, Steps, ended, events, steps_of
from engine.serving.problems import ProblemError
from engine.serving.streams import sse
from engine.serving.threads import first_of, unless_gone
from engine.serving.voices import Voices


class ChatRoute:
    """Answers conversations."""

    def __init__(self, host: Host, voices: Voices, own_tools: Sequence[Tool] = ()) -> None:
        """`own_tools` are offered to the model besides those of the client, and are answered here."""
        self._host, self._voices, self._own_tools = host, voices, tuple(own_tools)
        self._spoken = SpokenAnswers()

    async def complete(self, request: Request) -> Response:
        """Answer the last message, whole or as it comes."""
        body = await json_object(request)
        wishes = self._wishes(body)
        chat = await asyncio.to_thread(chat_of, body, self._spoken.text)
        answer = Answer(wishes)
        replies = events(self._host, "answer others", self._steps(chat, wishes), Priority.SPEAKER)
        if not wishes.streamed:
            return JSONResponse(await unless_gone(request, self._whole(replies, answer)))
        first = await first_of(request, replies)  # what goes wrong before it is told by the status of the answer
        if first is None:
            raise ended()
        return sse(self._chunks(first, replies, answer))

    def _wishes(self, body: dict[str, Any]) -> Wishes:
        about = self._host.about
        wishes = Wishes.of(body, thinks=about.thinks)
        if not about.chats:
            raise ProblemError(400, "The model in use cannot chat: it only writes on.", param="model")
        if wishes.form and not about.speaks:
            raise ProblemError(400, "The model in use cannot speak: ask for text alone.", param="modalities")
        return wishes

    async def _whole(self, replies: AsyncGenerator[SessionEvent], answer: Answer) -> dict[str, Any]:
        try:
            async for event in replies:
                answer.add(event)
        finally:
            await replies.aclose()
        self._spoken.keep(answer.audio_id, answer.text)
        return answer.whole()

    async def _chunks(
        self, first: SessionEvent, replies: AsyncGenerator[SessionEvent], answer: Answer
    ) -> AsyncGenerator[dict[str, Any]]:
        try:
            yield answer.opening()
            for chunk in answer.add(first):
                yield chunk
            async for event in replies:
                for chunk in answer.add(event):
                    yield chunk
            self._spoken.keep(answer.audio_id, answer.text)
            for chunk in answer.closing():
                yield chunk
        finally:
            await replies.aclose()

    def _steps(self, chat: Chat, wishes: Wishes) -> Steps:
        def steps(engine: Engine, job: Job) -> Iterator[SessionEvent]:
            settings = SessionSettings(
                voice=self._voices.find(engine, wishes.voice) if wishes.form else None,
                sampling=wishes.sampling,
                seed=wishes.seed,
                tools=ToolRegistry([*self._own_tools, *wishes.tools]),
                pauses=True,
            )
            if chat.persona:
                settings = replace(settings, persona=chat.persona)
            session = engine.session(settings=settings)
            job.on_cancel = session.interrupt
            offered = settings.tools.names if wishes.may_call else ()
            *before, last = chat.turns
            for turn in before:
                session.remember(turn.id, _turn(turn, wishes, offered), turn.answer, calls=_passages(engine, turn))
            session.follow([turn.id for turn in before])
            if not last.calls:
                yield from steps_of(session.ask(_turn(last, wishes, offered)))
                return
            session.remember(last.id, _turn(last, wishes, offered), "", calls=_passages(engine, last))
            session.follow([turn.id for turn in chat.turns])
            yield from steps_of(session.go_on(last.id))

        return steps


def _turn(said: SaidTurn, wishes: Wishes, offered: tuple[str, ...]) -> Turn:
    return Turn(
        said.samples_16k,
        said.text,
        spoken_answer=bool(wishes.form),
        thinking=wishes.thinking,
        thinking_budget=wishes.thinking_budget,
        allow_tools=offered,
        max_tokens=wishes.most_tokens,
        id=said.id,
    )


def _passages(engine: Engine, said: SaidTurn) -> list[Passage]:
    return [calling(engine.vocabulary, text, calls, results) for text, calls, results in said.calls]
