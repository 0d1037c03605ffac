"""Embeddings of a new tokenizer's tokens, out of those of the old one's that were heard in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from engine.language import Vocabulary  # noqa: E402
from engine.resources import resource  # noqa: E402
from starter.training import translate_tokens  # noqa: E402
from starter.training.averaged_weights import read, write  # noqa: E402


def test_a_token_becomes_the_mean_of_what_was_heard_in_its_place() -> None:
    table = torch.arange(8.0).view(4, 2)
    made = translate_tokens.translated(table, np.array([0, 1, 3, 0] * 500), np.array([2, 2, 0, 2] * 500))
    assert torch.allclose(made[2], (2 * table[0] + table[1]) / 3, atol=0.01)
    assert torch.allclose(made[0], table[3], atol=0.01)


def test_a_token_that_was_never_heard_becomes_the_mean_of_all() -> None:
    table = torch.arange(8.0).view(4, 2)
    made = translate_tokens.translated(table, np.array([0, 3]), np.array([2, 2]))
    assert made[1].tolist() == made[3].tolist() == ((table[0] + table[3]) / 2).tolist()


def test_only_speech_tokens_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = resource("starter")
    speech = Vocabulary.load(folder).speech
    table = torch.randn(speech.stop, 4).half()
    write({translate_tokens.TABLE: table, "other": torch.ones(2)}, tmp_path / "before")
    np.savez(tmp_path / "pairs.npz", old=np.array([7, 7], np.int16), new=np.array([5, 5], np.int16))
    given = [str(tmp_path / "before"), str(tmp_path / "after"), "--pairs", str(tmp_path / "pairs.npz")]
    monkeypatch.setattr("sys.argv", ["translate_tokens.py", *given, "--tokenizer", str(folder)])
    translate_tokens.main()
    made = read(tmp_path / "after")
    assert torch.equal(made[translate_tokens.TABLE][: speech.start], table[: speech.start])
    assert torch.allclose(made[translate_tokens.TABLE][speech.start + 5], table[speech.start + 7], atol=1e-2)
    assert made["other"].tolist() == [1, 1]
