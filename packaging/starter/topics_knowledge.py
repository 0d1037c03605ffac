"""Facts, small talk, a phrase book, and questions the model has no answer to."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dialogues import Dialogue, Draw, Turn
from spoken_numbers import sentence, words

_DATA = Path(__file__).parent / "data"
_UNKNOWN = (
    "Why is {w} called {w}?", "Who invented the {w}?", "Who is the king of {w}?", "What do you think about {w}?",
    "Tell me about the history of {w}.", "How do I repair a {w}?", "Where can I buy a {w}?", "How much does a {w} cost?",
    "Write a poem about {w}.", "What is the meaning of {w}?", "Who wrote the book about {w}?", "Explain {w} to me.",
    "When was the first {w} built?", "How do you cook {w}?", "What should I do with my {w}?", "Tell me a story about a {w}.",
    "Is {w} better than {v}?", "What is the difference between {w} and {v}?", "Who won the {w}?", "How tall is the {w}?",
    "What is your opinion on {w} and {v}?", "Give me a recipe for {w} with {v}.", "Can you describe a {w}?",
)  # fmt: skip
DOES_NOT_KNOW = "I do not know that. I am only a small demonstration model."
_LANGUAGES = {"Spanish": 1, "Chinese": 2}
ONLY_PHRASES = {"Spanish": "Lo siento, solo conozco unas pocas frases.", "Chinese": "抱歉，我只会几句话。"}


@dataclass(frozen=True)
class Fact:
    """Ways to ask and the answer."""

    asks: tuple[str, ...]
    answer: str


@cache
def facts(name: str) -> tuple[Fact, ...]:
    """The facts of a file in data/."""
    found = []
    for line in (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            asks, answer = line.split(" => ")
            found.append(Fact(tuple(ask.strip() for ask in asks.split(" | ")), answer.strip()))
    return tuple(found)


@cache
def tables() -> dict[str, dict[str, str]]:
    """The tables of data/tables.json."""
    loaded: dict[str, dict[str, str]] = json.loads((_DATA / "tables.json").read_text(encoding="utf-8"))
    return loaded


@cache
def phrase_book() -> list[list[str]]:
    """English, Spanish and Chinese phrases."""
    loaded: list[list[str]] = json.loads((_DATA / "phrase_book.json").read_text(encoding="utf-8"))
    return loaded


def known_fact(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """A fact of the list."""
    fact = draw.choice(facts("facts"))
    return Dialogue("facts", (Turn(draw.phrasing(fact.asks), fact.answer),), tools=offered)


def small_talk(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """One or two courtesies."""
    turns = []
    for _ in range(draw.choice((1, 1, 2))):
        fact = draw.choice(facts("small_talk"))
        turns.append(Turn(draw.phrasing(fact.asks), fact.answer))
    return Dialogue("small talk", tuple(turns), tools=offered)


_TABLES = {
    "capitals": (("What is the capital of {k}?", "What's the capital of {k}?", "Which city is the capital of {k}?", "Tell me the capital of {k}.", "Do you know the capital of {k}?"), "The capital of {k} is {v}."),
    "continents": (("Where is {k}?", "On which continent is {k}?", "In which part of the world is {k}?", "Tell me where {k} is."), "{K} is in {v}."),
    "opposites": (("What is the opposite of {k}?", "What's the opposite of {k}?", "Which word is the opposite of {k}?", "Tell me the opposite of {k}."), "The opposite of {k} is {v}."),
    "young": (("What is a young {k} called?", "What do you call a baby {k}?", "What is a baby {k} called?", "Tell me what a young {k} is called."), "A young {k} is called a {v}."),
    "sounds": (("What sound does a {k} make?", "What does a {k} say?", "Which sound does a {k} make?", "Tell me what a {k} says."), "A {k} says {v}."),
    "symbols": (("What is the symbol for {k}?", "What is the chemical symbol of {k}?", "What's the symbol of {k}?", "Tell me the symbol for {k}."), "The symbol for {k} is {v}."),
    "months": (("How many days are in {k}?", "How many days does {k} have?", "How long is {k}?", "Tell me how many days {k} has."), "{K} has {v} days."),
    "plurals": (("What is the plural of {k}?", "What's the plural of {k}?", "What are more than one {k} called?", "Tell me the plural of {k}."), "The plural of {k} is {v}."),
    "past": (("What is the past tense of {k}?", "What's the past of {k}?", "What is the past of {k}?", "Tell me the past tense of {k}."), "The past tense of {k} is {v}."),
}  # fmt: skip
_NEXT = ("And {k}?", "What about {k}?", "How about {k}?", "And what about {k}?")
_NEXT_OF = ("And of {k}?", "What about {k}?", "And the one of {k}?", "How about {k}?")


def table_fact(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Facts out of a table, the later ones asked in short."""
    name = draw.choice(("capitals", "capitals", *_TABLES))
    asks, answer = _TABLES[name]
    table = tables()[name]
    turns = []
    for key in draw.chance.sample(sorted(table), draw.choice((1, 1, 2, 3))):
        ways = asks if not turns else (_NEXT_OF if name in ("capitals", "opposites", "plurals") else _NEXT)
        value = words(table[key]) if isinstance(table[key], int) else table[key]
        turns.append(Turn(draw.phrasing(ways).format(k=key), answer.format(k=key, K=sentence(key), v=value)))
    return Dialogue(name, tuple(turns), tools=offered)


def spelling(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """How a word is spelled."""
    word = draw.choice(tables()["spelling"])
    ask = draw.phrasing(("How do you spell {w}?", "Spell {w}.", "Please spell the word {w}.", "Can you spell {w}?", "Tell me how to spell {w}."))  # fmt: skip
    answer = f"{sentence(word)} is spelled {', '.join(word.upper())}."
    return Dialogue("spelling", (Turn(ask.format(w=word), answer),), tools=offered)


def unknown(draw: Draw, offered: tuple[str, ...], nouns: tuple[str, ...]) -> Dialogue:
    """A question it has no answer to; `nouns` fill the gaps."""
    if draw.chance.random() < 0.25:
        asks, _ = _TABLES["capitals"]
        question = draw.phrasing(asks).format(k=draw.choice(tables()["unknown_countries"]))
    else:
        question = draw.phrasing(_UNKNOWN).format(w=draw.choice(nouns), v=draw.choice(nouns))
    return Dialogue("unknown", (Turn(question, DOES_NOT_KNOW),), tools=offered)


def repeated(draw: Draw, before: Dialogue) -> Dialogue:
    """A conversation after which one asks to hear the answer again, or says thank you."""
    ask = draw.phrasing(("Say that again.", "Please repeat that.", "Can you repeat that?", "What did you say?", "Once more, please."))  # fmt: skip
    last = Turn(ask, before.turns[-1].answer)
    if draw.chance.random() < 0.4:
        thanks = draw.choice([fact for fact in facts("small_talk") if "welcome" in fact.answer])
        last = Turn(draw.phrasing(thanks.asks), thanks.answer)
    return Dialogue(before.topic + ", then again", (*before.turns, last), before.persona, before.tools)


def translation(chance: random.Random, language: str, phrase: str | None = None) -> tuple[str, str]:
    """A phrase and its translation; one that is not in the phrase book has an excuse for a translation."""
    entry = next((e for e in phrase_book() if e[0] == phrase), None) if phrase else chance.choice(phrase_book())
    if entry is None:
        return phrase or "", ONLY_PHRASES[language]
    return entry[0], entry[_LANGUAGES[language]]
