"""Checks of hearing, prompts and the language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.conversation.prompting import chat_template as template
from engine.hearing import WINDOW_SAMPLES, frame_count, log_mel, patch_count, patch_counts
from engine.language import Sampling, Vocabulary, generate
from engine.language.sampler import candidate_logits, penalised
from tests.parity.goldens import Check, Entry, Goldens, Row, absolute, equal, relative

FRONT_END = 1e-4
NETWORK = 1e-4
LOGITS = 2e-4


def frontend(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Log-mels of a clip's windows, their lengths and the number of embeddings."""
    samples = goldens.array(entry, "samples") if "samples" in entry.inputs else goldens.samples(entry.values["clip"])
    if samples is None:
        raise FileNotFoundError(f"the clip {entry.values['clip']}")
    windows = [samples[start : start + WINDOW_SAMPLES] for start in range(0, len(samples), WINDOW_SAMPLES)]
    mels = [log_mel(window) for window in windows]
    for index, mel in enumerate(mels):
        yield absolute(f"{entry.id} mel_{index}", mel, goldens.array(entry, f"mel_{index}"), FRONT_END)
    yield equal(f"{entry.id} frames", [mel.shape[1] for mel in mels], entry.values["mel_frames"])
    yield equal(f"{entry.id} embeddings", [patch_count(mel.shape[1]) for mel in mels], entry.values["token_num"])


