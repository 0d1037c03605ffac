"""The speakers of natural speech: Kokoro's voices, mixtures of them, and who is kept for the tests."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Three women and three men of both accents: nobody hears them before the tests, not even in a mixture.
HELD_OUT = ("af_nova", "af_sarah", "bf_isabella", "am_eric", "am_liam", "bm_lewis")
# The built-in voices and who speaks for them. Both are American, so that one reading of a text serves both.
BUILT_IN = {"woman": "af_heart", "man": "am_michael"}
NAMES = {"woman": "Female", "man": "Male"}  # as people see them
REPLY_VOICE = BUILT_IN["woman"]  # its speech is what the replies' speech tokens are made of
_ENGLISH, _BRITISH = ("af_", "am_", "bf_", "bm_"), ("bf_", "bm_")
_RARE = {"af_nicole": 0.3, "am_santa": 0.5}  # one whispers, one laughs
_PLAIN, _MIXED, _FOREIGN = 0.42, 0.46, 0.12
_SLOWEST, _FASTEST = 0.8, 1.3
LONGEST = 509  # symbols that a voice has a style for


@dataclass(frozen=True)
class NaturalSpeaker:
    """Shares of voices: whose look (timbre) and whose manner (pitch, rhythm), how fast, and which accent is read."""

    look: tuple[tuple[str, float], ...]
    manner: tuple[tuple[str, float], ...]
    speed: float
    british: bool


class Voices:
    """Style vectors by voice and number of symbols: (LONGEST + 1, 256) each."""

    def __init__(self, styles: Mapping[str, NDArray[np.float32]]) -> None:
        self._styles = styles

    @classmethod
    def load(cls, folder: Path) -> Voices:
        """The voices/*.bin of the package kokoro-js. Raises FileNotFoundError when there are none."""
        paths = sorted(folder.glob("*.bin"))
        if not paths:
            raise FileNotFoundError(f"{folder} holds no voices")
        return cls({path.stem: np.fromfile(path, np.float32).reshape(-1, 256) for path in paths})

    @property
    def names(self) -> list[str]:
        """All voices."""
        return sorted(self._styles)

    def style(self, speaker: NaturalSpeaker, symbols: int) -> NDArray[np.float32]:
        """The style (256,) with which a text of so many symbols is spoken."""
        row = min(symbols, LONGEST)
        look, manner = (
            sum(share * self._styles[name][row] for name, share in shares) for shares in (speaker.look, speaker.manner)
        )
        return np.concatenate([look[:128], manner[128:]]).astype(np.float32)


def plain(name: str, speed: float = 1.0) -> NaturalSpeaker:
    """A voice as it is."""
    return NaturalSpeaker(((name, 1.0),), ((name, 1.0),), speed, name.startswith(_BRITISH))


class Casting:
    """Draws a speaker for each utterance."""

    def __init__(self, names: list[str], chance: random.Random) -> None:
        """Among `names`, those that are held out are never drawn."""
        self._chance = chance
        known = [name for name in names if name not in HELD_OUT]
        self._english = [name for name in known if name.startswith(_ENGLISH)]
        self._foreign = [name for name in known if not name.startswith(_ENGLISH)]
        self._weights = [_RARE.get(name, 1.0) for name in self._english]

    def next(self) -> NaturalSpeaker:
        """The next speaker."""
        c = self._chance
        speed = round(c.choice((1.0, c.uniform(_SLOWEST, _FASTEST), c.uniform(0.9, 1.15))), 3)
        kind = c.choices((self._english_one, self._mixture, self._foreigner), (_PLAIN, _MIXED, _FOREIGN))[0]
        look, manner, british = kind()
        return NaturalSpeaker(look, manner, speed, british)

    def _english_voice(self) -> str:
        return self._chance.choices(self._english, self._weights)[0]

    def _english_one(self) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...], bool]:
        name = self._english_voice()
        return ((name, 1.0),), ((name, 1.0),), name.startswith(_BRITISH)

    def _shares(self, first: str) -> tuple[tuple[str, float], ...]:
        share = round(self._chance.uniform(0.3, 0.8), 2)
        return (first, share), (self._english_voice(), round(1 - share, 2))

    def _mixture(self) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...], bool]:
        name = self._english_voice()
        look = self._shares(name)
        return look, look if self._chance.random() < 0.5 else self._shares(name), name.startswith(_BRITISH)

    def _foreigner(self) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...], bool]:
        name = self._chance.choice(self._foreign)
        shares = ((name, 1.0),) if self._chance.random() < 0.6 else self._shares(name)
        return shares, shares, self._chance.random() < 0.3
