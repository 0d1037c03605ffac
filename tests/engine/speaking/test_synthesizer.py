"""Speech tokens become the same speech whole and in pieces, without end and without clicks."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import RequestError
from engine.speaking import Speaking, SpeechChunk, Synthesizer, Voice

TOKENS = np.random.default_rng(0).integers(0, 6561, 400).astype(np.int32)
SAMPLES_PER_TOKEN = 960


def _stream(synthesizer: Synthesizer, tokens: NDArray[np.int32], at_once: int = 1) -> list[SpeechChunk]:
    pieces = []
    for start in range(0, len(tokens), at_once):
        synthesizer.push(tokens[start : start + at_once])
        while (piece := synthesizer.step()) is not None:
            pieces.append(piece)
    synthesizer.finish()
    while (piece := synthesizer.step()) is not None:
        pieces.append(piece)
    return pieces


@pytest.mark.parametrize("count", [1, 2, 3, 12, 13, 14, 28, 29, 60])
def test_a_stream_of_any_length_gives_all_of_its_speech(synthesizer: Synthesizer, count: int) -> None:
    pieces = _stream(synthesizer, TOKENS[:count])
    assert sum(len(piece.samples_24k) for piece in pieces) == count * SAMPLES_PER_TOKEN
    assert [piece.first_token for piece in pieces] == list(np.cumsum([0] + [piece.tokens for piece in pieces[:-1]]))
    assert sum(piece.tokens for piece in pieces) == count


@pytest.mark.parametrize("count", [1, 2, 30])
def test_whole_speech_has_its_length_and_is_sound(synthesizer: Synthesizer, count: int) -> None:
    samples = synthesizer(TOKENS[:count])
    assert samples.shape == (count * SAMPLES_PER_TOKEN,)
    assert np.isfinite(samples).all()
    assert 0 < np.abs(samples).max() <= 0.99


def test_a_stream_in_one_piece_is_nearly_the_whole(speaking: Speaking, voice: Voice) -> None:
    """Only what the voice's caches do not know of the speech differs: attention from the voice to the new frames."""
    made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=4, chunk_tokens=(100,))
    whole = made(TOKENS[:40])
    streamed = np.concatenate([piece.samples_24k for piece in _stream(made, TOKENS[:40])])
    assert np.corrcoef(whole, streamed)[0, 1] > 0.95


@pytest.mark.parametrize("whole", [True, False])
def test_speech_without_guidance_is_that_of_guidance_nought_at_half_the_rows(
    speaking: Speaking, voice: Voice, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    rows: list[int] = []
    final = type(speaking.flow.estimator.final_layer)
    called = final.__call__

    def noted(self: object, x: mx.array, modulation: mx.array) -> mx.array:
        rows.append(x.shape[0])
        return called(self, x, modulation)

    monkeypatch.setattr(final, "__call__", noted)

    def spoken() -> NDArray[np.float32]:
        made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=3, guidance=0.0)
        return made(TOKENS[:40]) if whole else np.concatenate([p.samples_24k for p in _stream(made, TOKENS[:40])])

    halved, cost = spoken(), sum(rows)
    rows.clear()
    monkeypatch.setattr(type(speaking.flow), "guided", lambda self, rate: True)
    np.testing.assert_allclose(halved, spoken(), atol=1e-4)
    assert 2 * cost == sum(rows)


def test_how_tokens_arrive_does_not_change_the_speech(speaking: Speaking, voice: Voice) -> None:
    one, other = (Synthesizer(speaking.flow, speaking.vocoder, voice, steps=2, chunk_tokens=(10, 25)) for _ in range(2))
    slowly = np.concatenate([piece.samples_24k for piece in _stream(one, TOKENS[:45])])
    fast = np.concatenate([piece.samples_24k for piece in _stream(other, TOKENS[:45], at_once=45)])
    np.testing.assert_allclose(slowly, fast, atol=1e-5)


def test_the_first_piece_needs_few_tokens(synthesizer: Synthesizer) -> None:
    synthesizer.push(TOKENS[:12])
    assert synthesizer.step() is None
    synthesizer.push(TOKENS[12:13])
    piece = synthesizer.step()
    assert piece is not None
    assert len(piece.samples_24k) >= 0.2 * 24_000


