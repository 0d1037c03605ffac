"""The training of ear and language model: what several processes share, what a batch asks for, how training goes on."""

from __future__ import annotations

import random

import mlx.core as mx
import numpy as np
import onnxruntime

from engine.resources import resource
from starter.checks.held_out_check import word_errors
from starter.networks.speech_tokenizer import SpeechTokenizer
from starter.speech.sound_features import log_mel
from starter.texts.conversations import heard_sentence
from starter.texts.open_sentences import texts
from starter.texts.prompt_layout import Row
from starter.training.from_shipped import speech_tokenizer
from starter.training.rows import Cut, Heard, _learned, _together, disturbed


def test_nothing_that_is_held_out_is_heard_in_training() -> None:
    apart = {line.lower() for line in texts().testing}
    assert len(apart) > 1000
    assert not apart & {line.lower() for line in (*texts().training, *texts().definitions)}
    chance = random.Random(5)
    assert not apart & {heard_sentence(chance).lower() for _ in range(3000)}


def test_scores_are_asked_for_where_something_is_to_be_written() -> None:
    ids = np.array([[5, 6, 7, 8], [9, 10, 11, 12]], dtype=np.int32)
    weights = np.array([[0, 0, 2, 0], [0, 1, 0, 3]], dtype=np.float32)
    batch = _learned(ids, weights)
    assert len(batch["learned"]) == 1024  # rounded up, so that few shapes occur
    assert batch["learned"][:3].tolist() == [1, 3, 5]
    assert batch["targets"][:3].tolist() == [7, 10, 12]
    assert batch["wanted"][:4].tolist() == [2, 1, 3, 0]


def test_some_speech_tokens_are_read_wrongly_and_nothing_else() -> None:
    draws = np.random.default_rng(0)
    weights = draws.choice(np.float32([0, 1, 2]), (40, 96), p=(0.2, 0.6, 0.2))
    ids = np.where(weights == 1, draws.integers(5000, 6000, weights.shape), draws.integers(0, 100, weights.shape))
    ids = ids.astype(np.int32)
    batch = {"ids": ids, "places": np.full(ids.shape, -1, np.int32)} | _learned(ids, weights)
    heard = disturbed(batch, random.Random(3))
    other = heard["ids"] != ids
    assert 0.05 < other[:, 1:][weights[:, 1:] == 1].mean() < 0.11
    assert (weights[other] == 1).all()
    assert (heard["ids"][other] >= 5000).all()
    for name in ("targets", "wanted", "learned"):
        np.testing.assert_array_equal(heard[name], batch[name])


def test_letters_are_asked_for_only_where_the_sound_can_spell_them() -> None:
    def row_of(cut: Cut) -> tuple[Row, list[Cut]]:
        return Row([1, 2, 3, 4], [0, 0, 0, 2], [(1, 2, cut)]), [cut]

    long_enough = Cut((Heard(0, 16_000, "Yes, I do."),), 1.0, 0, 16_000)
    too_short = Cut((Heard(0, 3_200, "Nobody speaks so fast as that."),), 1.0, 0, 3_200)
    batch = _together([row_of(long_enough), row_of(too_short)], (64, 32, 1))
    assert batch["letter_counts"].tolist() == [8, 0]
    assert "letters" not in _together([row_of(long_enough)], (64, 250, 1))


def test_the_speech_tokenizer_comes_back_out_of_its_onnx_file() -> None:
    path = resource("starter") / "token2wav" / "speech_tokenizer_v2_25hz.onnx"
    network = SpeechTokenizer.of(speech_tokenizer(path))
    time = np.arange(32_000) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * 200 * time * (1 + 0.1 * np.sin(7 * time))) * (1 + np.sin(20 * time))
    mel = log_mel(mx.array(sound.astype(np.float32))[None])
    session = onnxruntime.InferenceSession(str(path))
    feeds = {"feats": np.array(mel).transpose(0, 2, 1), "feats_length": np.array([mel.shape[1]], np.int32)}
    (codes,) = session.run(None, feeds)
    assert len(np.unique(codes)) > 5
    # onnxruntime rounds a little differently, which tells where a digit lies at the edge between two.
    # A value that lies on a rounding threshold may fall to either side, which changes one of a code's eight digits.
    places = 3 ** np.arange(8)
    read, written = (found[..., None] // places % 3 for found in (np.array(network.codes(mel)), codes))
    assert (read == written).mean() >= 0.98


def test_word_errors_count_insertions_deletions_and_substitutions() -> None:
    assert word_errors(["One two.", "three four"], ["one too", "three and four"]) == 50.0
