"""The training of ear and language model: what several processes share, what a batch asks for, how training goes on."""

from __future__ import annotations

import random
from pathlib import Path

import mlx.core as mx
import numpy as np
import onnxruntime
import pytest
from averaging import Companions
from conversations import heard_sentence
from from_shipped import speech_tokenizer, trained
from held_out_check import edits, word_errors
from open_sentences import texts
from prompt_layout import Row
from rows import Cut, Heard, _learned, _together
from sound_features import log_mel
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from train_language import Part, Schedule, Starter, Trainer, losses, part_of, spelling_loss

from engine.resources import resource


def test_processes_take_the_mean_of_their_weights_and_go_on_when_one_has_left(tmp_path: Path) -> None:
    companions = Companions(tmp_path, 0, 2, every_s=0.0)
    assert companions.due
    theirs = {"0": mx.array([3.0, 5.0]), "1": mx.array([1.0], dtype=mx.bfloat16)}
    mx.save_safetensors(str(tmp_path / "1-1.safetensors"), theirs)
    weights, moments = companions.average([mx.array([1.0, 1.0]), mx.array([2.0], dtype=mx.bfloat16)])
    assert weights.tolist() == [2.0, 3.0]
    assert moments.astype(mx.float32).tolist() == [1.5]
    assert moments.dtype == mx.bfloat16
    Companions(tmp_path, 1, 2).leave()
    (alone,) = companions.average([mx.array([7.0])])
    assert alone.tolist() == [7.0]
    assert not companions.due  # nobody is left to meet


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
    assert len(batch["learned"]) == 4096  # rounded up, so that few shapes occur
    assert batch["learned"][:3].tolist() == [1, 3, 5]
    assert batch["targets"][:3].tolist() == [7, 10, 12]
    assert batch["wanted"][:4].tolist() == [2, 1, 3, 0]


def test_letters_are_asked_for_only_where_the_sound_can_spell_them() -> None:
    def row_of(cut: Cut) -> tuple[Row, list[Cut]]:
        return Row([1, 2, 3, 4], [0, 0, 0, 2], [(1, 2, cut)]), [cut]

    long_enough = Cut((Heard(0, 16_000, "Yes, I do."),), 1.0, 0, 16_000)
    too_short = Cut((Heard(0, 3_200, "Nobody speaks so fast as that."),), 1.0, 0, 3_200)
    batch = _together([row_of(long_enough), row_of(too_short)], (64, 32, 1))
    assert batch["letter_counts"].tolist() == [8, 0]
    assert "letters" not in _together([row_of(long_enough)], (64, 130, 1))


def test_rows_without_letters_do_not_count() -> None:
    logits = mx.random.normal((2, 12, 29), key=mx.random.key(1))
    letters, frames = mx.array([[3, 4, 5], [0, 0, 0]]), mx.array([12, 12])
    both = spelling_loss(logits, frames, letters, mx.array([3, 0]))
    alone = spelling_loss(logits[:1], frames[:1], letters[:1], mx.array([3]))
    assert both.item() == pytest.approx(alone.item(), rel=1e-5)
    assert spelling_loss(logits, frames, letters, mx.array([0, 0])).item() == 0.0


def test_sounds_are_disturbed_more_and_more_while_the_ear_learns_alone() -> None:
    schedule = Schedule(minutes=10, peak=1.0, started=0.0, ear=0.4)
    strengths = [schedule.strength(progress) for progress in (0.0, 0.2, 0.39, 0.6, 1.0)]
    assert strengths[0] < strengths[1] < strengths[2]
    assert strengths[3] > strengths[4] > strengths[0]
    assert schedule.rate(0, 0.5) < schedule.rate(300, 0.5)  # each phase warms up
    assert schedule.rate(300, 1.0) < 0.02 < schedule.rate(300, 0.0)


@pytest.fixture(scope="module")
def shipped() -> dict[str, mx.array]:
    return trained(resource("starter"))


