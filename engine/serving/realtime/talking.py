"""Answers in a client's conversation: one at a time, made on the engine's thread and told while they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.conversation.replying.tools import Tool, ToolRegistry
from engine.serving.chat_wishes import BUDGETS
from engine.serving.jobs import Host, Job, Priority, events
from engine.serving.problems import ProblemError, problem_of
from engine.serving.realtime.asking import KnownTurns, Question, metadata, question
from engine.serving.realtime.config import MOST_TOKENS, Config
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.ids import new_id
from engine.serving.realtime.items import Item, Items
from engine.serving.realtime.memory import Answering, Memory
from engine.serving.realtime.outbox import Outbox
from engine.serving.realtime.responses import Response
from engine.serving.realtime.sound_forms import SPOKEN_HZ
from engine.serving.voices import Voices


class Talking:
    """Gives responses."""

    def __init__(self, host: Host, voices: Voices, own_tools: Sequence[Tool], items: Items, outbox: Outbox) -> None:
        """`own_tools` are offered to the model besides those of the client, and are answered here."""
        self._host, self._own_tools = host, tuple(own_tools)
        self._items, self._outbox = items, outbox
        self._memory, self._known = Memory(voices), KnownTurns()
        self._active: tuple[asyncio.Task[None], Response] | None = None
        self._why = "client_cancelled"
        self.conversation_id = new_id("conv")

    @property
    def active(self) -> Response | None:
        """The response that is being given."""
        return None if self._active is None else self._active[1]

    def begin(self, config: Config, fields: Fields) -> None:
        """Begin a response, as its fields say. Raises ProblemError."""
        if self._active is not None:
            code = "conversation_already_has_active_response"
            raise ProblemError(400, "A response is being given: cancel it, or wait for its end.", code=code)
        wanted = question(config, fields, self._items, self._known)
        self._refuse_unable(wanted.config)
        response = Response(
            self._outbox.put,
            wanted.config,
            None if wanted.aside else self.conversation_id,
            None if wanted.aside else self._items,
            wanted.key[-1] if wanted.key else None,
            metadata(fields),
        )
        for item in wanted.group.items if wanted.group else ():
            item.asked = True
        response.begin()
        self._active = asyncio.ensure_future(self._give(wanted, response)), response

    async def cancel(self, why: str) -> None:
        """End the response that is being given: "turn_detected" or "client_cancelled". Nothing where there is none."""
        await asyncio.sleep(0)  # a task that has not begun would not even tell that it ended
        if self._active is not None:
            task, self._why = self._active[0], why
            task.cancel()
            await asyncio.wait([task])

    async def truncate(self, item: Item, audio_end_ms: float) -> None:
        """What was not heard of an item was not said. Raises ProblemError for one that is not so long."""
        if self.active is not None and item in self.active.output:
            await self.cancel("client_cancelled")
        part = next((part for part in item.parts if part.kind == "output_audio" and part.spoken), None)
        if part is None:
            raise ProblemError(400, "Only a spoken answer can be cut.", param="item_id", code="invalid_value")
        samples = round(audio_end_ms / 1000 * SPOKEN_HZ * part.speed)
        if samples > part.spoken_samples + SPOKEN_HZ * part.speed:  # clients count a little more than there is
            raise ProblemError(400, "The answer is not so long.", param="audio_end_ms", code="invalid_value")
        part.heard = min(samples, part.spoken_samples)
        self._cut(item)

    def close(self) -> None:
        """The client is gone: end the response, and give back what is remembered."""
        if self._active is not None:
            self._active[0].cancel()
        self._host.submit(Job("forget", self._memory.forget(), Priority.SPEAKER, lambda _: None, lambda _: None))

    def _refuse_unable(self, config: Config) -> None:
        about = self._host.about
        if not about.chats:
            raise ProblemError(400, "The model in use cannot chat: it only writes on.", code="invalid_value")
        if config.modality == "audio" and not about.speaks:
            raise ProblemError(400, "The model in use cannot speak: ask for text.", param="output_modalities")

    async def _give(self, wanted: Question, response: Response) -> None:
        asked = wanted.asked
        steps = self._memory.answer(asked, self._answering(wanted.config))
        replies = events(self._host, "talk with others", steps, Priority.SPEAKER)
        try:
            async for event in replies:
                response.add(event, asked.last.id)
                await self._outbox.room()
            response.complete()
        except asyncio.CancelledError:
            response.cancel(self._why)
        except Exception as error:
            response.fail(problem_of(error))
        finally:
            await replies.aclose()
            self._active = None
            if not asked.passing:
                key = (*wanted.key, *(item.id for item in response.output))
                self._known.keep(key, asked.last.id, wanted.config.modality)
                for item in response.output:
                    self._cut(item)

    def _cut(self, item: Item) -> None:
        for part in item.parts:
            if part.heard is not None and item.turn:
                self._known.heard[item.turn] = item.before + part.heard

    def _answering(self, config: Config) -> Answering:
        thinks = self._host.about.thinks
        tools = ToolRegistry([*self._own_tools, *config.tools])
        return Answering(
            config.instructions,
            config.voice if config.modality == "audio" else None,
            tools,
            tools.names if config.may_call else (),
            BUDGETS.get(config.effort, 0) if thinks else 0,
            config.most_tokens or MOST_TOKENS,
        )
