from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import mlx.core as mx
import pytest

from engine.engine import Engine
from engine.errors import RequestError
from engine.events import Samples
from engine.language import Sampling
from engine.transcription.recogniser import Recogniser, WindowTask, without_loop
from engine.transcription.results import Options
from tests.sounds import babble


@pytest.fixture(scope="module")
def engine(tiny_model: Path, backend: str) -> Engine:
    return Engine.load(tiny_model, backend=backend)


def test_a_window_gives_the_same_text_alone_and_among_others(engine: Engine) -> None:
    windows = [babble(seconds, seed) for seed, seconds in ((0, 1.0), (2, 3.0), (3, 2.0))]
    recognise = Recogniser(engine, Options())
    together = dict(filter(None, recognise(windows)))
    assert sorted(together) == [0, 1, 2]
    for row, window in enumerate(windows):
        ((_, alone),) = filter(None, recognise([window]))
        shortest = min(len(alone), len(together[row]))
        assert shortest > 0
        assert alone[:shortest] == together[row][:shortest]


def test_buffers_of_one_window_do_not_pile_up_beside_those_of_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, kept_bytes = engine.hearing.encode_in_steps, []

    def watch(window: Samples) -> Generator[None, None, mx.array]:
        kept_bytes.append(mx.get_cache_memory())
        return encode(window)

    monkeypatch.setattr(engine.hearing, "encode_in_steps", watch)
    list(Recogniser(engine, Options())([babble(1.0 + 0.3 * seed, seed) for seed in range(4)]))
    assert kept_bytes[1:] == [0, 0, 0]
    assert mx.get_cache_memory() == 0


def test_neither_marks_nor_speech_tokens_get_into_the_text(engine: Engine) -> None:
    vocabulary = engine.vocabulary
    ids = [*vocabulary.encode("Hello"), vocabulary.tts_start, vocabulary.speech[5], *vocabulary.encode(" there ")]
    assert WindowTask(engine, Options()).text(ids) == "Hello there"


def test_translation_asks_for_another_text_than_transcription(engine: Engine) -> None:
    sound = babble(2.0)
    texts = {
        dict(filter(None, Recogniser(engine, options)([sound])))[0]
        for options in (Options(), Options(translate_to="zh"), Options(translate_to="en"), Options(language="en"))
    }
    assert len(texts) == 4


def test_a_language_the_model_does_not_know_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "about", property(lambda self: {"languages": ["en"]}))
    with pytest.raises(RequestError, match="knows only English, not Japanese: choose another model"):
        Recogniser(engine, Options(language="ja"))
    unhinted = WindowTask(engine, Options()).prompt(5)
    assert WindowTask(engine, Options(language="en")).prompt(5) == unhinted


def test_ids_are_chosen_as_the_models_folder_asks(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"transcribe": {"repetition_penalty": 1.2}, "translate": {"temperature": 0.1}}
    monkeypatch.setattr(Engine, "about", property(lambda self: {"sampling": asked}))
    assert WindowTask(engine, Options()).sampling == Sampling(repetition_penalty=1.2)
    assert WindowTask(engine, Options(translate_to="en")).sampling == Sampling(temperature=0.1)


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 2, 7, 7, 7, 7, 7], [1, 2, 7]),
        ([1, 5, 6, 5, 6, 5, 6, 5, 6, 5], [1, 5, 6]),
        ([1, 2, 7, 7, 7], [1, 2, 7, 7, 7]),
        ([], []),
    ],
)
def test_a_loop_at_the_end_is_cut_to_one_round(ids: list[int], kept: list[int]) -> None:
    assert without_loop(ids) == kept
