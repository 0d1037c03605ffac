"""What is typed at a terminal: a real line editor that reads from a pipe."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from prompt_toolkit.input.base import PipeInput
from prompt_toolkit.input.defaults import create_pipe_input
from prompt_toolkit.output import DummyOutput

from engine.commands.chat_input import HELP, Keyboard
from engine.commands.sound_door import SoundDoor
from engine.errors import RequestError
from engine.events import Samples

CTRL_C, CTRL_D, LEFT = "\x03", "\x04", "\x1b[D"


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe:
        yield pipe


class Microphone:
    """A door that hears two seconds of a tone while it is waited."""

    def __init__(self, seconds: float = 2.0, problem: str = "") -> None:
        self._seconds, self._problem = seconds, problem

    def play(self, pieces_24k: Iterable[Samples]) -> None:
        raise AssertionError("nobody speaks")

    def listen(self, wait: Callable[[], None]) -> Samples:
        if self._problem:
            raise RequestError(self._problem)
        wait()
        return np.ones(round(self._seconds * 16_000), np.float32)


def said(keys: PipeInput, typed: str, sound: SoundDoor | None = None, **more: object) -> list[object]:
    keys.send_text(typed)
    keyboard = Keyboard(sound, input=keys, output=DummyOutput(), **more)  # type: ignore[arg-type]
    return [each if isinstance(each, str) else len(each) for each in keyboard.turns()]


def test_lines_are_turns_and_can_be_edited(keys: PipeInput) -> None:
    assert said(keys, f"hallo{LEFT * 3}\x7fe\r  \rbye\r{CTRL_D}") == ["hello", "bye"]


def test_what_was_typed_before_comes_back(keys: PipeInput) -> None:
    keys.send_text("first\rsecond\r/quit\rmore\r")
    keyboard = Keyboard(None, before=["long ago", " "], input=keys, output=DummyOutput())
    assert list(keyboard.turns()) == ["first", "second"]
    assert keyboard.history.get_strings() == ["long ago", "first", "second", "/quit"]


def test_while_nothing_is_typed_other_steps_are_made_until_something_is(keys: PipeInput) -> None:
    made: list[int] = []

    def steps() -> Iterator[str]:
        for number in itertools.count():
            made.append(number)
            if number == 5:
                keys.send_text("hello\r")
            time.sleep(0.001)  # some work
            yield "a step"

    keyboard = Keyboard(None, meanwhile=steps, input=keys, output=DummyOutput())
    assert next(keyboard.turns()) == "hello"
    assert 6 <= len(made) < 1000


def test_slash_commands_are_obeyed_and_unknown_ones_named(keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    keys.send_text("/help\r/think\r/sing a song\r/quit\r")
    keyboard = Keyboard(None, input=keys, output=DummyOutput())
    assert list(keyboard.turns()) == []
    assert keyboard.thinks
    captured = capsys.readouterr()
    assert HELP in captured.err
    assert "It thinks before every answer." in captured.err
    assert "There is no command /sing: /help names those there are." in captured.err
    assert captured.out == ""


def test_an_empty_line_listens_until_return_where_that_was_asked_for(keys: PipeInput) -> None:
    assert said(keys, f"\r\rand typed\r/listen\r\r{CTRL_D}", Microphone(), listens=True) == [
        32_000,
        "and typed",
        32_000,
    ]


def test_what_was_said_can_be_discarded(keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(keys, f"/listen\r{CTRL_C}next\r{CTRL_D}", Microphone()) == ["next"]
    assert "Discarded." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (None, "uses no microphone"),
        (Microphone(0.1), "That was too short"),
        (Microphone(problem="There is no microphone."), "There is no microphone."),
    ],
)
def test_a_turn_that_could_not_be_heard_says_why_and_typing_goes_on(
    sound: SoundDoor | None, words: str, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(keys, f"/listen\r\rtyped\r{CTRL_D}", sound) == ["typed"]
    assert words in capsys.readouterr().err
