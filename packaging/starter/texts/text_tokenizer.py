"""Makes tokenizer.json: a byte-level BPE of our texts, with the special tokens of the published tokenizer.

python -m starter.texts.text_tokenizer FOLDER
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from starter.texts.conversations import conversation
from starter.texts.dialogues import DESCRIBER, READER, REMINDER, TRANSCRIBER, Dialogue
from starter.texts.open_sentences import texts
from starter.texts.prompt_layout import schemas
from starter.texts.spoken_numbers import sentence, words
from starter.texts.topics_knowledge import ONLY_PHRASES, phrase_book

TEXT_IDS = 2304
PADDING_SPEECH = 42  # <audio_6561> …: fills the vocabulary up to a multiple of 64
SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<|EOT|>",
    "<|BOT|>",
    "<|CALL_START|>",
    "<|CALL_END|>",
    "<|THINK_START|>",
    "<|THINK_END|>",
    "<|IMG_START|>",
    "<|IMG_END|>",
    "<|META_START|>",
    "<|META_END|>",
    "<im_patch>",
    "<im_start>",
    "<im_end>",
    "<dream>",
    "<dream_start>",
    "<dream_end>",
    "<|MASK_1e69f|>",
    "<|UNMASK_1e69f|>",
    "<video_start>",
    "<video_end>",
    "<patch_start>",
    "<patch_end>",
    "<patch_newline>",
    "<audio_start>",
    "<audio_end>",
    "<audio_patch>",
    "<audio_patch_pad>",
    "<|SC|>",
    "<tts_start>",
    "<tts_end>",
    "<tts_pad>",
]
_PIECES = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def corpus() -> Iterator[str]:
    """The texts whose pieces get ids of their own."""
    chance = random.Random(5)
    yield from texts().training
    for _ in range(20_000):
        yield from _written(conversation(chance))
    for _ in range(4000):
        yield sentence(words(chance.randint(0, 10_000)))
    for entry in phrase_book():
        yield from entry * 20
    frame = (
        "system\n",
        "human\n",
        "assistant\n",
        "assistant\n\n<think>\n",
        "</think>\n\n",
        "tool_json_schemas\n",
        "input\n",
    )
    for text in (*frame, *ONLY_PHRASES.values(), READER, REMINDER, TRANSCRIBER, DESCRIBER, "function\n"):
        yield from [text] * 2000


def _written(dialogue: Dialogue) -> Iterator[str]:
    for turn in dialogue.turns:
        yield from (turn.question, turn.answer, turn.thinking)
        for call in turn.calls:
            yield f"function\n{call.name}\n{json.dumps(dict(call.arguments))}"
            yield call.result
    if dialogue.tools and len(dialogue.turns) == 1:
        yield schemas(dialogue.tools)


def trained() -> Tokenizer:
    """The tokenizer, its special tokens after the text and the speech tokens last."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=TEXT_IDS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    if tokenizer.get_vocab_size() != TEXT_IDS:
        raise ValueError(f"the texts gave {tokenizer.get_vocab_size()} pieces, not {TEXT_IDS}")
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.add_special_tokens([f"<audio_{number}>" for number in range(6561 + PADDING_SPEECH)])
    return tokenizer


def main() -> None:
    """Write tokenizer.json into the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = trained()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    print(tokenizer.get_vocab_size(), "ids,", (folder / "tokenizer.json").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
