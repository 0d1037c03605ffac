"""English words for open vocabulary, from SCOWL's lists, and sentences without sense that are full of them.

    python -m starter.texts.word_list SCOWL_FOLDER      writes data/words.txt.gz

SCOWL_FOLDER is where Debian's package scowl puts english-words.10 and so on. The licence allows any use with its
notice, which stands at the top of the file. The words stand in three parts: common, less common, and rare; a fourth
part has names, which begin with a capital.
"""

from __future__ import annotations

import gzip
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "words.txt.gz"
_NOTICE = """# Words of SCOWL (Spell Checker Oriented Word Lists), version 2020.12.07, without signs and possessives.
# The collective work is Copyright 2000-2018 by Kevin Atkinson as well as any of the copyrights mentioned in SCOWL.
# Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the output created
# from the scripts, and its documentation for any purpose is hereby granted without fee, provided that the above
# copyright notice appears in all copies and that both that copyright notice and this permission notice appear in
# supporting documentation. Kevin Atkinson makes no representations about the suitability of this array for any
# purpose. It is provided "as is" without express or implied warranty."""
_PARTS = {
    "common": ("words.10", "words.20"),
    "less common": ("words.35", "words.40"),
    "rare": ("words.50", "words.55", "words.60", "words.70"),
    "names": ("upper.10", "upper.35", "upper.40", "upper.50", "upper.60", "proper-names.50"),
}
_SHARES = (0.06, 0.39, 0.47, 0.08)  # common words stand in all other texts
_LONGEST = 16


@dataclass(frozen=True)
class Words:
    """The words by how common they are, and names."""

    common: tuple[str, ...]
    less_common: tuple[str, ...]
    rare: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The common, the less common, the rare, the names."""
        return self.common, self.less_common, self.rare, self.names


@cache
def words() -> Words:
    """The words in data/words.txt.gz."""
    text = gzip.decompress(_FILE.read_bytes()).decode("ascii")
    parts = re.split(r"^# \[.*\]\n", text, flags=re.MULTILINE)[1:]
    return Words(*(tuple(part.split()) for part in parts))


class Deck:
    """Deals texts in random order; each comes once before any comes again."""

    def __init__(self, chance: random.Random, texts: Sequence[str]) -> None:
        self._chance, self._texts = chance, texts
        self._left: list[str] = []

    def next(self) -> str:
        """The next text."""
        if not self._left:
            self._left = list(self._texts)
            self._chance.shuffle(self._left)
        return self._left.pop()


class WordDeck:
    """Deals words, the common ones more often."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._decks = [Deck(chance, part) for part in words().parts]

    def word(self) -> str:
        """The next word."""
        (deck,) = self._chance.choices(self._decks, _SHARES)
        return deck.next()


def any_word(chance: random.Random) -> str:
    """A word drawn by itself."""
    (part,) = chance.choices(words().parts, _SHARES)
    return chance.choice(part)


def collected(folder: Path) -> dict[str, list[str]]:
    """The words of every part; each word stands only in the first part that has it."""
    seen: set[str] = set()
    parts = {}
    for name, lists in _PARTS.items():
        pattern = r"[A-Z][a-z]{2,}" if name == "names" else r"[a-z]{2,}"
        found = set()
        for one in lists:
            for path in (folder / f"english-{one}", folder / f"american-{one}"):
                if path.exists():
                    found.update(path.read_text(encoding="latin-1").split())
        kept = {word for word in found if re.fullmatch(pattern, word) and len(word) <= _LONGEST} - seen
        kept = {word for word in kept if re.search("[aeiouy]", word.lower())}
        seen |= kept
        parts[name] = sorted(kept)
    return parts


def main() -> None:
    """Write the file."""
    parts = collected(Path(sys.argv[1]))
    body = [_NOTICE, *(f"# [{name}]\n" + "\n".join(part) for name, part in parts.items())]
    _FILE.write_bytes(gzip.compress("\n".join(body).encode("ascii"), mtime=0))
    print({name: len(part) for name, part in parts.items()}, _FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
