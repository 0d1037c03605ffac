"""Text ↔ ids, and the special ids by name, all from the checkpoint folder's tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from tokenizers import Tokenizer

from engine.errors import CheckpointError
from engine.regular_files import read_regular

SPEECH_TOKENS = 6561  # codes of the speech tokenizer, 3 ** 8; `<audio_6561>` and above only pad
_LARGEST_FILE = 64 << 20  # the published one takes 13 MB
_REQUIRED = (
    "<|BOT|>",
    "<|EOT|>",
    "<audio_start>",
    "<audio_end>",
    "<audio_patch>",
    "<tts_start>",
    "<tts_end>",
    "<tts_pad>",
    "<audio_0>",
)


class Vocabulary:
    """The ids a language model reads and writes.

    Text never becomes a special id: `encode` knows only the ordinary pieces, so `<|EOT|>` typed by a person is six
    harmless ids. Special ids come from `special` and the attributes.
    """

    def __init__(self, text: Tokenizer, specials: Mapping[str, int], source: str = "the tokenizer") -> None:
        """`text` has no added tokens, `specials` has their ids. Raises CheckpointError when one is missing."""
        missing = [name for name in _REQUIRED if name not in specials]
        if missing:
            raise CheckpointError(
                "{source} lacks the special token {token}; it does not belong to a Step-Audio 2 model. Download "
                "the model's tokenizer.json again.",
                source=source,
                token=missing[0],
            )
        text.no_padding()
        text.no_truncation()
        self._text = text
        self._specials = dict(specials)
        self._names = {id: name for name, id in specials.items()}
        self.bot = specials["<|BOT|>"]
        self.eot = specials["<|EOT|>"]
        self.audio_start = specials["<audio_start>"]
        self.audio_end = specials["<audio_end>"]
        self.audio_patch = specials["<audio_patch>"]
        self.tts_start = specials["<tts_start>"]
        self.tts_end = specials["<tts_end>"]
        self.tts_pad = specials["<tts_pad>"]
        self.speech, self._padding_speech = _speech_ids(specials, source)
        self.text_end = min(self._names)  # ids below are text alone
        self.end_ids = frozenset(specials[name] for name in ("<|EOT|>", "<|endoftext|>") if name in specials)
        self.size = max(max(self._names), text.get_vocab_size(with_added_tokens=False) - 1) + 1

    @classmethod
    def load(cls, folder: Path | str) -> Vocabulary:
        """The vocabulary of a checkpoint folder. Raises CheckpointError when tokenizer.json is missing or unusable."""
        file = Path(folder) / "tokenizer.json"
        try:
            description = json.loads(read_regular(file, _LARGEST_FILE))
            specials = {token["content"]: int(token["id"]) for token in description.pop("added_tokens", [])}
            text = Tokenizer.from_str(json.dumps(description | {"added_tokens": []}, ensure_ascii=False))
        except FileNotFoundError:
            raise CheckpointError("{file} is missing. Download the model folder again.", file=file) from None
        except OSError as error:
            raise CheckpointError(
                "{file} cannot be read ({reason}). Check the file and its permissions.",
                file=file,
                reason=error.strerror,
            ) from None
        except Exception as error:  # the tokenizers library raises plain Exception for whatever is wrong
            raise CheckpointError(
                "{file} is not a usable tokenizer ({reason}). Download it again.", file=file, reason=error
            ) from None
        return cls(text, specials, str(file))

    def encode(self, text: str) -> list[int]:
        """Ids of `text` as one piece; never a special id, whatever the text says. Half a surrogate becomes "?"."""
        text = text.encode(errors="replace").decode()
        return list(self._text.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`, special tokens by their names; half a character becomes U+FFFD, unknown ids nothing."""
        pieces: list[str] = []
        for is_special, run in groupby(ids, self._names.__contains__):
            if is_special:
                pieces.extend(self._names[id] for id in run)
            else:
                pieces.append(self._text.decode(list(run), skip_special_tokens=False))
        return "".join(pieces)

    def text_bytes(self, id: int) -> bytes | None:
        """The UTF-8 bytes of an ordinary text id, often only a part of a character; None for any other id."""
        if id in self._names:
            return None
        token = self._text.id_to_token(id)
        return None if token is None else bytes(_BYTES[sign] for sign in token if sign in _BYTES)

    def find(self, name: str) -> int | None:
        """Id of the special token called `name`, None if this vocabulary has no such token."""
        return self._specials.get(name)

    def special(self, name: str) -> int:
        """Id of the special token called `name`. Raises KeyError if this vocabulary has no such token."""
        return self._specials[name]

    def has_special(self, name: str) -> bool:
        """Whether a special token is called `name`."""
        return name in self._specials

    def is_special(self, id: int) -> bool:
        """Whether `id` is not ordinary text: a mark, a speech token, or a place without an entry."""
        return id in self._names or id >= self.size

    def is_padding_speech(self, id: int) -> bool:
        """Whether `id` is one of the speech codes that only fill gaps."""
        return id in self._padding_speech


def _byte_signs() -> dict[str, int]:
    """The sign that stands for each byte in byte-level BPE (as GPT-2 has it)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    shifted = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(shifted)}


_BYTES = _byte_signs()


def _speech_ids(specials: Mapping[str, int], source: str) -> tuple[range, range]:
    """Ids of the usable speech tokens and of the padding ones behind them. Raises CheckpointError for a gap."""
    first = specials["<audio_0>"]
    count = 0
    while f"<audio_{count}>" in specials:
        if specials[f"<audio_{count}>"] != first + count:
            raise CheckpointError(
                "In {source} the id of <audio_{count}> does not follow the one before. Download it again.",
                source=source,
                count=count,
            )
        count += 1
    usable = min(count, SPEECH_TOKENS)
    return range(first, first + usable), range(first + usable, first + count)
