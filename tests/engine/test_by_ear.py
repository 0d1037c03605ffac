"""A model reads its sentences aloud and hears itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from engine import by_ear
from engine.by_ear import SENTENCES, EarCheck, checking_by_ear, language_to_check
from engine.engine import Engine
from engine.errors import RequestError
from engine.events import Pause, Progress, Samples
from engine.resources import resource
from engine.transcription.results import Options
from engine.word_errors import words_of
from tests.fakes import SmallEngine


class Echo(SmallEngine):
    """Speaks one second for each sentence, and understands of it what the test says."""

    def __init__(self, understands: Callable[[str], str] = str, **options: Any) -> None:
        super().__init__(**options)
        self.understands = understands
        self.read: list[str] = []
        self.heard: list[int] = []
        self.languages: list[str] = []
        self.warm = False

    def warming_networks(self) -> Iterator[None]:
        yield
        self.warm = True

    def recogniser(self, options: Options) -> Callable[[Sequence[Samples]], Iterator[tuple[int, str] | None]]:
        self.languages.append(options.language)

        def recognise(windows: Sequence[Samples]) -> Iterator[tuple[int, str] | None]:
            self.heard += [len(window) for window in windows]
            yield None
            yield 0, self.understands(self.read[-1])

        return recognise


@pytest.fixture(autouse=True)
def reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_aloud(model: Echo, text: str, _asked: None, _cancelled: Callable[[], bool]) -> Iterator[int]:
        assert model.warm, "what is warmed up while it reads would count as slowness"
        model.read.append(text)
        return iter([100] * 25)

    monkeypatch.setattr(by_ear, "read_aloud", read_aloud)


def check(model: Echo, language: str = "") -> tuple[EarCheck, list[Progress | Pause]]:
    steps, checking = [], checking_by_ear(model, language)  # type: ignore[arg-type]
    while True:
        try:
            steps.append(next(checking))
        except StopIteration as end:
            return end.value, steps


@pytest.mark.parametrize("language", SENTENCES)
def test_there_are_ten_sentences_of_a_hundred_words_in_all(language: str) -> None:
    assert len(SENTENCES[language]) == len(set(SENTENCES[language])) == 10
    assert sum(len(words_of(text)) for text in SENTENCES[language]) == 100


def test_a_model_that_understands_itself_understands_all_hundred_words() -> None:
    model = Echo(lambda text: text.upper().replace(".", " !"))
    done, steps = check(model, "en")
    assert (done.words, done.understood, done.language) == (100, 100, "en")
    assert model.read == list(SENTENCES["en"])
    assert model.heard == [16_000] * 10, "what it hears is the second that it said, at the rate of its ear"
    assert [step.done for step in steps if isinstance(step, Progress)] == list(range(11))
    kinds = Counter(type(step) for step in steps)
    assert kinds[Pause] >= 10 * (25 + 2), "after every id and every step of hearing somebody else may come first"


def test_words_that_are_wrong_missing_or_too_many_are_not_understood() -> None:
    heard = {SENTENCES["en"][0]: "The small goat came back the rain began tonight", SENTENCES["en"][1]: "green " * 40}
    done, _ = check(Echo(lambda text: heard.get(text, text)), "en")
    assert [sentence.understood for sentence in done.sentences] == [8, 0, *[10] * 8]
    assert (done.understood, done.sentences[0].heard) == (88, heard[SENTENCES["en"][0]])


def test_the_speed_is_speech_over_what_it_took_without_what_others_did_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(by_ear.time, "perf_counter", lambda: now[0])
    model, taken = Echo(), []

    def read_aloud(model: Echo, text: str, *_: Any) -> Iterator[int]:
        model.read.append(text)
        for _id in range(25):
            now[0] += 0.02  # the model's own
            yield 100

    monkeypatch.setattr(by_ear, "read_aloud", read_aloud)
    checking = checking_by_ear(model, "en")  # type: ignore[arg-type]
    while True:
        try:
            next(checking)
        except StopIteration as end:
            taken.append(end.value)
            break
        now[0] += 7.0  # a person's question
    assert (taken[0].speech_s, round(taken[0].took_s, 6), round(taken[0].speed, 6)) == (10.0, 5.0, 2.0)


def test_a_model_whose_speech_is_empty_understands_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_ear, "read_aloud", lambda *_: iter(()))
    done, _ = check(Echo(lambda text: pytest.fail("nothing sounded")), "en")
    assert (done.understood, done.words, done.speech_s, done.speed) == (0, 100, 0.0, 0.0)


@pytest.mark.parametrize(
    ("known", "wanted", "checked"),
    [([], "zh", "zh"), ([], "", "en"), (["en"], "zh", "en"), (["zh"], "en", "zh"), (["de", "zh"], "de", "zh")],
)
def test_it_is_checked_in_the_language_that_is_asked_for_if_it_speaks_it(
    known: list[str], wanted: str, checked: str
) -> None:
    model = Echo()
    model.about = {"languages": known}
    assert language_to_check(model, wanted) == checked  # type: ignore[arg-type]
    assert check(model, wanted)[0].language == checked
    assert model.languages == [checked]


def test_a_model_that_does_not_speak_says_so() -> None:
    with pytest.raises(RequestError, match="does not speak"):
        check(Echo(speaks=False))


def test_a_model_of_other_languages_says_which_can_be_checked() -> None:
    model = Echo()
    model.about = {"languages": ["de"]}
    with pytest.raises(RequestError, match="neither English nor Chinese"):
        check(model)


@pytest.mark.slow
def test_the_starter_understands_most_of_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # it reads for itself
    engine = Engine.load(resource("starter"))
    try:
        done, _ = check(engine, "zh")  # type: ignore[arg-type]
    finally:
        engine.close()
    assert (done.language, done.words) == ("en", 100)
    assert done.understood >= 80
    assert 15 < done.speech_s < 60
    assert np.isfinite(done.speed)
    assert done.speed > 0
