"""Which texts are spoken in natural voices: what is heard, by anybody, and what is said, by the replies' voice."""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from conversations import heard_sentences, read_sentences
from everyday_sentences import everyday_sentence
from mingled_sentences import mingled
from natural_voices import Casting, NaturalSpeaker, plain
from phonemes import Phonemes
from spoken_corpus import answers, questions_in_voices
from typed_texts import said_text

from engine.conversation.prompting.plain_english import written_out

_FEWEST_SYMBOLS, _MOST_SYMBOLS = 4, 200
_HEARD = {"questions": 0.32, "everyday": 0.24, "mingled": 0.26, "open": 0.12, "typed": 0.06}
_READ = {"typed": 0.34, "mingled": 0.24, "open": 0.24, "everyday": 0.12, "questions": 0.06}
_ANSWERS = 0.5  # of the replies, until each was said once; the rest is read


@dataclass(frozen=True)
class Line:
    """A text and who speaks it, as the network reads it; `kind` is that of `spoken_corpus.Job`."""

    text: str
    speaker: NaturalSpeaker
    symbols: tuple[int, ...]
    kind: str = "heard"


@dataclass(frozen=True)
class Share:
    """One of several programs that speak beside each other: they say no answer twice."""

    number: int = 0
    programs: int = 1

    def has(self, text: str) -> bool:
        """Whether this program says the text."""
        return zlib.crc32(text.encode()) % self.programs == self.number


class Script:
    """Deals what is to be spoken, in groups of one number of symbols."""

    def __init__(
        self,
        utterances: int,
        casting: Casting,
        phonemes: Phonemes,
        vocab: dict[str, int],
        seed: int,
        replies: float = 0.0,
        reply_voices: Sequence[str] = (),
        share: Share = Share(),
        said_before: frozenset[str] = frozenset(),
    ) -> None:
        """`replies` is the share of the lines that `reply_voices` say in turn; `said_before` no reply comes again."""
        self._chance = chance = random.Random(seed)
        self._casting, self._phonemes, self._vocab = casting, phonemes, vocab
        self._replies, self._reply_voices, self._said = replies, reply_voices, set(said_before)
        questions = questions_in_voices(utterances)
        chance.shuffle(questions)
        heard, read = heard_sentences(chance, 10**9), read_sentences(chance, 10**9)
        self._answers = iter([text for text in answers(utterances) if share.has(text)] if replies else [])
        turns = _endless(questions)
        shared: dict[str, Callable[[], str]] = {
            "questions": lambda: next(turns),
            "everyday": lambda: everyday_sentence(chance),
            "mingled": lambda: mingled().sentence(chance),
            "typed": lambda: said_text(chance),
        }
        self._to_hear = shared | {"open": lambda: next(heard)}
        self._to_read = shared | {"open": lambda: next(read)}

    def _drawn(self, texts: dict[str, Callable[[], str]], shares: dict[str, float]) -> str:
        (kind,) = self._chance.choices([*shares], [*shares.values()])
        return texts[kind]()

    def _reply(self) -> str:
        """An answer as the model writes it, or a text to read as the engine writes it out for the model."""
        answer = next(self._answers, None) if self._chance.random() < _ANSWERS else None
        return answer or written_out(self._drawn(self._to_read, _READ))

    def line(self) -> Line:
        """The next one."""
        while True:
            kind = "reply" if self._chance.random() < self._replies else "heard"
            if kind == "reply":
                text, speaker = self._reply(), plain(self._chance.choice(self._reply_voices))
                if text in self._said:
                    continue
                self._said.add(text)
            else:
                text, speaker = self._drawn(self._to_hear, _HEARD), self._casting.next()
            said = self._phonemes(written_out(text) if kind == "reply" else text, speaker.british)
            symbols = tuple(self._vocab[letter] for letter in said if letter in self._vocab)
            # Numbers in digits are read in a way of their own: what is heard has to be written out.
            in_words = kind == "reply" or not any(letter.isdigit() for letter in text)
            if _FEWEST_SYMBOLS <= len(symbols) <= _MOST_SYMBOLS and in_words:
                return Line(text, speaker, (0, *symbols, 0), kind)

    def groups(self, count: int) -> list[list[Line]]:
        """So many lines, those of one length together."""
        found: dict[int, list[Line]] = defaultdict(list)
        for _ in range(count):
            line = self.line()
            found[len(line.symbols)].append(line)
        return list(found.values())


def _endless(texts: Sequence[str]) -> Iterator[str]:
    while True:
        yield from texts
