"""Which back-end is attached: the one that fits, or the one that was asked for."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import pytest

from engine.backends import backend, choose
from engine.backends.cpu.numpy_step import NumpyStep
from engine.cli import main
from engine.engine import Engine
from engine.errors import RequestError


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARSHOT_BACKEND", raising=False)


@pytest.mark.parametrize(
    ("gpu", "cuda", "name"), [(False, False, "cpu"), (False, True, "cpu"), (True, False, "plain"), (True, True, "cuda")]
)
def test_what_fits_the_machine_is_taken(monkeypatch: pytest.MonkeyPatch, gpu: bool, cuda: bool, name: str) -> None:
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu if gpu else mx.cpu))
    monkeypatch.setattr(mx.cuda, "is_available", lambda: cuda)
    assert choose().name == name
    assert choose("plain").name == "plain"


def test_the_environment_says_otherwise_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_BACKEND", "plain")
    assert choose().name == "plain"
    assert choose(backend._fitting()).name == backend._fitting()
    monkeypatch.setenv("EARSHOT_BACKEND", "auto")
    assert choose().name == backend._fitting()


def test_one_that_is_unknown_or_does_not_work_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="'abacus' is not a back-end that Earshot knows; choose auto, plain"):
        choose("abacus")
    monkeypatch.setattr(backend, "_fitting", lambda: "cpu")
    with pytest.raises(RequestError, match="'cuda' does not work on this machine; choose plain or cpu"):
        choose("cuda")


def test_an_engine_computes_with_the_one_it_was_given(tiny_model: Path) -> None:
    plain = Engine.load(tiny_model, backend="plain")
    assert plain.backend.name == "plain"
    assert plain.llm.single_step is None
    assert isinstance(Engine.load(tiny_model, backend="cpu").llm.single_step, NumpyStep)


def test_the_command_line_takes_a_name(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "hello", "--model", str(tiny_model), "--backend", "abacus"]) == 2
    assert "'abacus' is not a back-end" in capsys.readouterr().err
