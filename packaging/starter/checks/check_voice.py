"""Hear each stage of the voices with an ear we did not train: word errors of pocketsphinx on the same sentences.

    python -m starter.checks.check_voice resources/starter/token2wav --weights kokoro.npz --voices V --vocab V.json

The recording of a voice's target, the vocoder alone (true mel to sound), and the speech tokens of the woman's recording
through flow and vocoder, whole and in pieces as the app plays it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.checkpoints.load_speaking import load_speaking
from engine.samples import resample, write_wav
from engine.speaking import Speaking, Synthesizer
from engine.speaking.voice_features import voice_mel
from engine.word_errors import edits
from starter.networks.network_sizes import FLOW_STEPS
from starter.speech.natural_lines import Studio, add_arguments, alone
from starter.speech.natural_voices import BUILT_IN, NAMES, REPLY_VOICE
from starter.texts.conversations import conversation

Sound = NDArray[np.float32]
SENTENCES = (
    "The weather will be warm and sunny in the morning.",
    "Twelve times seven is eighty four.",
    "I have set a timer for fifteen minutes.",
    "Please open the window before you go to bed.",
    "My sister bought three green apples at the market.",
    "The train to the city leaves at half past nine.",
    "He did not know the answer to that question.",
    "There are sixty seconds in a minute and sixty minutes in an hour.",
    "The old house stood at the end of a long street.",
    "She wants to learn how to play the piano.",
    "Water boils at one hundred degrees.",
    "We walked along the river until it was dark.",
    "Can you tell me the name of the largest ocean?",
    "The doctor said that he should drink more water.",
    "I am sorry, but I do not know that.",
    "Nineteen plus twenty three is forty two.",
    "The children are playing in the garden with a dog.",
    "Read the first page of the book and then close it.",
    "The capital of France is Paris.",
    "A good friend is worth more than a bag of gold.",
    "The ship was lost in a storm many years ago.",
    "Five kilometers is about three miles.",
    "Your meeting starts at ten o'clock on Monday.",
    "The teacher wrote a few words on the board.",
    "He put the letter in his pocket and left the room.",
    "Most birds can fly, but some of them cannot.",
    "The price of the ticket is twenty five dollars.",
    "They built a bridge across the valley last summer.",
    "It takes a long time to grow a tree.",
    "Thank you very much, and have a nice evening.",
)


def word_edits(heard: str, said: str) -> tuple[int, int]:
    """Wrong words and spoken words of a sentence."""
    spoken = _words(said)
    return edits(spoken, _words(heard)), len(spoken)


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split()


def heard(samples_24k: Sound) -> str:
    """What pocketsphinx hears."""
    at_16k = resample(samples_24k, 24_000, 16_000)
    at_16k = np.concatenate([np.zeros(4000, np.float32), at_16k, np.zeros(8000, np.float32)])
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        write_wav(file.name, at_16k, 16_000)
        command = ["pocketsphinx_continuous", "-infile", file.name, "-logfn", "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def copied(speaking: Speaking, sound: Sound) -> Sound:
    """The sound through mel and vocoder."""
    mel = mx.array(voice_mel(sound))[None]
    noise = mx.random.normal((1, mel.shape[1] * 480), key=mx.random.key(0))
    return np.array(speaking.vocoder(mel, noise))[0]


def streamed(synthesizer: Synthesizer, tokens: NDArray[np.int32]) -> Sound:
    """The tokens in pieces, as the app speaks them."""
    synthesizer.reset()
    synthesizer.push(tokens)
    synthesizer.finish()
    pieces = []
    while (piece := synthesizer.step()) is not None:
        pieces.append(piece.samples_24k)
    return np.concatenate(pieces)


def stages(speaking: Speaking, steps: int, voice: str) -> dict[str, Callable[[Sound, Sound], Sound]]:
    """Each stage as a function from the target's recording and the one whose tokens are spoken to what is heard."""
    synthesizer = speaking.synthesizer(speaking.voice(voice), steps=steps)

    def tokens(sound: Sound) -> NDArray[np.int32]:
        vocabulary = speaking.flow.config.vocab_size
        return speaking.networks.speech_tokens(resample(sound, 24_000, 16_000), vocabulary)

    return {
        "target": lambda target, _: target,
        "vocoder": lambda target, _: copied(speaking, target),
        "whole": lambda _, said: synthesizer(tokens(said)),
        "streamed": lambda _, said: streamed(synthesizer, tokens(said)),
    }


def texts(count: int) -> list[str]:
    """The sentences, and from then on held-out replies of the model."""
    chance, found = random.Random(77), list(SENTENCES)
    while len(found) < count:
        answer = conversation(chance, test=True).turns[0].answer
        if len(answer.split()) > 3 and answer not in found:
            found.append(answer)
    return found[:count]


def recording(studio: Studio, name: str, text: str) -> Sound:
    """A text said by a voice's target at 24 kHz, in whole frames of two."""
    sound = alone(studio, text, name)
    return sound[: len(sound) // 960 * 960]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_arguments(parser)
    parser.add_argument("--count", type=int, default=70)
    parser.add_argument("--steps", type=int, default=FLOW_STEPS)
    parser.add_argument("--wavs", type=Path)
    options = parser.parse_args()
    speaking, studio, wanted = load_speaking(options.folder), Studio.opened(options), texts(options.count)
    said = [recording(studio, REPLY_VOICE, text) for text in wanted]
    for who, name in BUILT_IN.items():
        targets = said if name == REPLY_VOICE else [recording(studio, name, text) for text in wanted]
        for stage, heard_of in stages(speaking, options.steps, NAMES[who]).items():
            started = time.perf_counter()
            sounds = [heard_of(*both) for both in zip(targets, said, strict=True)]
            work_s = (time.perf_counter() - started) / sum(len(sound) / 24_000 for sound in sounds)
            counts = [word_edits(heard(sound), text) for text, sound in zip(wanted, sounds, strict=True)]
            wrong, words = (sum(part) for part in zip(*counts, strict=True))
            print(f"{NAMES[who]} {stage}: word error {wrong / words:.1%} of {words}, {work_s:.2f} s a second")
            for number, sound in enumerate(sounds if options.wavs else ()):
                options.wavs.mkdir(parents=True, exist_ok=True)
                write_wav(options.wavs / f"{NAMES[who]}-{stage}-{number:02}.wav", sound, 24_000)


if __name__ == "__main__":
    main()
