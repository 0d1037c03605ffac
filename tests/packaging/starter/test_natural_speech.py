"""What natural voices say and who of them is kept for the tests; the rooms and noises they are heard in."""

from __future__ import annotations

import ctypes.util
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from starter.speech.natural_voices import HELD_OUT, Casting, NaturalSpeaker, Voices, plain
from starter.speech.surroundings import NOISE_SAMPLES, ROOM_SAMPLES, noises, room
from starter.texts.everyday_sentences import everyday_sentence

NAMES = ["af_bella", "af_heart", "af_nova", "am_echo", "am_eric", "bf_emma", "bm_lewis", "ff_siwis", "zf_xiaoyi"]


def styles(value: float) -> NDArray[np.float32]:
    return np.full((510, 256), value, np.float32)


def test_voices_of_the_tests_are_never_drawn_not_even_in_mixtures() -> None:
    casting = Casting(NAMES, random.Random(3))
    speakers = [casting.next() for _ in range(2000)]
    drawn = {name for speaker in speakers for name, _ in (*speaker.look, *speaker.manner)}
    assert drawn == set(NAMES) - set(HELD_OUT)
    assert all(0.8 <= speaker.speed <= 1.3 for speaker in speakers)
    for speaker in speakers:
        for shares in (speaker.look, speaker.manner):
            assert sum(share for _, share in shares) == pytest.approx(1, abs=0.02)


def test_a_mixture_takes_timbre_and_manner_from_different_voices() -> None:
    voices = Voices({"one": styles(1.0), "two": styles(2.0), "three": styles(3.0)})
    style = voices.style(NaturalSpeaker((("one", 0.5), ("two", 0.5)), (("three", 1.0),), 1.0, False), 7)
    assert style[:128].tolist() == [1.5] * 128
    assert style[128:].tolist() == [3.0] * 128
    assert voices.style(plain("two"), 9999).tolist() == [2.0] * 256


def test_everyday_sentences_have_no_digits_and_training_gets_none_of_the_tests() -> None:
    chance = random.Random(4)
    training = {everyday_sentence(chance) for _ in range(4000)}
    testing = {everyday_sentence(chance, test=True) for _ in range(200)}
    assert not any(letter in "0123456789{}" for text in (*training, *testing) for letter in text)
    assert not {text.lower() for text in training} & {text.lower() for text in testing}
    assert len(training) > 2000


@pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="needs espeak-ng's library")
def test_phonemes_have_their_accent_their_stress_and_the_stops_of_the_text() -> None:
    from starter.speech.phonemes import Phonemes

    phonemes = Phonemes()
    assert phonemes("Water, please!") == "wˈɔTəɹ, plˈiz!"
    assert phonemes("The last boat?", british=True) == "ðə lˈɑːst bˈQt?"


@pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="needs espeak-ng's library")
def test_the_letter_a_is_no_article_among_letters() -> None:
    from starter.speech.phonemes import Phonemes

    phonemes = Phonemes()
    assert phonemes("At seven A M.") == "æt sˈɛvən ˈA ˈɛm."
    assert phonemes("B A C A.") == "bˈi ˈA sˈi ˈA."
    assert phonemes("A man.") == "ə mˈæn."


def test_a_room_begins_with_the_direct_sound_and_dies_away() -> None:
    responses = np.stack([room(np.random.default_rng(seed), 1.0) for seed in range(12)])
    assert responses.shape == (12, ROOM_SAMPLES)
    np.testing.assert_allclose((responses**2).sum(1), 1.0, rtol=1e-4)
    assert (np.abs(responses[:, 0]) > 0).all()
    energy = (responses**2).reshape(12, 4, -1).sum(2)
    assert (energy[:, 0] > energy[:, -1]).all()


def test_far_away_less_of_the_sound_is_direct() -> None:
    direct = [
        np.mean([room(np.random.default_rng(s), m)[:40].astype(float) ** 2 for s in range(20)]) for m in (0.3, 3.0)
    ]
    assert direct[0] > 2 * direct[1]


def test_noises_are_loud_alike_and_each_another() -> None:
    made = noises(12)
    assert made.shape == (12, NOISE_SAMPLES)
    np.testing.assert_allclose(made.std(axis=1), 1.0, atol=0.02)
    assert np.abs(np.corrcoef(made) - np.eye(12)).max() < 0.5
