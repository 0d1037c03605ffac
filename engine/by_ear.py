"""Lets a model read plain sentences aloud and hear itself: how many of its own words it understands, and how fast it
speaks."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from engine.conversation.model import Model
from engine.conversation.replying.single_tasks import read_aloud
from engine.conversation.speaking_along.voicing import RATE_HZ, voiced
from engine.errors import RequestError
from engine.events import Pause, Progress, Samples
from engine.samples import resample
from engine.transcription.results import Options
from engine.transcription.transcriber import Recognise
from engine.word_errors import edits, words_of

SENTENCES = {  # of each language, 100 words; Chinese is counted by characters
    "en": (
        "The small boat came back before the rain began tonight.",
        "Please leave the green bottle next to the kitchen window.",
        "My brother walks along the river with his old dog.",
        "We bought fresh bread and some apples at the market.",
        "Nobody remembers who painted the wooden door of this house.",
        "She wrote a long letter to a friend in Spain.",
        "The train was late because of snow in the mountains.",
        "Children played in the garden until it was quite dark.",
        "Can you tell me where the nearest post office is?",
        "Every morning he reads the paper with a warm drink.",
    ),
    "zh": (
        "下午我们要去公园散步。",
        "请把绿色的杯子放桌上。",
        "我哥哥每天早上都跑步。",
        "市场里的苹果又大又甜。",
        "因为下雪火车来得很晚。",
        "妈妈给远方朋友写了信。",
        "孩子们在院子里玩游戏。",
        "请问最近的邮局怎么走？",
        "爷爷喜欢边喝茶边看报。",
        "小船在天黑以前回来了。",
    ),
}
_HEARD_HZ = 16_000
_T = TypeVar("_T")


class HearingModel(Model, Protocol):
    """A model that can also transcribe."""

    def recogniser(self, options: Options) -> Recognise:
        """What transcribes windows as `options` ask."""


@dataclass(frozen=True)
class HeardSentence:
    """A sentence, what the model made of its own reading of it, and how many of its words it understood."""

    text: str
    heard: str
    words: int
    understood: int


@dataclass(frozen=True)
class EarCheck:
    """How a model understood itself. Seconds of speech, and those that it took to make it."""

    language: str
    sentences: tuple[HeardSentence, ...]
    speech_s: float
    took_s: float

    @property
    def words(self) -> int:
        """How many words were read."""
        return sum(sentence.words for sentence in self.sentences)

    @property
    def understood(self) -> int:
        """How many of them were understood."""
        return sum(sentence.understood for sentence in self.sentences)

    @property
    def speed(self) -> float:
        """Seconds of speech made in a second."""
        return self.speech_s / self.took_s if self.took_s else 0.0


def checking_by_ear(model: HearingModel, language: str = "") -> Generator[Progress | Pause, None, EarCheck]:
    """Check a model step by step, in `language` if it speaks that and there are sentences for it, else in one that is.

    Only what the model itself takes is measured, not what others do between two steps. Raises RequestError for a model
    that does not speak, or speaks none of the languages there are sentences for, and CheckpointError for a damaged one.
    """
    if not model.capabilities.speaks:
        raise RequestError("{name} does not speak, so it cannot be checked by ear.", name=model.name)
    chosen = language_to_check(model, language)
    for _ in model.warming_networks():
        yield Pause()
    synthesizer = model.speaking.synthesizer(model.speaking.default_voice())
    for _ in synthesizer.warming_up():
        yield Pause()
    recognise, clock = model.recogniser(Options(language=chosen)), _Clock()
    heard: list[HeardSentence] = []
    speech_s = 0.0
    for number, text in enumerate(SENTENCES[chosen]):
        yield Progress("by ear", number, len(SENTENCES[chosen]), "sentences")
        pieces: list[Samples] = [np.zeros(0, np.float32)]
        with closing(voiced(synthesizer, read_aloud(model, text, None, lambda: False))) as speaking:
            for piece in clock.measure(speaking):
                if piece is not None:
                    pieces.append(piece.samples_24k)
                yield Pause()
        samples = np.concatenate(pieces)
        speech_s += len(samples) / RATE_HZ
        heard.append(_compared(text, (yield from _hear(recognise, samples))))
    yield Progress("by ear", len(heard), len(heard), "sentences")
    return EarCheck(chosen, tuple(heard), speech_s, clock.seconds)


def language_to_check(model: Model, wanted: str) -> str:
    """The language to check a model in. Raises RequestError where there are no sentences for any that it speaks."""
    known = tuple(map(str, model.about.get("languages") or SENTENCES))
    checked = [language for language in (wanted, *SENTENCES) if language in SENTENCES and language in known]
    if not checked:
        raise RequestError(
            "{name} speaks neither English nor Chinese, and only in these can a model be checked by ear.",
            name=model.name,
        )
    return checked[0]


def _compared(text: str, heard: str) -> HeardSentence:
    truth = words_of(text)
    return HeardSentence(text, heard, len(truth), max(len(truth) - edits(truth, words_of(heard)), 0))


def _hear(recognise: Recognise, samples_24k: Samples) -> Generator[Pause, None, str]:
    """What is understood of a sound; nothing where there is none."""
    text = ""
    if len(samples_24k):
        for done in recognise([resample(samples_24k, RATE_HZ, _HEARD_HZ)]):
            if done is not None:
                text = done[1] if isinstance(done[1], str) else done[1].text
            yield Pause()
    return text


class _Clock:
    """Adds up the seconds in which steps are made, without those between them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def measure(self, steps: Iterator[_T]) -> Iterator[_T]:
        """The same steps."""
        while True:
            began = time.perf_counter()
            try:
                step = next(steps)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - began
            yield step
