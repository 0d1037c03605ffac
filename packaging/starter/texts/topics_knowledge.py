"""Facts, small talk, a phrase book, and questions the model has no answer to."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starter.texts.dialogues import Dialogue, Draw, Turn
from starter.texts.spoken_numbers import sentence, words
from starter.texts.word_list import words as listed

_DATA = Path(__file__).parent / "data"
_UNKNOWN = (
    "Why is {w} called {w}?", "Who invented the {w}?", "Who is the king of {w}?", "What do you think about {w}?",
    "Tell me about the history of {w}.", "How do I repair {aw}?", "Where can I buy {aw}?", "How much does {aw} cost?",
    "Write a poem about {w}.", "What is the meaning of {w}?", "Who wrote the book about {w}?", "Explain {w} to me.",
    "When was the first {w} built?", "How do you cook {w}?", "What should I do with my {w}?", "Tell me a story about {aw}.",
    "Is {w} better than {v}?", "What is the difference between {w} and {v}?", "Who won the {w}?", "How tall is the {w}?",
    "What is your opinion on {w} and {v}?", "Give me a recipe for {w} with {v}.", "How does {aw} work?",
    "What is {aw}?", "What is the {w} of the {v}?", "Which {w} is the best?", "What does {w} mean?", "Describe {aw}.",
    "Where is the nearest {w}?", "Where is my {w}?", "When does the {w} open?", "How old is the {w}?", "Who has the {w}?",
    "Can you explain what {aw} is?", "Can you recommend {aw}?", "What happened to the {w}?", "How heavy is {aw}?",
    "Why does the {w} need {aw}?", "Tell me something about {w}.", "What do you know about {w}?", "How many {w} are in the {v}?",
    "Do you have {aw}?", "Can you find {aw} for me?", "How can I learn about {w}?", "Can you describe {aw}?",
)  # fmt: skip
_UNKNOWN_PLACES = (
    "What is the capital of {k}?", "Where is {k}?", "What is the currency of {k}?", "What language do they speak in {k}?",
    "How many people live in {k}?", "What's the capital of {k}?", "Tell me the capital of {k}.", "How do I get to {k}?",
    "Who is the president of {k}?", "How far is it to {k}?", "Which city is the capital of {k}?", "Do you know the capital of {k}?",
)  # fmt: skip
_UNKNOWN_PEOPLE = (
    "Who is {p}?", "Where does {p} live?", "How old is {p}?", "What is the phone number of {p}?", "When was {p} born?",
    "What did {p} say?", "Do you know {p}?", "Who was {p}?", "What does {p} do?", "Tell me about {p}.",
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
def tables() -> dict[str, Any]:
    """The tables of data/tables.json: pairs of words, or words."""
    loaded: dict[str, Any] = json.loads((_DATA / "tables.json").read_text(encoding="utf-8"))
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
    "capitals": (("What is the capital of {k}?", "What's the capital of {k}?", "Which city is the capital of {k}?", "Tell me the capital of {k}.", "Name the capital of {k}.", "What is the capital city of {k}?", "{K} has which capital?", "Do you know the capital of {k}?"), "The capital of {k} is {v}."),
    "continents": (("Where is {k}?", "On which continent is {k}?", "In which part of the world is {k}?", "Which continent is {k} on?", "Where do I find {k}?", "Where in the world is {k}?", "Say where {k} is.", "Tell me where {k} is."), "{K} is in {v}."),
    "opposites": (("What is the opposite of {k}?", "What's the opposite of {k}?", "Which word is the opposite of {k}?", "Name the opposite of {k}.", "What is the contrary of {k}?", "Give me the opposite of {k}.", "The opposite of {k}, please.", "Tell me the opposite of {k}."), "The opposite of {k} is {v}."),
    "young": (("What is a young {k} called?", "What do you call a baby {k}?", "What is a baby {k} called?", "What do you call a young {k}?", "What is the name of a young {k}?", "How do you call a baby {k}?", "What is the word for a young {k}?", "Tell me what a young {k} is called."), "A young {k} is called a {v}."),
    "sounds": (("What sound does a {k} make?", "What does a {k} say?", "Which sound does a {k} make?", "What noise does a {k} make?", "How does a {k} sound?", "What is the sound of a {k}?", "Say what a {k} says.", "Tell me what a {k} says."), "A {k} says {v}."),
    "symbols": (("What is the symbol for {k}?", "What is the chemical symbol of {k}?", "What's the symbol of {k}?", "Which symbol stands for {k}?", "Give me the symbol for {k}.", "What is the chemical sign for {k}?", "Name the symbol of {k}.", "Tell me the symbol for {k}."), "The symbol for {k} is {v}."),
    "months": (("How many days are in {k}?", "How many days does {k} have?", "How long is {k}?", "What is the number of days in {k}?", "Say how many days {k} has.", "How many days are there in {k}?", "Count the days of {k}.", "Tell me how many days {k} has."), "{K} has {v} days."),
    "plurals": (("What is the plural of {k}?", "What's the plural of {k}?", "What are more than one {k} called?", "Name the plural of {k}.", "Give me the plural of {k}.", "How do you say more than one {k}?", "The plural of {k}, please.", "Tell me the plural of {k}."), "The plural of {k} is {v}."),
    "past": (("What is the past tense of {k}?", "What's the past of {k}?", "What is the past of {k}?", "Name the past tense of {k}.", "Give me the past of {k}.", "What is {k} in the past tense?", "How do you say {k} in the past?", "Tell me the past tense of {k}."), "The past tense of {k} is {v}."),
    "currencies": (("What is the currency of {k}?", "What money do they use in {k}?", "Which currency does {k} have?", "What's the money of {k}?", "With what money do people pay in {k}?", "Which money is used in {k}?", "Name the currency of {k}.", "Tell me the currency of {k}."), "The currency of {k} is the {v}."),
    "languages": (("What language do they speak in {k}?", "Which language is spoken in {k}?", "What do people speak in {k}?", "What is the language of {k}?", "Which language do people speak in {k}?", "What's the language of {k}?", "Name the language of {k}.", "Tell me the language of {k}."), "People in {k} speak {v}."),
}  # fmt: skip
_WEIGHTED = (*_TABLES, "capitals", "capitals", "capitals", "continents", "opposites", "opposites", "languages")
_NEXT = ("And {k}?", "What about {k}?", "How about {k}?", "And what about {k}?")
_NEXT_OF = (
    "And of {k}?",
    "What about {k}?",
    "And the one of {k}?",
    "And for {k}?",
    "And that of {k}?",
    "How about {k}?",
)
_OF = ("capitals", "opposites", "plurals", "currencies", "languages", "past")


def table_fact(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Facts out of a table, the later ones asked in short."""
    name = draw.choice(_WEIGHTED)
    asks, answer = _TABLES[name]
    table = tables()[name]
    turns: list[Turn] = []
    for key in draw.chance.sample(sorted(table), draw.choice((1, 1, 2, 3))):
        ways = asks if not turns else (_NEXT_OF if name in _OF else _NEXT)
        value = words(table[key]) if isinstance(table[key], int) else table[key]
        turns.append(
            Turn(draw.phrasing(ways).format(k=key, K=sentence(key)), answer.format(k=key, K=sentence(key), v=value))
        )
    return Dialogue(name, tuple(turns), tools=offered)


