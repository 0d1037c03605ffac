"""What people say to machines and to each other: short questions, commands, names, numbers, dates, messages.

Everything is written out in words, as it is said, for the ear to learn from. One sentence in thirty is kept for tests.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

from starter.texts.open_sentences import texts
from starter.texts.spoken_numbers import DAYS, MONTHS, clock_words, ordinal, sentence, words, year_words
from starter.texts.word_list import any_word
from starter.texts.word_list import words as listed

_PEOPLE = (
    *("Anna", "Ben", "Carla", "David", "Emma", "Frank", "Grace", "Henry", "Isabel", "Jack", "Karen", "Leo"),
    *("Maria", "Nathan", "Olivia", "Paul", "Rachel", "Sam", "Tina", "Victor", "Alice", "Brian", "Chloe"),
    *("Daniel", "Ellen", "George", "Hannah", "Ian", "Julia", "Kevin", "Laura", "Mark", "Nina", "Oscar", "Peter"),
    *("Rosa", "Simon", "Teresa", "Walter", "Zoe", "Ahmed", "Priya", "Wei", "Yuki", "Carlos", "Fatima", "Ivan"),
    *("Lucia", "Omar", "Sofia", "Thomas", "Robert", "William", "James", "Mary", "Susan", "Linda", "Michael"),
    *("Jennifer", "Elizabeth", "Charles", "Joseph", "Margaret", "Andrew", "Steven", "Edward", "Ruth", "Helen"),
    *("Amy", "Eric", "Jason", "Diana", "Claire", "Lucy", "Max"),
)  # fmt: skip
_FAMILY = (
    *("Smith", "Johnson", "Brown", "Miller", "Davis", "Wilson", "Taylor", "Anderson", "Moore", "Jackson"),
    *("Martin", "Thompson", "White", "Harris", "Clark", "Lewis", "Walker", "Hall", "Young", "King", "Wright"),
    *("Baker", "Green", "Adams", "Nelson", "Hill", "Campbell", "Mitchell", "Roberts", "Carter", "Phillips"),
    *("Evans", "Turner", "Parker", "Collins", "Edwards", "Stewart", "Morris", "Murphy", "Cook", "Rogers"),
    *("Morgan", "Cooper", "Reed", "Bailey", "Bell", "Kelly", "Howard", "Ward", "Peterson"),
)  # fmt: skip
_TOWNS = (
    *("London", "Paris", "Berlin", "Madrid", "Rome", "Vienna", "Dublin", "Boston", "Chicago", "Denver"),
    *("Seattle", "Houston", "Atlanta", "Toronto", "Sydney", "Tokyo", "Mumbai", "Cairo", "Lisbon", "Oslo"),
    *("Athens", "Moscow", "Beijing", "Delhi", "Geneva", "Munich", "Prague", "Warsaw", "Zurich", "Bristol"),
    *("Oxford", "Cambridge", "Manchester", "Liverpool", "Glasgow", "Dallas", "Phoenix", "Portland", "Miami"),
    *("Orlando", "Nashville", "Vancouver", "Montreal", "Melbourne", "Auckland"),
)  # fmt: skip
_THINGS = (
    *("the keys", "my phone", "your bag", "the car", "the kitchen", "the front door", "the window", "the garden"),
    *("the dishes", "the report", "the bill", "the printer", "the laundry", "my glasses", "the light"),
    *("the radio", "the television", "the heating", "the ticket", "the letter", "the box", "the meeting"),
    *("the bus", "the train", "the dog", "the cat", "the baby", "the children", "my brother", "my sister"),
    *("our neighbor", "the doctor", "the teacher", "the manager", "the driver", "the bread", "the milk"),
    *("the coffee", "the soup", "the salad", "the cheese", "a sandwich", "an apple", "some water"),
    *("a cup of tea", "the new computer", "the old house", "the red shirt", "the blue jacket", "the camera"),
    *("the battery", "the password", "the message", "the email", "the photo", "the music", "the volume"),
    *("the screen", "the keyboard", "the file", "the map"),
)  # fmt: skip
_ROOMS = ("kitchen", "bedroom", "living room", "bathroom", "garage", "hallway", "office", "garden", "basement", "attic")
_ERRANDS = (
    *("call the dentist", "pay the rent", "buy some milk", "water the plants", "take out the trash"),
    *("feed the cat", "pick up the children", "send the invoice", "book a table", "renew my passport"),
    *("return the books", "clean the oven", "charge the phone", "write to Grandma", "walk the dog"),
    *("order more paper", "fix the bike", "wash the car", "check the mail", "take my medicine"),
    *("back up the computer"),
)  # fmt: skip
_DISHES = (
    *("chicken soup", "fried rice", "an omelet", "pancakes", "tomato sauce", "a chocolate cake"),
    *("roast potatoes", "vegetable curry", "pizza", "banana bread", "lentil stew", "apple pie", "fish and chips"),
    *("a green salad", "garlic bread", "noodles with peanut sauce"),
)  # fmt: skip
_FRAMES = (
    # questions
    *("What time is it?", "What time is it in {town}?", "What day is it today?", "What's the date today?"),
    *("How are you?", "How are you today?", "Hello there, how are you?", "Who are you?", "What can you do?"),
    *("Where is {thing}?", "Where did you put {thing}?", "Have you seen {thing}?", "Whose is {thing}?"),
    *("What's the weather like in {town}?", "Will it rain on {day}?", "Is it cold in {town} in {month}?"),
    *("How far is it to {town}?", "How do I get to {town}?", "When does the next train to {town} leave?"),
    *("How much does {thing} cost?", "How long does it take?", "How do you make {dish}?", "How old is {person}?"),
    *("Can you help me with {thing}?", "Could you say that again?", "Could you speak more slowly, please?"),
    *("Do you know {full}?", "Do you like {dish}?", "Did {person} call you back?", "Does {person} live in {town}?"),
    *("Is {thing} ready?", "Is {thing} still broken?", "Is there any {noun} left?", "Are you coming on {day}?"),
    *("Who is {full}?", "Who wrote this letter?", "Who is going to {errand}?", "Why is {thing} so expensive?"),
    *("Which one do you want?", "Which {noun} is better?", "What does {word} mean?", "How do you spell {word}?"),
    *("What is {n} plus {n}?", "What is {n} times {n}?", "What's {n} minus {n}?", "What is {n} divided by {n}?"),
    *("How many {noun} are in a {noun}?", "What is the capital of {place}?", "When was {full} born?"),
    # commands
    *("Set a timer for {n} minutes.", "Set an alarm for {time}.", "Wake me up at {time}.", "Cancel the timer."),
    *("Remind me to {errand}.", "Remind me to {errand} on {day}.", "Remind me at {time} to {errand}."),
    *("Turn on the light in the {room}.", "Turn off {thing}.", "Turn the volume down.", "Turn it up a little."),
    *("Call {full}.", "Call {person} at work.", "Send a message to {person}.", "Text {person} that I am late."),
    *("Play some music.", "Play something by {full}.", "Stop.", "Pause.", "Next.", "Go back.", "Louder, please."),
    *("Read my messages.", "Open {thing}.", "Close {thing}.", "Show me the way to {town}.", "Start over."),
    *("Add {noun} to my shopping list.", "Take a note.", "Repeat that, please.", "Never mind.", "Wait a moment."),
    *("Please {errand} before {time}.", "Don't forget to {errand}.", "Put {thing} in the {room}.", "Be careful."),
    *("Tell me about {place}.", "Tell me a story.", "Tell me more about {noun}.", "Explain {noun} to me."),
    *("Press {digit} for {noun}, or press {digit} to speak with {person}.", "Please enter your {noun} number."),
    *("Please leave your name and number after the tone.", "Please hold the line.", "Press the {noun} key now."),
    *("To hear this message again, press {digit}.", "Your call is important to us.", "Please try again later."),
    *("The number you have dialed is not in service.", "You have {n} new messages.", "Thank you for calling {town}."),
    # statements
    *("My name is {full}.", "This is {full} speaking.", "I'm {person}, and this is {person}.", "I live in {town}."),
    *("My number is {phone}.", "The number is {phone}.", "My address is {n} {family} Street, {town}."),
    *("The code is {code}.", "Flight {code} leaves from gate {n}.", "The total is {price}.", "It costs {price}."),
    *("I was born on {date}.", "The meeting is on {date}.", "We meet on {day} at {time}.", "It was on {day}."),
    *("I can't find {thing}.", "I think {thing} is broken.", "{person} is going to {errand} on {day}."),
    *("{person} and {person} went to {town} in {month}.", "{full} lives in {town}.", "{person} was here at {time}."),
    *("I would like {dish}, please.", "We had {dish} for dinner.", "There is no more {noun}.", "I don't know."),
    *("I have {n} {noun} and {n} {noun}.", "It is about {n} miles from {town} to {town}.", "That is all."),
    *("Yes, please.", "No, thank you.", "Thank you very much.", "Good morning.", "Good night.", "See you on {day}."),
    *("Excuse me.", "I'm sorry, I didn't understand that.", "That's not what I said.", "I said {word}, not {word}."),
    *("It's {temp} degrees in {town}.", "About {n} percent of the {noun}.", "In {year} I moved to {town}."),
    *("The {noun} is next to the {noun}.", "I put {thing} on the {noun}.", "{person} likes {noun} and {noun}."),
    *("I'll be there at {time}.", "I'll call you back in {n} minutes.", "Let's go to the {noun} with {person}."),
    *("If {person} calls, say that I will {errand}.", "When I get home I have to {errand}.", "{w} {w} {w}."),
    *("Dear {person}, thank you for {thing}.", "{day}, {date}.", "{phone}.", "{n}, {n}, {n}, {n}.", "{letters}."),
    *("It is spelled {letters}.", "The letters are {letters}.", "Please spell {word}.", "{full}.", "{town}."),
)
_LEADS = ("Hey, ", "Okay, ", "So, ", "Well, ", "Um, ", "Please, ", "Now, ", "And ", "But ", "Earshot, ", "Sorry, ")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def everyday_sentence(chance: random.Random, test: bool = False) -> str:
    """One sentence; training never gets one of those that tests may get."""
    while True:
        made = _filled(chance)
        if (zlib.crc32(made.lower().encode()) % 30 == 0) == test:
            return made


def _filled(chance: random.Random) -> str:
    text = chance.choice(_FRAMES)
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, after = rest.partition("}")
        text = before + _SLOTS[name](chance) + after
    text = sentence(text)
    if chance.random() < 0.07 and not text.startswith("I"):
        lead = chance.choice(_LEADS)
        first = text.split()[0].strip(",.?!")
        text = lead + (text if first in _NAMES else text[0].lower() + text[1:])
    return text


def _time(chance: random.Random) -> str:
    return clock_words(datetime(2024, 1, 1) + timedelta(minutes=5 * chance.randrange(12 * 24)))


def _phone(chance: random.Random) -> str:
    each = [_DIGITS[chance.randrange(10)] for _ in range(chance.choice((4, 7, 10)))]
    groups = [each[i : i + 3] for i in range(0, len(each) - len(each) % 3, 3)] or [[]]
    groups[-1] += each[len(each) - len(each) % 3 :]
    return ", ".join(" ".join(group) for group in groups)


def _price(chance: random.Random) -> str:
    dollars, cents = chance.randint(1, chance.choice((20, 100, 999))), chance.randint(1, 99)
    unit = chance.choice(("dollars", "dollars", "euros", "pounds"))
    return f"{words(dollars)} {unit}" + (
        f" and {words(cents)} cents" if unit != "pounds" and chance.random() < 0.4 else ""
    )


def _code(chance: random.Random) -> str:
    letters = [chance.choice(_LETTERS) for _ in range(chance.randint(1, 2))]
    return " ".join(letters + [_DIGITS[chance.randrange(10)] for _ in range(chance.randint(2, 4))])


def _noun(chance: random.Random) -> str:
    return chance.choice(texts().nouns)


_SLOTS: dict[str, Callable[[random.Random], str]] = {
    "person": lambda c: c.choice(_PEOPLE) if c.random() < 0.8 else c.choice(listed().names),
    "family": lambda c: c.choice(_FAMILY),
    "full": lambda c: f"{c.choice(_PEOPLE)} {c.choice(_FAMILY) if c.random() < 0.8 else c.choice(listed().names)}",
    "town": lambda c: c.choice(_TOWNS) if c.random() < 0.8 else c.choice(listed().names),
    "place": lambda c: c.choice(listed().names),
    "thing": lambda c: c.choice(_THINGS),
    "room": lambda c: c.choice(_ROOMS),
    "errand": lambda c: c.choice(_ERRANDS),
    "dish": lambda c: c.choice(_DISHES),
    "noun": _noun,
    "word": any_word,
    "w": any_word,
    "day": lambda c: c.choice(DAYS),
    "month": lambda c: c.choice(MONTHS),
    "date": lambda c: f"{c.choice(MONTHS)} {ordinal(c.randint(1, 31))}",
    "time": _time,
    "year": lambda c: year_words(c.randint(1900, 2030)),
    "n": lambda c: words(c.randint(1, c.choice((12, 30, 100, 100, 1000)))),
    "temp": lambda c: words(c.randint(-10, 100)),
    "digit": lambda c: c.choice(_DIGITS),
    "phone": _phone,
    "price": _price,
    "code": _code,
    "letters": lambda c: ", ".join(c.choice(_LETTERS) for _ in range(c.randint(2, 6))),
}
_NAMES = frozenset((*_PEOPLE, *_TOWNS, *DAYS, *MONTHS))
