"""The mix of made-up conversations, and the sentences that are transcribed and read aloud."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import topics_arithmetic as arithmetic
import topics_knowledge as knowledge
import topics_tools as tools
from dialogues import Dialogue, Draw
from open_sentences import texts

_HEARD_FRAMES = (
    "There are {n} {w} in the {v}.", "We need {n} {w} and {m} {v}.", "The {w} costs {n} dollars.",
    "It was {n} years ago.", "The train leaves at {n}.", "Take {n} steps to the left.", "My number is {n}, {m}.",
)  # fmt: skip


def conversation(chance: random.Random, test: bool = False) -> Dialogue:
    """One conversation of any topic."""
    draw = Draw(chance, test)
    offered = arithmetic.offered_tools(draw)
    topic = chance.choices(*_topics(draw, offered))[0]
    made = topic()
    if not test and chance.random() < 0.06:
        made = knowledge.repeated(draw, made)
    elif not test and chance.random() < 0.1:
        made = _joined(made, chance.choices(*_topics(draw, made.tools))[0]())
    return made


def _topics(draw: Draw, offered: tuple[str, ...]) -> tuple[list[partial[Dialogue]], list[float]]:
    nouns = texts().nouns
    weighted = (
        (partial(arithmetic.arithmetic, draw, offered), 26),
        (partial(arithmetic.story, draw, offered), 3),
        (partial(arithmetic.three_numbers, draw, offered), 5),
        (partial(arithmetic.percentage, draw, offered), 4),
        (partial(arithmetic.powers, draw, offered), 4),
        (partial(arithmetic.comparison, draw, offered), 4),
        (partial(tools.clock, draw), 7),
        (partial(tools.conversion, draw), 9),
        (partial(tools.timers, draw), 10),
        (partial(knowledge.known_fact, draw, offered), 9),
        (partial(knowledge.table_fact, draw, offered), 9),
        (partial(knowledge.small_talk, draw, offered), 5),
        (partial(knowledge.spelling, draw, offered), 1.5),
        (partial(knowledge.unknown, draw, offered, nouns), 5),
    )
    return [topic for topic, _ in weighted], [weight for _, weight in weighted]


def _joined(first: Dialogue, second: Dialogue) -> Dialogue:
    if first.tools != second.tools:
        return first
    return Dialogue(f"{first.topic}, {second.topic}", first.turns + second.turns[:1], first.persona, first.tools)


def heard_sentence(chance: random.Random, test: bool = False) -> str:
    """A sentence to be transcribed."""
    if chance.random() < (0.85 if test else 0.93):
        return texts().some(chance, test)
    from spoken_numbers import words

    n, m = chance.randint(0, chance.choice((20, 100, 2000))), chance.randint(0, 100)
    frame = chance.choice(_HEARD_FRAMES)
    return frame.format(n=words(n), m=words(m), w=chance.choice(texts().nouns), v=chance.choice(texts().nouns))


def read_sentences(chance: random.Random, count: int) -> Iterator[str]:
    """Sentences to be read aloud; a few have numbers in digits."""
    yield from chance.sample(texts().training, min(count, len(texts().training)))
    for _ in range(count // 12):
        frame = chance.choice(_HEARD_FRAMES)
        n, m = chance.randint(0, chance.choice((20, 100, 2000))), chance.randint(0, 100)
        yield frame.format(n=n, m=m, w=chance.choice(texts().nouns), v=chance.choice(texts().nouns))
