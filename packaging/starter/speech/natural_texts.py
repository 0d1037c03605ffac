"""Which texts are spoken in natural voices: what is heard, by anybody, and what is said, by the replies' voice."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.conversation.prompting.plain_english import written_out
from starter.speech.natural_voices import Casting, NaturalSpeaker
from starter.speech.phonemes import Phonemes
from starter.speech.spoken_corpus import answers, questions_in_voices
from starter.texts.conversations import heard_sentences, read_sentences
from starter.texts.everyday_sentences import everyday_sentence
from starter.texts.mingled_sentences import mingled
from starter.texts.typed_texts import said_text

_FEWEST_SYMBOLS, _MOST_SYMBOLS = 4, 200
_LONGEST = 170  # letters of a text to read
_HEARD = {"questions": 0.32, "everyday": 0.24, "mingled": 0.26, "open": 0.12, "typed": 0.06}
_READ = {"typed": 0.34, "mingled": 0.24, "open": 0.24, "everyday": 0.12, "questions": 0.06}
_ANSWERS = 0.55  # of the replies, until each was said once; the rest is read
Sources = Mapping[str, Callable[[], str]]


def _sources(chance: random.Random, utterances: int, opened: Iterator[str]) -> Sources:
    """Where texts of each kind come from; `opened` are sentences of open vocabulary."""
    questions = questions_in_voices(utterances)
    chance.shuffle(questions)
    turns = _endless(questions)
    return {
        "questions": lambda: next(turns),
        "everyday": lambda: everyday_sentence(chance),
        "mingled": lambda: mingled().sentence(chance),
        "typed": lambda: said_text(chance),
        "open": lambda: next(opened),
    }


def _endless(texts: Sequence[str]) -> Iterator[str]:
    while True:
        yield from texts


def _drawn(chance: random.Random, texts: Sources, shares: Mapping[str, float]) -> str:
    (kind,) = chance.choices([*shares], [*shares.values()])
    return texts[kind]()


def reply_texts(utterances: int, seed: int) -> Iterator[str]:
    """Endless texts for the voice of the replies, none twice, those of which most conversations need first.

    The answers of a corpus of so many utterances stand as the model writes them; between and after them are texts to
    read, as the engine writes them out for the model.
    """
    chance, known = random.Random(seed), set[str]()
    answered = iter(answers(utterances))
    texts = _sources(chance, utterances, read_sentences(chance, 10**9))
    while True:
        text = next(answered, None) if chance.random() < _ANSWERS else None
        text = text or written_out(_drawn(chance, texts, _READ))
        if 1 < len(text) <= _LONGEST and text not in known:
            known.add(text)
            yield text


@dataclass(frozen=True)
class Line:
    """A text and who speaks it, as the network reads it."""

    text: str
    speaker: NaturalSpeaker
    symbols: tuple[int, ...]


class Script:
    """Deals what is to be heard, in groups of one number of symbols."""

    def __init__(self, utterances: int, casting: Casting, phonemes: Phonemes, vocab: dict[str, int], seed: int) -> None:
        self._chance = random.Random(seed)
        self._casting, self._phonemes, self._vocab = casting, phonemes, vocab
        self._texts = _sources(self._chance, utterances, heard_sentences(self._chance, 10**9))

    def line(self) -> Line:
        """The next one."""
        while True:
            text, speaker = _drawn(self._chance, self._texts, _HEARD), self._casting.next()
            said = self._phonemes(text, speaker.british)
            symbols = tuple(self._vocab[letter] for letter in said if letter in self._vocab)
            # Numbers in digits are read in a way of their own: what is heard has to be written out.
            if _FEWEST_SYMBOLS <= len(symbols) <= _MOST_SYMBOLS and not any(letter.isdigit() for letter in text):
                return Line(text, speaker, (0, *symbols, 0))

    def groups(self, count: int) -> list[list[Line]]:
        """So many lines, those of one length together."""
        found: dict[int, list[Line]] = defaultdict(list)
        for _ in range(count):
            line = self.line()
            found[len(line.symbols)].append(line)
        return list(found.values())
