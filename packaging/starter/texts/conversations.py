"""The mix of made-up conversations, and the sentences that are transcribed and read aloud."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import overload

from starter.texts import topics_arithmetic as arithmetic
from starter.texts import topics_knowledge as knowledge
from starter.texts import topics_tools as tools
from starter.texts.dialogues import Dialogue, Draw
from starter.texts.made_sentences import Sentences
from starter.texts.open_sentences import texts
from starter.texts.spoken_numbers import words
from starter.texts.word_list import Deck, WordDeck, any_word
from starter.texts.word_list import words as listed

_HEARD_FRAMES = (
    "There are {n} {w} in the {v}.", "We need {n} {w} and {m} {v}.", "The {w} costs {n} dollars.",
    "It was {n} years ago.", "The train leaves at {n}.", "Take {n} steps to the left.", "My number is {n}, {m}.",
)  # fmt: skip


_OPEN, _MADE = 0.68, 0.27  # of what is heard: WordNet's sentences, words of the list; the rest has numbers
# How often a topic comes up in the tests and in training, where what is hard comes up more.
_TOPICS: tuple[tuple[Callable[[Draw, tuple[str, ...]], Dialogue], float, float], ...] = (
    (arithmetic.arithmetic, 26, 30),
    (arithmetic.story, 3, 5),
    (arithmetic.three_numbers, 5, 5),
    (arithmetic.percentage, 4, 5),
    (arithmetic.powers, 4, 6),
    (arithmetic.comparison, 4, 7),
    (lambda draw, _: tools.clock(draw), 7, 7),
    (lambda draw, _: tools.conversion(draw), 9, 9),
    (lambda draw, _: tools.timers(draw), 10, 10),
    (knowledge.known_fact, 9, 12),
    (knowledge.table_fact, 9, 14),
    (knowledge.small_talk, 5, 8),
    (knowledge.spelling, 1.5, 4),
    (lambda draw, offered: knowledge.unknown(draw, offered, texts().nouns), 5, 8),
)
_TEST_SHARES = tuple(accumulate(share for _, share, _ in _TOPICS))
_TRAINING_SHARES = tuple(accumulate(share for _, _, share in _TOPICS))
_ADDRESSED = 0.12
_ADDRESSES = (
    *("Hey, {q}", "Okay, {q}", "So, {q}", "Earshot, {q}", "Hello, {q}", "Well, {q}", "Now, {q}", "Hi, {q}"),
    *("One question: {q}", "Hey Earshot, {q}"),
)
_CAN_FOLLOW = {
    *("What", "What's", "How", "Which", "Who", "Where", "When", "Why", "Is"),
    *("Are", "Can", "Could", "Do", "Tell", "Set", "Start", "Please", "Add"),
    *("Take", "Subtract", "Multiply", "Divide", "Calculate", "Convert", "Cancel", "Stop", "Name"),
    *("Give", "Say", "Spell", "Count", "If", "Share", "Show", "List", "Explain"),
}


def conversation(chance: random.Random, test: bool = False) -> Dialogue:
    """One conversation of any topic."""
    draw = Draw(chance, test)
    offered = arithmetic.offered_tools(draw)
    made = _of_any_topic(draw, offered)
    if test:
        return made
    pick = chance.random()
    if pick < 0.06:
        made = knowledge.repeated(draw, made)
    elif pick < 0.16:
        made = _joined(made, _of_any_topic(draw, made.tools))
    return _addressed(draw, made) if chance.random() < _ADDRESSED else made


def _of_any_topic(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    shares = _TEST_SHARES if draw.test else _TRAINING_SHARES
    topic, _, _ = _TOPICS[bisect(shares, draw.chance.random() * shares[-1])]
    return topic(draw, offered)


def _addressed(draw: Draw, made: Dialogue) -> Dialogue:
    """The same with a word before the first question, as people do."""
    first = made.turns[0]
    if first.question.split()[0] not in _CAN_FOLLOW:
        return made
    lead = draw.choice(_ADDRESSES)
    asked = {
        name: lead.format(q=text[0].lower() + text[1:])
        for name, text in (("question", first.question), ("typed", first.typed))
        if text
    }
    return replace(made, turns=(replace(first, **asked), *made.turns[1:]))


class Conversations(Sequence[Dialogue]):
    """The conversations of training, the same every time; each is made when it is asked for."""

    def __init__(self, numbers: range, seed: int = 11) -> None:
        self._numbers, self._seed = numbers, seed

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Dialogue: ...
    @overload
    def __getitem__(self, place: slice) -> Conversations: ...
    def __getitem__(self, place: int | slice) -> Dialogue | Conversations:
        if isinstance(place, slice):
            return Conversations(self._numbers[place], self._seed)
        return conversation(random.Random(self._seed * 1_000_000_007 + self._numbers[place]))


def _joined(first: Dialogue, second: Dialogue) -> Dialogue:
    if first.tools != second.tools:
        return first
    return Dialogue(f"{first.topic}, {second.topic}", first.turns + second.turns[:1], first.persona, first.tools)


def heard_sentence(chance: random.Random, test: bool = False) -> str:
    """A sentence to be transcribed."""
    pick = chance.random()
    if pick < (0.85 if test else _OPEN):
        return texts().some(chance, test)
    if not test and pick < _OPEN + _MADE:
        return Sentences(chance, lambda: any_word(chance), lambda: chance.choice(listed().names), digits=False).any()
    return _counting(chance, words)


def heard_sentences(chance: random.Random, count: int) -> Iterator[str]:
    """So many sentences to be transcribed; no sentence and no word of the list comes again before all have come."""
    opened = (Deck(chance, texts().training), Deck(chance, texts().definitions))
    deck, names = WordDeck(chance), Deck(chance, listed().names)
    made = Sentences(chance, deck.word, names.next, digits=False)
    for _ in range(count):
        pick = chance.random()
        if pick < _OPEN:
            yield chance.choice(opened).next()
        else:
            yield made.any() if pick < _OPEN + _MADE else _counting(chance, words)


def read_sentences(chance: random.Random, count: int) -> Iterator[str]:
    """So many sentences to be read aloud, a third of them full of words of the list; many have numbers in digits."""
    opened = Deck(chance, (*texts().training, *texts().definitions))
    deck, names = WordDeck(chance), Deck(chance, listed().names)
    made = Sentences(chance, deck.word, names.next, digits=True)
    for _ in range(count):
        pick = chance.random()
        if pick < 0.64:
            text = opened.next()
            yield f"{text} {opened.next()}" if len(text) < 35 and chance.random() < 0.15 else text
        else:
            yield made.any() if pick < 0.97 else _counting(chance, str)


def _counting(chance: random.Random, written: Callable[[int], str]) -> str:
    n, m = chance.randint(0, chance.choice((20, 100, 2000))), chance.randint(0, 100)
    frame = chance.choice(_HEARD_FRAMES)
    return frame.format(n=written(n), m=written(m), w=chance.choice(texts().nouns), v=chance.choice(texts().nouns))
