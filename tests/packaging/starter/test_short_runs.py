"""However short a training of the starter is, every step does something and leaves what the next one reads."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.speech import natural_lines, natural_replies, natural_speech  # noqa: E402
from starter.speech.natural_texts import Line  # noqa: E402
from starter.speech.natural_voices import BUILT_IN, plain  # noqa: E402
from starter.speech.shards import Shards  # noqa: E402
from starter.speech.spoken_corpus import known_replies  # noqa: E402
from starter.training import train, train_language  # noqa: E402
from starter.training.plan import Plan  # noqa: E402

WHERE = ("--weights", "w", "--voices", "v", "--vocab", "c", "--device", "cpu")


def start(module: Any, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", [module.__name__, *map(str, arguments)])
    module.main()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 0.1


def test_a_training_of_no_time_makes_a_step() -> None:
    plan = Plan(10, 1e-9, 1.0)
    assert plan.progress(0) == 0
    assert plan.progress(1) >= 1


@pytest.mark.parametrize(("ear", "kinds"), [(0.2, ["spelling", "language"]), (0.0, ["language"])])
def test_ear_and_language_model_each_make_a_step_when_loading_took_all_the_time(
    ear: float, kinds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Batches:
        def __init__(self, work: Any, *_: object) -> None:
            self._kind = work.kind

        def next(self) -> tuple[dict[str, Any], None]:
            asked.append(self._kind)
            return {}, None

        def close(self) -> None:
            pass

    monkeypatch.setattr(train_language, "Source", lambda work: work)
    monkeypatch.setattr(train_language, "Prepared", Batches)
    trainer = SimpleNamespace(steps=0, device=torch.device("cpu"))

    def step(*_: object) -> dict[str, torch.Tensor]:
        trainer.steps += 1
        return {}

    trainer.step = step
    options = argparse.Namespace(
        **dict.fromkeys(("corpus", "tokenizer"), Path()), utterances=9, workers=1, mix=(1, 1, 1), checked=0
    )
    options.tokens, options.seconds, options.save_every, options.steps = 64, 1, 1e9, 10**9
    options.listing, options.refresh_every = "", 1e9
    schedule = train_language.Schedule(1e-9, 1.0, 0.0, ear)
    store = SimpleNamespace(full=True, hours=0.0)
    log = SimpleNamespace(write=lambda **_: None)
    train_language.Run(options, trainer, store, schedule, log).loop()  # type: ignore[arg-type]
    assert asked == kinds


def test_what_was_written_last_is_measured_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    check = train_language.Check(argparse.Namespace(out=tmp_path, tokenizer=tmp_path, checked=4, check_gpu=None))
    check.finish(7)
    ((*_, step, number, answers),) = ran
    assert (step, number, answers) == ("--step", "7", "--answers")


def test_the_most_wanted_replies_are_said_whatever_the_first_shard_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"Reply {word}." for word in ("one", "two", "three", "four", "five")]
    monkeypatch.setattr(natural_replies, "reply_texts", lambda *_: iter(texts))
    monkeypatch.setattr(natural_replies.Studio, "opened", lambda _: None)
    spoken = noise(16_000).numpy()
    monkeypatch.setattr(natural_replies, "said", lambda wanted, *_: ((text, spoken) for text in wanted))
    start(natural_replies, monkeypatch, tmp_path, *WHERE, "--count", 3, "--first", 50_000)
    assert known_replies(tmp_path) == set(texts[:3])
    assert (tmp_path / "50000.json").exists()


@pytest.fixture
def kokoro(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands in for the network of natural voices: every line takes a second. Counts the lines of each batch."""
    batches: list[int] = []

    class Network:
        device = torch.device("cpu")

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def samples(self, prosody: torch.Tensor, *_: object) -> torch.Tensor:
            batches.append(len(prosody))
            return noise(len(prosody), 24_000)

    def groups(_: object, count: int) -> list[list[Line]]:
        return [[Line("Good morning.", plain("af_heart"), (0, 0))] * count]

    def one_by_one(*given: Any) -> Iterator[list[natural_speech.Timed]]:
        for line in given[2][0]:
            yield [natural_speech.Timed(line, torch.zeros(1), torch.zeros(1), torch.zeros(1))]

    for name, value in {
        "Kokoro": Network,
        "unpacked": dict,
        "Phonemes": lambda *_: None,
        "batches": one_by_one,
    }.items():
        monkeypatch.setattr(natural_speech, name, value)
    monkeypatch.setattr(natural_speech.np, "load", lambda _: {})
    monkeypatch.setattr(natural_speech.Voices, "load", lambda _: SimpleNamespace(names=["af_heart"]))
    monkeypatch.setattr(natural_speech.Script, "__init__", lambda *_: None)
    monkeypatch.setattr(natural_speech.Script, "groups", groups)
    return batches


@pytest.mark.parametrize("size", [3, 1000])
def test_natural_speech_ends_after_its_hours_in_rounds_of_any_size(
    size: int, kokoro: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vocab.json").write_text("{}")
    where = ("--weights", "w", "--voices", "v", "--vocab", tmp_path / "vocab.json", "--device", "cpu")
    rounds = ("--round", size, "--first-round", size)
    start(natural_speech, monkeypatch, tmp_path, *where, "--hours", 10 / 3600, *rounds)
    assert sum(kokoro) == 10
    (shard,) = tmp_path.glob("nat-*[0-9].json")
    assert len(json.loads(shard.read_text())) == 10


def test_a_few_lines_are_enough_to_learn_from_and_to_measure_with(tmp_path: Path) -> None:
    writer = natural_lines.Writer(tmp_path, 2)
    sound = (noise(1, 3, 48_000).numpy() * 32767).astype(np.int16)
    line = natural_lines.Line("Good morning.", (0, 0), plain("bf_emma"), 0)
    for _ in range(5):
        writer.add([line], sound, sound[..., :32_000])
    writer.close()
    (tmp_path / "finished").write_text("")
    shards = Shards(tmp_path)
    shards.wait(900)
    assert len(shards.measuring) == 2 * natural_lines.VOICES
    assert [utterance.speaker for utterance in shards.training] == [*BUILT_IN, "bf_emma"] * 3


def test_steps_of_another_length_are_not_taken_for_done(tmp_path: Path) -> None:
    train.keep_scale(tmp_path, 0.5)
    train.keep_scale(tmp_path, 0.5)
    with pytest.raises(SystemExit, match=r"begun with --scale 0\.5"):
        train.keep_scale(tmp_path, 1.0)
