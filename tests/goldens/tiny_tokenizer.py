"""A small tokenizer of the published form: byte-level BPE of our own sentences, the same special names behind it."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

PIECES = 512
SPEECH_CODES = 6561 + 8  # the last eight only pad
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BEFORE_TEXT_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CALLS = ("<tool_call>", "</tool_call>")
_MARKS = (
    *("<|EOT|>", "<|BOT|>", "<|THINK_START|>", "<|THINK_END|>", "<audio_start>", "<audio_end>", "<audio_patch>"),
    *("<audio_patch_pad>", "<|SC|>", "<tts_start>", "<tts_end>", "<tts_pad>"),
)
_SENTENCES = (
    "You are a helpful assistant. Give me a brief introduction to the Great Wall, please.",
    "system human assistant input tool_json_schemas\n\n<think>\nThe user asks about the weather.\n</think>\n\n",
    "Please listen carefully to this audio and then translate its content into Chinese speech.",
    "Please briefly explain the important events involved in this audio clip.",
    "The quick brown fox jumps over the lazy dog. What time is it now? Good morning, how are you today?",
    "It is a quarter past nine. I don't know, but we'll find out; they've said it's 12345 or 3.14.",
    "请记录下你所听到的语音内容。请仔细聆听这段语音，然后将其内容翻译成中文并用语音播报。",
    "以自然的语速读出下面的文字。你好呀，很高兴认识你！今天天气怎么样？我们明天去公园吧。",
    "请用口语化形式总结检索结果，简短地回答用户的问题。",
    'function\nsearch\n{"query": "the weather in the city"} {"type": "object", "properties": {"name": {}}}',
)


def write(folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json into `folder`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(_SENTENCES, trainer)
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in _BEFORE_TEXT_MARKS])
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in _CALLS])
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in _MARKS])
    tokenizer.add_tokens([AddedToken(f"<audio_{code}>") for code in range(SPEECH_CODES)])
    padding = tokenizer.token_to_id("<|endoftext|>")
    tokenizer.enable_padding(pad_id=padding, pad_token="<|endoftext|>")  # the published file has such a block too
    compact = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(compact, ensure_ascii=False, separators=(",", ":")))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|EOT|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
