"""Tasks given to the language model beside the conversation, each with a reader of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.conversation.model import Model
from engine.conversation.prompting.chat_template import Variant
from engine.conversation.prompting.plain_english import check_readable, typed_for
from engine.conversation.prompting.reading import HeardWindow, Readable
from engine.conversation.prompting.tasks import read_aloud_prompt, transcribe_prompt
from engine.conversation.replying.settings import TALK, TRANSCRIBING, sampling_for
from engine.conversation.speaking_along.long_text import SPOKEN_AT_LEAST, SpeechLimits, portions
from engine.errors import RequestError
from engine.language import Sampling

_MOST_WRITTEN = 448  # ids for each window of 25 s


def transcript_of(model: Model, sounds: Sequence[HeardWindow], cancelled: Callable[[], bool]) -> str:
    """What is said in a sound of the windows `sounds`. With readers of its own.

    A sound that the context does not hold together with its words is transcribed in groups of windows. Nothing where
    there are no windows: the sound was too short to say anything.
    """
    texts = (_transcript_of_group(model, group, cancelled) for group in _groups(sounds, model.context_length // 2))
    return " ".join(text for text in texts if text)


def _groups(sounds: Sequence[HeardWindow], most: int) -> Iterator[list[HeardWindow]]:
    """Windows in order, as many together as take `most` places at most, one at least."""
    group: list[HeardWindow] = []
    for sound in sounds:
        if group and sum(each.shape[0] for each in group) + sound.shape[0] > most:
            yield group
            group = []
        group.append(sound)
    if group:
        yield group


def _transcript_of_group(model: Model, sounds: Sequence[HeardWindow], cancelled: Callable[[], bool]) -> str:
    if cancelled():
        return ""
    vocabulary = model.vocabulary
    prompt = transcribe_prompt(vocabulary, [sound.shape[0] for sound in sounds], Variant(model.variant))
    ids = model.new_reader().write(
        Readable.alone(prompt, sounds),
        sampling=sampling_for("transcribe", model.about, TRANSCRIBING, vocabulary),
        end_ids=vocabulary.end_ids,
        max_tokens=min(_MOST_WRITTEN * len(sounds), model.context_length - len(prompt)),
        penalise_prompt=False,
        cancelled=cancelled,
    )
    return vocabulary.decode(id for id in ids if vocabulary.text_bytes(id) is not None).strip()


def read_aloud(model: Model, text: str, asked: Sampling | None, cancelled: Callable[[], bool]) -> Iterator[int]:
    """Speech tokens (0 …) of the model reading `text` aloud, as they come. With a reader of its own.

    Text that the model's context does not hold together with its speech, or that is longer than the model's folder
    says it can read at once, is read in portions. Raises RequestError for a text that it cannot read.
    """
    check_readable(text, model.name, model.about)
    said, limits = typed_for(model.about)(text), SpeechLimits.of(model.about)
    if not said.strip():
        raise RequestError("There are no words in this text, so there is nothing to read aloud.")
    for portion in portions(said, min(model.context_length - SPOKEN_AT_LEAST, limits.ids_at_once)):
        if cancelled():
            return
        yield from _read_portion(model, portion, asked, limits, cancelled)


def _read_portion(
    model: Model, text: str, asked: Sampling | None, limits: SpeechLimits, cancelled: Callable[[], bool]
) -> Iterator[int]:
    vocabulary = model.vocabulary
    prompt = read_aloud_prompt(vocabulary, text, Variant(model.variant))
    ids = model.new_reader().write(
        Readable.alone(prompt),
        sampling=asked or sampling_for("speech", model.about, TALK, vocabulary),
        end_ids=vocabulary.end_ids,
        max_tokens=min(limits.most_speech_tokens(len(text)), model.context_length - len(prompt)),
        cancelled=cancelled,
    )
    return (id - vocabulary.speech.start for id in ids if id in vocabulary.speech)
