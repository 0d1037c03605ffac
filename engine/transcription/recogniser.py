"""Windows of speech into text, several at once, by the speech language model."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import mlx.core as mx

from engine.conversation.prompting.chat_template import Message, Prompt, SoundPart, Variant, build, embedded
from engine.conversation.prompting.tasks import TRANSCRIBE, transcribe_prompt, translate_prompt
from engine.conversation.replying.settings import sampling_for
from engine.events import Samples
from engine.hearing import RATE_HZ, Hearing
from engine.language import LanguageModel, Sampling, Vocabulary, Written, generate_batch_in_steps
from engine.transcription.languages import check_known, english_name
from engine.transcription.results import Options, Recognised

# Fast talkers stay below eight tokens a second in every language we looked at; more is a model that lost its way.
_TOKENS_PER_S = 12
_TOKENS_AT_LEAST = 24
_TRANSLATION_TEMPERATURE = 0.1  # as in the official examples
_LOOP_REPEATS = 4
_LONGEST_LOOP = 40


class PromptedModel(Protocol):
    """What prompts for a model are built from, wherever it is."""

    name: str
    variant: str
    vocabulary: Vocabulary

    @property
    def about(self) -> Mapping[str, Any]: ...


class SpeechModel(PromptedModel, Protocol):
    """What a transcription needs of the engine."""

    folder: Path
    llm: LanguageModel
    hearing: Hearing


class WindowTask:
    """How a model is asked to transcribe, or translate, a window. Raises RequestError for an unknown language."""

    def __init__(self, model: PromptedModel, options: Options) -> None:
        self._vocabulary, self._options = model.vocabulary, options
        self._variant = Variant(model.variant)
        self.sampling = _sampling(model, options)
        known = model.about.get("languages") or ()
        check_known(model.name, known, (options.language, options.translate_to))
        self._hint = "" if len(known) == 1 else options.language

    def prompt(self, patches: int) -> Prompt:
        """The prompt for a window that takes so many places."""
        vocabulary = self._vocabulary
        if self._options.translate_to:
            target = english_name(self._options.translate_to)
            return translate_prompt(vocabulary, [patches], target, variant=self._variant)
        if not self._hint:
            return transcribe_prompt(vocabulary, [patches], self._variant)
        instruction = f"{TRANSCRIBE}The language spoken is {english_name(self._hint)}."
        messages = [Message("system", instruction), Message("human", [SoundPart((patches,))])]
        return build(vocabulary, messages, variant=self._variant)

    def most_ids(self, samples_16k: int) -> int:
        """How many ids a window of so many samples may take."""
        return round(_TOKENS_AT_LEAST + _TOKENS_PER_S * samples_16k / RATE_HZ)

    def text(self, ids: Sequence[int]) -> str:
        """What ids say, without marks."""
        text = self._vocabulary.decode(id for id in ids if not self._vocabulary.is_special(id))
        return text.replace("\N{REPLACEMENT CHARACTER}", "").strip()


class Recogniser:
    """Transcribes, or translates, windows of at most 25 s as Options ask. With `details`, texts come as `Recognised`.

    Raises RequestError for a language that the model does not know.
    """

    def __init__(self, engine: SpeechModel, options: Options, *, details: bool = False) -> None:
        self._engine = engine
        self._details = details
        self._task = WindowTask(engine, options)

    def __call__(self, windows: Sequence[Samples]) -> Iterator[tuple[int, str | Recognised] | None]:
        """Texts of the windows (n_i,) of 16 kHz samples, each with its place, in the order in which they are done.

        None between them after every step: a layer of a window, a part of the prompts, an id of every text.
        """
        try:
            yield from self._recognise(windows)
        finally:
            mx.clear_cache()

    def _recognise(self, windows: Sequence[Samples]) -> Iterator[tuple[int, str | Recognised] | None]:
        vocabulary, llm = self._engine.vocabulary, self._engine.llm
        # Encoded one by one, a window gives the same text whatever it is decoded together with.
        sounds = []
        for window in windows:
            sounds.append((yield from self._encode(window)))
        prompts = [embedded(llm, self._task.prompt(sound.shape[0]), [sound]) for sound in sounds]
        written: dict[int, list[Written]] = {row: [] for row in range(len(windows))}
        for step in generate_batch_in_steps(
            llm,
            prompts,
            sampling=self._task.sampling,
            end_ids=vocabulary.end_ids,
            max_tokens=self._task.most_ids(max(map(len, windows))),
            judge=self._details,
        ):
            yield None
            for each in step:
                if each.id in vocabulary.end_ids:
                    yield each.row, self._recognised(written.pop(each.row))
                else:
                    written[each.row].append(each)
        for row, made in written.items():
            yield row, self._recognised(made[: len(without_loop([each.id for each in made]))])

    def _encode(self, window: Samples) -> Generator[None, None, mx.array]:
        """Embeddings (n, D), computed now: together, all windows would need their room at once.

        No two have the same length, so what MLX keeps of the buffers of one fits no other and only piles up.
        """
        embeddings = yield from self._engine.hearing.encode_in_steps(window)
        mx.clear_cache()
        return embeddings

    def _recognised(self, written: Sequence[Written]) -> str | Recognised:
        ids = tuple(each.id for each in written)
        if not self._details:
            return self._task.text(ids)
        known = [each.log_probability for each in written if each.log_probability is not None]
        return Recognised(self._task.text(ids), ids, sum(known) / len(known) if known else 0.0)


def without_loop(ids: Sequence[int]) -> list[int]:
    """The ids up to and with the first round of a loop they end in: what a model writes when it lost its way."""
    for period in range(1, min(_LONGEST_LOOP, len(ids) // _LOOP_REPEATS) + 1):
        start = len(ids) - period
        while start > 0 and ids[start - 1] == ids[start - 1 + period]:
            start -= 1
        if len(ids) - start >= _LOOP_REPEATS * period:
            return list(ids[: start + period])
    return list(ids)


def _sampling(model: PromptedModel, options: Options) -> Sampling:
    """Greedy for transcription; what the folder itself recommends comes first."""
    if options.translate_to:
        drawn = Sampling(temperature=_TRANSLATION_TEMPERATURE, seed=0)
        return sampling_for("translate", model.about, drawn, model.vocabulary)
    return sampling_for("transcribe", model.about, Sampling(), model.vocabulary)
