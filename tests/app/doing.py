"""What a person may be in the middle of when something else happens."""

from __future__ import annotations

from tests.app.user import User

LONG = "One two three four five six seven eight nine ten."


def thinks(user: User) -> None:
    user.type("Wait.")
    user.sees(lambda: user.app.engine.asked)


def speaks(user: User) -> None:
    user.type("Count.")
    user.hears_something()
    user.sees_word("Speaking")


def plays_again(user: User) -> None:
    speaks(user)
    user.hears()
    user.sees_word("Ready")
    user.act("Play")
    user.hears_something()


def plays_what_was_said(user: User) -> None:
    user.say(3.0)
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    user.press(user.turn().bubble.play_button)
    user.hears_something()


def speaks_in_another_voice(user: User) -> None:
    speaks(user)
    user.hears()
    user.sees_word("Ready")
    user.act("Speak with another voice…")
    user.choose("Mei")
    user.hears_something()
