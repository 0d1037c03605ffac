"""What was said, as a file, before anything is done with it. These functions run on the disk's thread."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from app.audio.microphone import RATE_HZ, peaks
from app.audio.turn_detector import has_speech
from app.translations import sentence
from engine import samples as sounds
from engine.errors import SoundError
from engine.events import Samples
from engine.storage import replacing

LONGEST_ATTACHMENT_S = 300.0
VOICE_S = 5.0


@dataclass(frozen=True, eq=False)
class Utterance:
    """A recording on disk: mono at 16 kHz."""

    samples_16k: Samples
    file: str
    peaks: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples_16k) / RATE_HZ


def write_recording(
    samples_16k: Samples, path: Path, *, checked: bool = True, about: Path | None = None
) -> Utterance | None:
    """Write a recording as flac, behind the one it is about; None when it holds no speech (and `checked`). Raises
    StorageError, SoundError.
    """
    if checked and not has_speech(samples_16k):
        return None
    if about is not None:
        samples_16k = np.concatenate([read_attachment(about), np.zeros(RATE_HZ // 2, np.float32), samples_16k])
    packed = io.BytesIO()
    soundfile.write(packed, samples_16k, RATE_HZ, format="FLAC", subtype="PCM_16")
    with replacing(path, private=True) as file:
        file.write(packed.getvalue())
    return Utterance(samples_16k, path.name, peaks(samples_16k))


def read_attachment(path: Path) -> Samples:
    """A short recording to ask about, at 16 kHz. Raises SoundError."""
    declared_s, heard_s = sounds.probe(path).duration_s, 0.0
    blocks: list[Samples] = []
    with closing(sounds.stream(path, RATE_HZ)) as stream:
        for block in stream:
            blocks.append(block)
            heard_s += len(block) / RATE_HZ
            if max(declared_s, heard_s) > LONGEST_ATTACHMENT_S:  # not every file says how long it is
                words = sentence("{name} is longer than five minutes: drop it on the Transcribe page to transcribe it.")
                raise SoundError(words.format(name=path.name))
    return np.concatenate(blocks)


def write_as_wav(source: Path, path: Path) -> None:
    """Write one of Earshot's own sound files as wav, for another app. Raises StorageError, SoundError."""
    if source.suffix == ".wav":
        copy_sound(source, path)
    else:
        sounds.write_wav(path, sounds.read(source, RATE_HZ), RATE_HZ)


def copy_sound(source: Path, path: Path) -> None:
    """Copy a sound file to where the user wants it. Raises StorageError, SoundError."""
    if not source.is_file():
        raise SoundError(sentence("The sound of this answer is gone: have it spoken again."))
    with replacing(path) as file:
        file.write(source.read_bytes())
