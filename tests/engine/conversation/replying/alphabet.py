"""A small alphabet for tests that need ids but no tokenizer: one id per byte, a few special ids, 100 speech tokens."""

from __future__ import annotations


class ByteAlphabet:
    """Ids 0–255 are bytes; special tokens and 100 speech tokens follow. `call_marks` False leaves the call ids out."""

    def __init__(self, call_marks: bool = True) -> None:
        names = ["<|BOT|>", "<|EOT|>", "<tts_start>", "<tts_end>", "<tts_pad>"]
        names += ["<tool_call>", "</tool_call>"] if call_marks else []
        self.names = {name: 256 + place for place, name in enumerate(names)}
        first = 256 + len(names)
        self.speech = range(first, first + 100)
        self.padding = range(first + 100, first + 110)

    def text_bytes(self, id: int) -> bytes | None:
        return bytes([id]) if id < 256 else None

    def find(self, name: str) -> int | None:
        return self.names.get(name)

    def ids(self, text: str) -> list[int]:
        return list(text.encode())

    def spoken(self, *tokens: int) -> list[int]:
        return [self.speech[token] for token in tokens]