def test_pieces_are_as_large_as_is_wished_and_the_last_one_takes_what_is_left(synthesizer: Synthesizer) -> None:
    synthesizer.push(TOKENS[:140])
    sizes = []
    for size in (10, 20, 50, 50):
        piece = synthesizer.step(size)
        assert piece is not None
        sizes.append(piece.tokens)
    assert sizes == [6, 20, 50, 50]
    assert synthesizer.step(20) is None
    synthesizer.finish()
    piece = synthesizer.step(7)
    assert piece is not None
    assert piece.tokens == 140 - sum(sizes)
    assert synthesizer.step(7) is None


def test_reset_in_the_middle_leaves_nothing_behind(synthesizer: Synthesizer) -> None:
    first = [piece.samples_24k for piece in _stream(synthesizer, TOKENS[:40])]
    synthesizer.reset()
    synthesizer.push(TOKENS[100:140])
    synthesizer.step()
    synthesizer.reset()
    again = [piece.samples_24k for piece in _stream(synthesizer, TOKENS[:40])]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_the_same_seed_speaks_the_same_and_another_differently(speaking: Speaking, voice: Voice) -> None:
    def spoken(seed: int) -> NDArray[np.float32]:
        return Synthesizer(speaking.flow, speaking.vocoder, voice, steps=2, seed=seed)(TOKENS[:10])

    np.testing.assert_array_equal(spoken(3), spoken(3))
    assert np.abs(spoken(3) - spoken(4)).max() > 1e-3


def test_speaking_whole_does_not_disturb_a_stream(synthesizer: Synthesizer) -> None:
    undisturbed = np.concatenate([piece.samples_24k for piece in _stream(synthesizer, TOKENS[:40], 40)])
    synthesizer.reset()
    synthesizer.push(TOKENS[:40])
    pieces = [synthesizer.step()]
    synthesizer(TOKENS[:5])
    pieces.append(synthesizer.step())
    synthesizer.finish()
    while pieces[-1] is not None:
        pieces.append(synthesizer.step())
    np.testing.assert_array_equal(np.concatenate([piece.samples_24k for piece in pieces if piece]), undisturbed)


@pytest.mark.slow
def test_endless_speech_takes_no_more_memory(synthesizer: Synthesizer) -> None:
    held = []
    for round_ in range(12):
        synthesizer.push(TOKENS[:100])
        while synthesizer.step() is not None:
            pass
        if round_ >= 9:  # every cache is full after 30 seconds
            held.append(mx.get_active_memory())
    assert max(held) <= 1.02 * min(held)


def test_no_boundary_jumps_more_than_the_speech_itself(synthesizer: Synthesizer) -> None:
    pieces = [piece.samples_24k for piece in _stream(synthesizer, TOKENS[:150])]
    samples = np.concatenate(pieces)
    jumps = np.abs(np.diff(samples))
    places = np.cumsum([len(piece) for piece in pieces])[:-1] - 1
    assert len(places) >= 4
    assert jumps[places].max() <= np.percentile(jumps, 99.9)


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        ([], "There are no speech tokens"),
        ([5, 6561], "Speech token 6561 does not exist: they go from 0 to 6560"),
        ([-1], "Speech token -1 does not exist"),
        ([0.5], "whole numbers"),
    ],
)
def test_tokens_that_cannot_be_spoken_are_refused(synthesizer: Synthesizer, tokens: list[int], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        synthesizer(tokens)


def test_a_wrong_token_in_a_stream_is_refused_and_the_stream_goes_on(synthesizer: Synthesizer) -> None:
    synthesizer.push(TOKENS[:5])
    with pytest.raises(RequestError, match="9999 does not exist"):
        synthesizer.push([9999])
    assert sum(len(piece.samples_24k) for piece in _stream(synthesizer, TOKENS[5:9])) == 9 * SAMPLES_PER_TOKEN


def test_a_finished_stream_takes_no_more_tokens(synthesizer: Synthesizer) -> None:
    synthesizer.finish()
    assert synthesizer.step() is None
    with pytest.raises(RequestError, match="already finished"):
        synthesizer.push([1])


def test_no_steps_are_refused(speaking: Speaking, voice: Voice) -> None:
    with pytest.raises(RequestError, match="at least one flow step, not 0"):
        Synthesizer(speaking.flow, speaking.vocoder, voice, steps=0)
