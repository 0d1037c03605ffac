"""What another Earshot asks for, checked: what is not as it should be never reaches the networks."""

from __future__ import annotations

from dataclasses import dataclass

from engine.conversation.prompting.chat_template import Prompt
from engine.errors import RequestError
from engine.events import Samples
from engine.hearing import RATE_HZ, WINDOW_SAMPLES
from engine.language import Sampling
from engine.remote.earshot.wire import Message, misunderstood, numbers_from, samples_from, sampling_from

_LONGEST_NAME = 64
_MOST_WINDOWS = 64
_LARGEST_PIECE = 1000


@dataclass(frozen=True)
class AskedPrompt:
    """A prompt to be read by the reader of this name; `digests` name the sounds in it."""

    reader: str
    prompt: Prompt
    digests: tuple[str, ...]
    shared: int

    @classmethod
    def of(cls, message: Message) -> AskedPrompt:
        """Raises WireError."""
        ids = numbers_from(message.data).tolist()
        sounds: list[range] = []
        digests: list[str] = []
        for entry in message.get("sounds", list):
            if not (isinstance(entry, list) and [type(each) for each in entry] == [int, int, str]):
                raise misunderstood("a sound has a start, an end and a digest")
            start, stop, digest = entry
            if not (sounds[-1].stop if sounds else 0) <= start < stop <= len(ids):
                raise misunderstood("sounds lie within the prompt, one after the other")
            sounds.append(range(start, stop))
            digests.append(digest)
        shared = message.get("shared", int)
        if not 0 <= shared < (sounds[0].start + 1 if sounds else len(ids)):
            raise misunderstood("what a prompt shares with others lies before its sounds and its end")
        return cls(name_of(message, "reader"), Prompt(tuple(ids), tuple(sounds)), tuple(digests), shared)

    def check(self, vocabulary_size: int, context_length: int) -> None:
        """Raise RequestError for what the model does not take."""
        if not all(0 <= id < vocabulary_size for id in self.prompt.ids):
            raise misunderstood("there is no such id")
        if len(self.prompt) > context_length:
            raise RequestError("The model takes {length} tokens at once.", length=context_length)


@dataclass(frozen=True)
class AskedWriting:
    """How to write on behind a prompt."""

    sampling: Sampling
    end_ids: frozenset[int]
    max_tokens: int
    penalise_prompt: bool

    @classmethod
    def of(cls, message: Message) -> AskedWriting:
        """Raises WireError."""
        end_ids = message.get("end_ids", list)
        if not all(isinstance(id, int) for id in end_ids):
            raise misunderstood("ids are whole numbers")
        most = message.get("max_tokens", int)
        if most < 0:
            raise misunderstood("max_tokens is negative")
        sampling = sampling_from(message.value.get("sampling"))
        return cls(sampling, frozenset(end_ids), most, message.get("penalise_prompt", bool))


@dataclass(frozen=True)
class AskedPiece:
    """The next piece of a speech: tokens that were written meanwhile, and what is known of those to come."""

    synthesizer: int
    tokens: list[int]
    size: int
    fresh: bool
    finished: bool

    @classmethod
    def of(cls, message: Message) -> AskedPiece:
        """Raises WireError."""
        size = message.get("size", int)
        if not 0 < size <= _LARGEST_PIECE:
            raise misunderstood("a piece has some tokens, and not too many")
        tokens = numbers_from(message.data).tolist()
        fresh, finished = message.get("fresh", bool), message.get("finished", bool)
        return cls(message.get("synthesizer", int), tokens, size, fresh, finished)


def name_of(message: Message, field: str) -> str:
    """A short text. Raises WireError."""
    name = message.get(field, str)
    if not 0 < len(name) <= _LONGEST_NAME:
        raise misunderstood(f"{field} is too long, or empty")
    return name


def window_of(message: Message) -> Samples:
    """One window of a sound. Raises WireError."""
    samples = samples_from(message.data)
    if not 0 < len(samples) <= WINDOW_SAMPLES:
        raise misunderstood(f"a window of a sound has up to {WINDOW_SAMPLES // RATE_HZ} seconds")
    return samples


def windows_of(message: Message) -> list[Samples]:
    """Windows of a recording, one after the other in the data. Raises WireError."""
    samples, lengths = samples_from(message.data), message.get("lengths", list)
    fit = all(isinstance(length, int) and 0 < length <= WINDOW_SAMPLES for length in lengths)
    if not fit or not 0 < len(lengths) <= _MOST_WINDOWS or sum(lengths) != len(samples):
        raise misunderstood("lengths are those of the windows that were sent")
    windows, start = [], 0
    for length in lengths:
        windows.append(samples[start : start + length])
        start += length
    return windows
