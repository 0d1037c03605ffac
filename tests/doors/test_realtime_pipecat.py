"""pipecat's OpenAIRealtimeLLMService in a pipeline, as its own examples set it up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from conftest import Address
from openai import OpenAI
from pipecat.frames.frames import EndFrame, ErrorFrame, Frame, InputAudioRawFrame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from realtime_helpers import FIRST, FIRST_ANSWER, RATE_HZ, SECOND, SECOND_ANSWER, as_wav, pieces, question, run


class Ear(FrameProcessor):
    """Keeps the sound of an answer, and says when it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = b""
        self.over = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take in a frame and pass it on."""
        await super().process_frame(frame, direction)
        assert not isinstance(frame, ErrorFrame), frame
        if isinstance(frame, TTSAudioRawFrame):
            self.sound += frame.audio
        elif isinstance(frame, TTSStoppedFrame):
            self.over.set()
        await self.push_frame(frame, direction)

    async def answer(self) -> bytes:
        """The sound of the next whole answer."""
        await self.over.wait()
        sound, self.sound = self.sound, b""
        self.over.clear()
        return sound


def test_a_spoken_conversation(address: Address, openai: OpenAI, hear: Callable[..., str]) -> None:
    heard = AudioInput(transcription=InputAudioTranscription(), turn_detection=SemanticTurnDetection())
    properties = SessionProperties(audio=AudioConfiguration(input=heard))

    async def conversation() -> None:
        model = OpenAIRealtimeLLMService(
            api_key=address.token,
            base_url=address.url.replace("http", "ws", 1) + "/realtime",
            settings=OpenAIRealtimeLLMService.Settings(
                system_instruction="You are a helpful assistant.", session_properties=properties
            ),
        )
        ear = Ear()
        worker = PipelineWorker(Pipeline([model, ear]))
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = asyncio.ensure_future(runner.run())
        for text, answer in ((FIRST, FIRST_ANSWER), (SECOND, SECOND_ANSWER)):
            for piece in pieces(question(openai, text, 1.5)):
                await worker.queue_frame(InputAudioRawFrame(piece, RATE_HZ, 1))
            assert re.search(answer, hear(as_wav(await ear.answer())))
        await worker.queue_frame(EndFrame())
        await running

    run(conversation)
