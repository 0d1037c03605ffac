"""All of one token2wav folder: its networks, its built-in voices, and synthesizers that speak with them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import Sentence, VoiceError
from engine.events import Samples
from engine.resources import resource
from engine.samples import resample
from engine.speaking.flow import Flow
from engine.speaking.flow_stream import FlowState
from engine.speaking.recording import best_part, checked, read_recording
from engine.speaking.synthesizer import Synthesizer
from engine.speaking.vocoder import Vocoder
from engine.speaking.voice import Voice
from engine.speaking.voice_features import RATE_MEL_HZ, RATE_TOKENS_HZ, fitted, voice_mel
from engine.speaking.voice_networks import VoiceNetworks
from engine.speaking.work_thread import WorkThread

DEFAULT_STEPS = 10
_PREPARED_VOICES = 2


class Speaking:
    """Networks and voices of a token2wav folder.

    `steps` is the number of flow steps the model wants by default; `beside` says whether speech is better made on a
    thread of its own, and `first_alone` whether the writing had better wait for the first piece even so.
    """

    def __init__(
        self,
        folder: Path,
        flow: Flow,
        vocoder: Vocoder,
        *,
        steps: int = DEFAULT_STEPS,
        beside: bool = False,
        first_alone: bool = False,
    ) -> None:
        self.folder = folder
        self.flow, self.vocoder = flow, vocoder
        self.default_steps = steps
        self._thread = WorkThread("speaking") if beside else None
        self._first_alone = first_alone
        self._measured: list[tuple[int, float]] = []  # pieces of speech, when it was warmed up
        self.networks = VoiceNetworks(folder)
        self._built_in: dict[str, Voice] = {}
        self._prepared: dict[tuple[object, ...], FlowState] = {}

    def close(self) -> None:
        """End its thread."""
        if self._thread is not None:
            self._thread.close()

    def voice_names(self) -> list[str]:
        """Names of the built-in voices, without analysing them."""
        return list(built_in_voices(self.folder))

    def voices(self) -> tuple[Voice, ...]:
        """The built-in voices. Raises CheckpointError or VoiceError when one is damaged."""
        return tuple(self.voice(name) for name in self.voice_names())

    def voice(self, name: str) -> Voice:
        """A built-in voice by name. Raises VoiceError when there is none of this name."""
        if name not in self._built_in:
            files = built_in_voices(self.folder)
            if name not in files:
                known = ", ".join(files) or "none"
                raise VoiceError(
                    "There is no voice {name!r}. Built-in voices: {known}. Add one: earshot voice add NAME FILE.",
                    name=name,
                    known=known,
                )
            self._built_in[name] = self._load(files[name], name)
        return self._built_in[name]

    def default_voice(self) -> Voice:
        """The first built-in voice. Raises VoiceError when the model brings none."""
        names = self.voice_names()
        if not names:
            raise VoiceError("This model has no voice of its own. Add one: earshot voice add NAME FILE.")
        return self.voice(names[0])

    def analyse_file(self, path: Path, name: str) -> Voice:
        """A voice from a sound file of any length. Raises SoundError, VoiceError or CheckpointError."""
        return self._analyse(best_part(read_recording(path), path), name)

    def analyse(self, samples: Samples, rate_hz: int, name: str) -> Voice:
        """A voice from samples at any rate, 2 seconds or more. Raises VoiceError, SoundError or CheckpointError."""
        return self._analyse(best_part(checked(samples, rate_hz), Sentence("The recording")), name)

    def adopted(self, voice: Voice) -> Voice:
        """The voice as this model's networks see it: itself, or made again from its recording.

        Raises VoiceError when it was made by another model and its recording was not kept.
        """
        if voice.model == self.networks.fingerprint and self._takes(voice):
            return voice
        if not len(voice.recording_24k):
            raise VoiceError(
                "The voice {name!r} was made with another model: add it again from a recording.", name=voice.name
            )
        return self._analyse(voice.recording_24k, voice.name)

    def synthesizer(
        self, voice: Voice, *, steps: int | None = None, guidance: float | None = None, seed: int = 0
    ) -> Synthesizer:
        """Something that speaks with this voice. The voice's streaming caches are prepared once and shared."""
        voice = self.adopted(voice)
        count = self.default_steps if steps is None else steps
        key = (_content(voice), count, guidance, seed)
        made = Synthesizer(
            self.flow,
            self.vocoder,
            voice,
            steps=count,
            guidance=guidance,
            seed=seed,
            start=self._prepared.get(key),
            thread=self._thread,
            first_alone=self._first_alone,
            measured=self._measured,
        )
        if key not in self._prepared:
            while len(self._prepared) >= _PREPARED_VOICES:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[key] = made.prepare()
        return made

    def _takes(self, voice: Voice) -> bool:
        """Whether these networks can read its arrays: nothing checks a token's place in a table once it is there."""
        config, tokens = self.flow.config, voice.speech_tokens
        return (
            len(tokens) > 0
            and 0 <= tokens.min() <= tokens.max() < config.vocab_size
            and voice.embedding.shape == (config.spk_embed_dim,)
            and voice.mel.shape == (self.flow.encoder.up_rate * len(tokens), config.output_size)
        )

    def _analyse(self, samples_24k: Samples, name: str) -> Voice:
        config = self.flow.config
        samples_16k = resample(samples_24k, RATE_MEL_HZ, RATE_TOKENS_HZ)
        tokens = self.networks.speech_tokens(samples_16k, config.vocab_size)
        embedding = self.networks.embedding(samples_16k, config.spk_embed_dim)
        mel = fitted(voice_mel(samples_24k), self.flow.encoder.up_rate * len(tokens))
        return Voice(name, tokens, embedding, mel, np.asarray(samples_24k, np.float32), self.networks.fingerprint)

    def _load(self, path: Path, name: str) -> Voice:
        if path.suffix == ".safetensors":
            return self.adopted(replace(Voice.load(path), name=name))
        return self.analyse_file(path, name)


def built_in_voices(folder: Path) -> dict[str, Path]:
    """Voice files or recordings a token2wav folder brings, by name; the starter model's voices when it brings none."""
    found = _voice_files([folder / "voices", folder, folder.parent / "assets"])
    return found or _voice_files([resource("starter", "token2wav", "voices")])


def _voice_files(folders: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        pattern = "*" if folder.name == "voices" else "default_*"
        for path in sorted(folder.glob(pattern)):
            if path.suffix in (".safetensors", ".wav"):
                found.setdefault(path.stem.removeprefix("default_"), path)
    return found


def _content(voice: Voice) -> str:
    digest = hashlib.sha256(voice.speech_tokens.tobytes())
    digest.update(voice.embedding.tobytes())
    digest.update(voice.mel.tobytes())
    return digest.hexdigest()