def test_training_goes_on_from_the_shipped_weights(shipped: dict[str, mx.array], tmp_path: Path) -> None:
    mx.save_safetensors(str(tmp_path / "weights-0.safetensors"), shipped)
    trainer = Trainer(mx.float32)
    trainer.load(tmp_path)
    named = dict(trainer._tree(trainer._weights))
    assert set(shipped) <= set(named)
    assert named.keys() - shipped.keys() >= {"letters.weight", "letters.bias"}
    for name, value in shipped.items():
        assert mx.array_equal(named[name], value.astype(mx.float32)), name
    (tmp_path / "again").mkdir()
    trainer.save(tmp_path / "again")
    again = sorted((tmp_path / "again").glob("weights-*.safetensors"))
    assert sum(path.stat().st_size for path in again) > 40e6
    assert all(path.stat().st_size < 16e6 for path in again)


def test_more_blocks_than_were_shipped_change_nothing_at_first(shipped: dict[str, mx.array], tmp_path: Path) -> None:
    kept = {name: value for name, value in shipped.items() if not name.startswith("encoder.blocks.5.")}
    mx.save_safetensors(str(tmp_path / "weights-0.safetensors"), kept)
    trainer = Trainer(mx.float32)
    trainer.load(tmp_path)
    x = mx.random.normal((1, 6, 256), key=mx.random.key(2))
    assert mx.allclose(trainer.net.encoder.blocks[5](x, None), x)


def test_weights_that_do_not_learn_do_not_fade() -> None:
    trainer = Trainer(mx.float32)
    before = dict(trainer._tree(trainer._weights))["llm.model.norm.weight"]
    sound = (mx.ones((1, 9600), dtype=mx.int16), mx.array([9000]), mx.ones(1), mx.array([0]), mx.array([8000]))
    part = Part({}, (mx.array([[3, 4]]), mx.array([2])), sound, 8000)
    encoder = dict(trainer._tree(trainer._weights))["encoder.conv1.weight"]
    figures = trainer.step(part, 1, 0.1, 0.3)
    after = dict(trainer._tree(trainer._weights))
    assert np.isfinite(figures["spelling"].item())
    assert mx.array_equal(after["llm.model.norm.weight"], before)
    assert not mx.array_equal(after["encoder.conv1.weight"], encoder)


def test_the_speech_tokenizer_comes_back_out_of_its_onnx_file() -> None:
    path = resource("starter") / "token2wav" / "speech_tokenizer_v2_25hz.onnx"
    network = SpeechTokenizer(TokenizerConfig())
    network.load_weights(list(speech_tokenizer(path).items()))
    time = np.arange(32_000) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * 200 * time * (1 + 0.1 * np.sin(7 * time))) * (1 + np.sin(20 * time))
    mel = log_mel(mx.array(sound.astype(np.float32))[None])
    session = onnxruntime.InferenceSession(str(path))
    feeds = {"feats": np.array(mel).transpose(0, 2, 1), "feats_length": np.array([mel.shape[1]], np.int32)}
    (codes,) = session.run(None, feeds)
    assert len(np.unique(codes)) > 5
    # onnxruntime rounds a little differently, which tells where a digit lies at the edge between two.
    assert (np.array(network.codes(mel)) == codes).mean() >= 0.95


def test_a_batch_without_sound_teaches_the_language_model_alone() -> None:
    net = Starter()
    written = _learned(np.array([[5, 6, 7, 8]], np.int32), np.array([[0, 0, 2, 1]], np.float32))
    batch = {"ids": np.array([[5, 6, 7, 8]], np.int32), "places": np.full((1, 4), -1, np.int32), **written}
    figures = losses(net, part_of(None, batch, spells=True), mx.random.key(0), 0.5, mx.float32)
    assert "spelling" not in figures
    expected = (2 * figures["text"].item() + figures["speech"].item()) / 3
    assert figures["all"].item() == pytest.approx(expected, rel=1e-5)


def test_word_errors_count_insertions_deletions_and_substitutions() -> None:
    assert edits(["a", "b", "c", "d"], ["a", "x", "c"]) == 2
    assert edits([], ["a"]) == 1
    assert word_errors(["One two.", "three four"], ["one too", "three and four"]) == 50.0
