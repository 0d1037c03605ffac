"""English sentences of open vocabulary: usage examples and definitions of WordNet 3.0, cleaned and kept in data/.

    python -m starter.texts.open_sentences WORDNET_FOLDER      writes data/{examples,definitions}.txt.gz

WORDNET_FOLDER is where Debian's package wordnet-base puts data.noun, data.verb, data.adj and data.adv. WordNet's
licence allows any use with its notice, which stands at the top of the file.
"""

from __future__ import annotations

import gzip
import random
import re
import sys
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "examples.txt.gz"
_DEFINITIONS = Path(__file__).parent / "data" / "definitions.txt.gz"
_COPYRIGHT = "WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.\n"
_NOTICE = f"# Usage examples of WordNet 3.0. {_COPYRIGHT}"
_NOTICE_OF_DEFINITIONS = f"# Definitions of WordNet 3.0. {_COPYRIGHT}"
_DEFINED = 0.5
_RARE = 4  # a definition is kept when each of its words stands in so many lines
_QUOTED = re.compile(r'"([^"]+)"')
_PLAIN = re.compile(r"[A-Za-z][A-Za-z' ,-]*[A-Za-z][.?!]?")
_QUESTION = ("who", "what", "when", "where", "why", "how", "which", "is", "are", "do", "does", "did", "can", "will")


@dataclass(frozen=True)
class Texts:
    """Sentences for training and, apart from them, for the tests; `nouns` fill gaps in made-up questions.

    `definitions` are for training alone, and none of them is among the tests' sentences.
    """

    training: tuple[str, ...]
    testing: tuple[str, ...]
    nouns: tuple[str, ...]
    definitions: tuple[str, ...]

    def some(self, chance: random.Random, test: bool = False) -> str:
        """One sentence of a split; training has as many definitions as examples."""
        if test:
            return chance.choice(self.testing)
        return chance.choice(self.definitions if chance.random() < _DEFINED else self.training)


@cache
def texts() -> Texts:
    """The sentences in data/examples.txt.gz."""
    lines = gzip.decompress(_FILE.read_bytes()).decode("utf-8").splitlines()
    cut = lines.index("# nouns")
    kept_apart = [zlib.crc32(line.encode()) % 30 == 0 for line in lines[:cut]]
    sentences = [(line, apart) for line, apart in zip(lines[:cut], kept_apart, strict=True) if not line.startswith("#")]
    training = tuple(line for line, apart in sentences if not apart)
    testing = tuple(line for line, apart in sentences if apart)
    defined = gzip.decompress(_DEFINITIONS.read_bytes()).decode("utf-8").splitlines()
    known = {line.lower() for line in testing}
    kept = tuple(line for line in defined if not line.startswith("#") and line.lower() not in known)
    return Texts(training, testing, tuple(lines[cut + 1 :]), kept)


def examples(folder: Path) -> list[str]:
    """Clean example sentences of 3 to 13 words, capital first, a full stop or question mark last."""
    found: set[str] = set()
    for file in sorted(folder.glob("data.*")):
        for line in file.read_text(encoding="latin-1").splitlines():
            _, _, gloss = line.partition(" | ")
            found.update(map(_cleaned, _QUOTED.findall(gloss)))
    return sorted(found - {""})


def definitions(folder: Path) -> list[str]:
    """Clean definitions, without what stands in brackets, of words that are not rare here."""
    found: set[str] = set()
    for file in sorted(folder.glob("data.*")):
        for line in file.read_text(encoding="latin-1").splitlines():
            _, _, gloss = line.partition(" | ")
            plain = re.sub(r"\([^)]*\)", "", gloss.split('"')[0])
            found.update(map(_cleaned, plain.split(";")))
    lines = sorted(found - {""})
    counted = Counter(word for line in [*lines, *examples(folder)] for word in set(line.lower()[:-1].split()))
    return [line for line in lines if min(counted[word] for word in line.lower()[:-1].split()) >= _RARE]


def _cleaned(text: str) -> str:
    text = " ".join(text.split()).rstrip(" ,;-")
    if not _PLAIN.fullmatch(text) or not 3 <= len(text.split()) <= 13 or len(text) > 75 or " '" in text or "' " in text:
        return ""
    if any(len(word) > 1 and word.isupper() for word in text.split()):
        return ""
    if text[-1] not in ".?!":
        text += "?" if text.split()[0].lower() in _QUESTION and len(text.split()) > 3 else "."
    return text[0].upper() + text[1:]


def nouns(folder: Path, count: int = 1500) -> list[str]:
    """Common nouns of one plain word: those whose first senses WordNet's texts use most."""
    counted: dict[str, int] = {}
    for line in (folder / "index.noun").read_text(encoding="latin-1").splitlines():
        parts = line.split()
        if line[0] != " " and parts[0].isalpha() and 3 <= len(parts[0]) <= 10:
            counted[parts[0]] = int(parts[-int(parts[2]) - 1])
    return sorted(counted, key=lambda word: (-counted[word], word))[:count]


def main() -> None:
    """Write the file."""
    folder = Path(sys.argv[1])
    body = "\n".join([_NOTICE + "\n".join(examples(folder)), "# nouns", *nouns(folder)])
    _FILE.write_bytes(gzip.compress(body.encode(), mtime=0))
    defined = _NOTICE_OF_DEFINITIONS + "\n".join(definitions(folder))
    _DEFINITIONS.write_bytes(gzip.compress(defined.encode(), mtime=0))
    print(f"{len(examples(folder))} sentences, {_FILE.stat().st_size} bytes")
    print(f"{len(definitions(folder))} definitions, {_DEFINITIONS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