def token_num(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Frames → number of embeddings."""
    counts = [patch_count(frames) for frames in entry.values["mel_frames"]]
    yield equal(entry.id, counts, entry.values["token_num"])


def lengths(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Samples → frames and number of embeddings of every window."""
    table = entry.values["table"]
    frames = [
        [frame_count(min(WINDOW_SAMPLES, row["samples"] - start)) for start in range(0, row["samples"], WINDOW_SAMPLES)]
        for row in table
    ]
    counts = [patch_counts(row["samples"]) for row in table]
    yield equal(f"{entry.id} frames", frames, [row["mel_frames"] for row in table])
    yield equal(f"{entry.id} embeddings", counts, [row["token_num"] for row in table])


def encoder(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Encoder and adaptor on a batch of log-mels padded with zeros."""
    hearing = goldens.engine.hearing
    features, valid = hearing.encoder(mx.array(_log_mels(goldens, entry)), mx.array(goldens.array(entry, "wav_lens")))
    yield relative(f"{entry.id} encoder", features, goldens.array(entry, "encoder"), NETWORK)
    yield relative(f"{entry.id} adaptor", hearing.adaptor(features), goldens.array(entry, "adaptor"), NETWORK)
    yield equal(f"{entry.id} lengths", valid.tolist(), entry.values["x_len"])


def _log_mels(goldens: Goldens, entry: Entry) -> NDArray[Any]:
    if "wavs" in entry.inputs:
        wavs = goldens.array(entry, "wavs")
        return wavs if wavs.ndim == 3 else wavs[None]
    mels = [goldens.array(entry, name) for name in entry.inputs if name.startswith("wavs_")]
    T = max(mel.shape[1] for mel in mels)
    return np.stack([np.pad(mel, ((0, 0), (0, T - mel.shape[1]))) for mel in mels])


def prompt(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The ids of a conversation."""
    yield equal(entry.id, prompt_of(goldens, entry).ids, entry.values["ids"])


def prompt_with_special_names(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Names of special tokens inside text: the official code obeys them, ours must say the same text without them."""
    vocabulary = goldens.engine.vocabulary
    ours = prompt_of(goldens, entry).ids
    yield equal(f"{entry.id} (its text)", vocabulary.decode(ours), vocabulary.decode(entry.values["ids"]))
    frame = {vocabulary.bot, vocabulary.eot}
    obeyed = [id for id in ours if vocabulary.is_special(id) and id not in frame]
    marks = sum(id in frame for id in ours)
    yield equal(f"{entry.id} (no special id)", obeyed + [marks], [2 * len(entry.values["messages"]) - 1])


def prompt_of(goldens: Goldens, entry: Entry) -> template.Prompt:
    """Our prompt for the messages of an entry."""
    vocabulary = goldens.engine.vocabulary
    counts = iter([patch_count(frames + 2) for frames in entry.values["wav_lens"] or []])
    windows = {name: _windows(goldens, name, entry) for name in _clips(entry)}
    messages = list(entry.values["messages"])
    if entry.values["class"].endswith("Base"):
        parts = [_part(vocabulary, item, counts, windows) for item in messages]
        return template.build(vocabulary, [template.Message("", parts)], "", template.Variant.BASE)
    opening = messages.pop()["content"] or ""
    if not isinstance(opening, str):
        opening = "".join(item["text"] for item in opening)
    return template.build(vocabulary, [_message(vocabulary, message, counts, windows) for message in messages], opening)


def _message(
    vocabulary: Vocabulary, message: dict[str, Any], counts: Iterator[int], windows: dict[str, int]
) -> template.Message:
    content = message["content"]
    if isinstance(content, list):
        content = [_part(vocabulary, item, counts, windows) for item in content]
    return template.Message(message["role"], content)


def _part(vocabulary: Vocabulary, item: Any, counts: Iterator[int], windows: dict[str, int]) -> template.Part:
    if isinstance(item, str):
        item = {"type": "text", "text": item}
    if item["type"] == "audio":
        return template.SoundPart(tuple(next(counts) for _ in range(windows[item["audio"]])))
    if item["type"] == "token":
        return template.IdsPart(tuple(item["token"]))
    text = item["text"]
    if text.endswith(template.SPOKEN):  # a mark of the program that recorded this, not something a person typed
        before = vocabulary.encode(text.removesuffix(template.SPOKEN))
        return template.IdsPart((*before, vocabulary.tts_start))
    return template.TextPart(text)


def _clips(entry: Entry) -> list[str]:
    """Names of the clips in the messages, in order."""
    contents = [item.get("content", item) if isinstance(item, dict) else item for item in entry.values["messages"]]
    items = [item for content in contents for item in (content if isinstance(content, list) else [content])]
    return [item["audio"] for item in items if isinstance(item, dict) and item.get("type") == "audio"]


def _windows(goldens: Goldens, clip: str, entry: Entry) -> int:
    """How many windows a clip has: all that were recorded if it is the only one, else as its samples say."""
    clips = _clips(entry)
    if len(clips) == len(entry.values["wav_lens"]):
        return 1
    if len(clips) == 1:
        return len(entry.values["wav_lens"])
    samples = goldens.samples(clip)
    if samples is None:
        raise FileNotFoundError(f"the clip {clip}")
    return len(range(0, len(samples), WINDOW_SAMPLES))


def tokenizer(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Text → ids where the official ids have no special one, and ids → text for all."""
    vocabulary = goldens.engine.vocabulary
    strings = entry.values["strings"]
    plain = [row for row in strings if not any(vocabulary.is_special(id) for id in row["ids"])]
    named = [row for row in strings if row not in plain]
    yield equal(f"{entry.id} encode", [vocabulary.encode(row["text"]) for row in plain], [row["ids"] for row in plain])
    obeyed = [id for row in named for id in vocabulary.encode(row["text"]) if vocabulary.is_special(id)]
    yield equal(f"{entry.id} special names stay text", obeyed, [])
    rows = strings + entry.values.get("decode_only", [])
    yield equal(f"{entry.id} decode", [vocabulary.decode(row["ids"]) for row in rows], [row["decoded"] for row in rows])


def generation_config(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The sampling that nobody asked for but transformers applies, and where the official code stops."""
    ours = Sampling(temperature=entry.values["temperature"])
    yield equal(f"{entry.id} top_k", [ours.top_k], [entry.values["top_k"]])
    stops = entry.values["eos_token_id"] in goldens.engine.vocabulary.end_ids
    yield equal(f"{entry.id} end id", [stops], [True])


def logits(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Sound and text → embeddings (where the clips are there) → hidden states → scores, read at once and in parts."""
    llm = goldens.engine.llm
    recorded = mx.array(goldens.array(entry, "inputs_embeds"))[None]
    ours = _own_embeddings(goldens, entry)
    if ours is not None:
        yield relative(f"{entry.id} embeddings", ours, recorded[0], NETWORK)
    hidden = llm.hidden_states(recorded)
    yield relative(f"{entry.id} hidden", hidden[0], goldens.array(entry, "hidden"), LOGITS)
    theirs = goldens.array(entry, "logits_last")
    yield relative(f"{entry.id} logits", llm.head(hidden[0, -1]), theirs, LOGITS)
    cache = llm.new_cache()
    middle = recorded.shape[1] // 2
    llm.hidden_states(recorded[:, :middle], cache)
    yield relative(f"{entry.id} logits with a cache", llm(recorded[:, middle:], cache)[0], theirs, LOGITS)


def _own_embeddings(goldens: Goldens, entry: Entry) -> mx.array | None:
    """The prompt's embeddings from the samples on; None without the clips."""
    prompt_entry = goldens.entry(entry.values["prompt"])
    clips = [goldens.samples(clip) for clip in _clips(prompt_entry)]
    if any(clip is None for clip in clips):
        return None
    engine = goldens.engine
    windows = [
        clip[start : start + WINDOW_SAMPLES]
        for clip in clips
        if clip is not None
        for start in range(0, len(clip), WINDOW_SAMPLES)
    ]
    return template.embedded(engine.llm, prompt_of(goldens, prompt_entry), engine.hearing.encode_batch(windows))


def _prompt_embeddings(goldens: Goldens, entry: Entry) -> mx.array:
    ours = _own_embeddings(goldens, entry)
    if ours is not None:
        return ours
    for other in goldens.entries:
        if other.values.get("prompt") == entry.values["prompt"] and "inputs_embeds" in other.outputs:
            return mx.array(goldens.array(other, "inputs_embeds"))
    raise FileNotFoundError(f"neither the clips of {entry.values['prompt']} nor its embeddings")


def _written(goldens: Goldens, entry: Entry, count: int, end_ids: Sequence[int] = ()) -> list[int]:
    """Our greedy ids for the prompt of an entry."""
    llm = goldens.engine.llm
    return list(
        generate(
            llm,
            llm.new_cache(),
            _prompt_embeddings(goldens, entry),
            sampling=Sampling(repetition_penalty=entry.values.get("repetition_penalty", 1.0)),
            end_ids=end_ids,
            max_tokens=count,
            penalised_ids=goldens.entry(entry.values["prompt"]).values["ids"],
        )
    )


def greedy(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Greedy ids from the samples on."""
    theirs = entry.values["tokens"]
    yield equal(entry.id, _written(goldens, entry, len(theirs)), theirs)


def call(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """A whole official call: ids, text and speech tokens, without the last id, which it always drops."""
    vocabulary, theirs = goldens.engine.vocabulary, entry.values["tokens"]
    stopped_by = entry.values.get("stopped_by")
    ends = (entry.values["eos_token_id"],) if "eos_token_id" in entry.values else ()
    written = _written(goldens, entry, len(theirs) + 1, ends)
    if stopped_by is not None:
        yield equal(f"{entry.id} stop", written[-1:], [stopped_by])
    ids = written[:-1]
    yield equal(f"{entry.id} ids", ids, theirs)
    text = vocabulary.decode(id for id in ids if not vocabulary.is_special(id))
    yield equal(f"{entry.id} text", text, entry.values["text"])
    speech = [id - vocabulary.speech.start for id in ids if id in vocabulary.speech or vocabulary.is_padding_speech(id)]
    yield equal(f"{entry.id} speech", speech, entry.values["audio"])


def penalised_scores(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Scores of the ids of a context after the repetition penalty."""
    before = goldens.array(entry, "before").astype(np.float32)
    penalty = _number_in(entry.how)
    after = penalised(mx.array(before), mx.ones(before.shape, dtype=mx.bool_), penalty)
    yield absolute(entry.id, after, goldens.array(entry, "after"), 1e-5)


def _number_in(how: str) -> float:
    """The penalty, which the entry tells only in words: "RepetitionPenaltyLogitsProcessor(1.05) on …"."""
    return float(how.partition("(")[2].partition(")")[0])


def sampling(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Which ids may be drawn first, and how likely each is."""
    values = entry.values
    llm = goldens.engine.llm
    scores = llm(_prompt_embeddings(goldens, entry)[None])
    penalty = values.get("repetition_penalty", 1.0)
    seen = np.zeros(scores.shape, dtype=np.bool_)
    seen[0, goldens.entry(values["prompt"]).values["ids"]] = True
    scores = penalised(scores, mx.array(seen), penalty)
    options = {name: values[name] for name in ("temperature", "top_k", "top_p", "min_p") if name in values}
    ids, chosen = candidate_logits(scores, Sampling(**options))
    probabilities = np.array(mx.softmax(chosen[0]))
    theirs = goldens.array(entry, "ids")
    yield equal(f"{entry.id} ids", np.array(ids[0])[probabilities > 0].tolist(), theirs.tolist())
    yield absolute(
        f"{entry.id} probabilities", probabilities[: len(theirs)], goldens.array(entry, "probabilities"), 1e-4
    )


CHECKS: dict[str, Check] = {
    "frontend.": frontend,
    "frontend.token_num": token_num,
    "frontend.lengths": lengths,
    "encoder.": encoder,
    "prompts.": prompt,
    "prompts.special_in_text": prompt_with_special_names,
    "prompts.tokenizer": tokenizer,
    "prompts.generation_config": generation_config,
    "llm.logits_": logits,
    "llm.greedy_": greedy,
    "llm.call_": call,
    "llm.penalised_scores": penalised_scores,
    "llm.sampling_": sampling,
}