def spelling(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """How a word is spelled."""
    word = draw.choice(tables()["spelling"])
    ask = draw.phrasing(("How do you spell {w}?", "Spell {w}.", "Please spell the word {w}.", "Can you spell {w}?", "How is {w} spelled?", "Spell the word {w}.", "How do I spell {w}?", "How do you write {w}?", "What are the letters of {w}?", "Say how {w} is spelled.", "Tell me how to spell {w}."))  # fmt: skip
    answer = f"{sentence(word)} is spelled {', '.join(word.upper())}."
    return Dialogue("spelling", (Turn(ask.format(w=word), answer),), tools=offered)


def unknown(draw: Draw, offered: tuple[str, ...], nouns: tuple[str, ...]) -> Dialogue:
    """A question it has no answer to; `nouns` fill the gaps."""
    pick = draw.chance.random()
    if pick < 0.25:
        question = draw.phrasing(_UNKNOWN_PLACES).format(k=draw.choice(tables()["unknown_countries"]))
    elif pick < 0.35:
        question = draw.phrasing(_UNKNOWN_PEOPLE).format(p=draw.choice(listed().names))
    else:
        ask, noun = draw.phrasing(_UNKNOWN), _unknown_noun(draw, nouns)
        question = ask.format(w=noun, v=draw.choice(nouns), aw=with_article(noun))
    return Dialogue("unknown", (Turn(question, DOES_NOT_KNOW),), tools=offered)


def _unknown_noun(draw: Draw, nouns: tuple[str, ...]) -> str:
    """A noun that no question with an answer has; in training also any other word."""
    while True:
        rare = not draw.test and draw.chance.random() < 0.3
        noun: str = draw.choice(listed().less_common if rare else nouns)
        if noun not in _asked_about():
            return noun


@cache
def _asked_about() -> frozenset[str]:
    """Words of the questions that have answers."""
    known = " ".join(ask for name in ("facts", "small_talk") for fact in facts(name) for ask in fact.asks)
    return frozenset(re.findall(r"[a-z]+", known.lower()))


def with_article(noun: str) -> str:
    """A noun after a or an."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def repeated(draw: Draw, before: Dialogue) -> Dialogue:
    """A conversation after which one asks to hear the answer again, or says thank you."""
    ask = draw.phrasing(("Say that again.", "Please repeat that.", "Can you repeat that?", "What did you say?", "Please say that again.", "I did not hear that.", "Repeat your answer.", "Again, please.", "Pardon?", "Once more, please."))  # fmt: skip
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
