"""Who speaks the answers: the chosen voice, the model's own, or that of the person who asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engine.conversation.remembering.records import TurnRecord
from engine.errors import SoundError, VoiceError

if TYPE_CHECKING:
    from engine.speaking import Speaking, Synthesizer, Voice

log = logging.getLogger(__name__)

_OWN_VOICE_SAMPLES = (3 * 16_000, 10 * 16_000)  # fewest and most of a recording that make a voice


class VoiceChoice(Protocol):
    """Whose voice speaks, and how finely it is made; the session's settings say so."""

    @property
    def voice(self) -> Voice | None: ...
    @property
    def own_voice(self) -> bool: ...
    @property
    def flow_steps(self) -> int | None: ...
    @property
    def seed(self) -> int | None: ...


class Voices:
    """Keeps the synthesizer of the voice in use, so that a voice is analysed and warmed up once."""

    def __init__(self, speaking: Callable[[], Speaking]) -> None:
        self._speaking = speaking
        self._synthesizer: Synthesizer | None = None
        self._made_for: tuple[Voice, int | None, int] | None = None
        self._own: Voice | None = None
        self._own_from: object = None

    def synthesizer(self, choice: VoiceChoice, record: TurnRecord | None = None) -> Synthesizer:
        """The synthesizer that speaks the answer to `record`. Raises CheckpointError or VoiceError."""
        own = self._own_voice(record) if choice.own_voice and record is not None else None
        voice = own or choice.voice or self._speaking().default_voice()
        return self.of(voice, choice)

    def of(self, voice: Voice, choice: VoiceChoice) -> Synthesizer:
        """The synthesizer of one voice."""
        steps, seed = choice.flow_steps, choice.seed or 0
        wanted = (voice, steps, seed)
        if self._synthesizer is None or self._made_for is None or not _same(self._made_for, wanted):
            self._synthesizer = self._speaking().synthesizer(voice, steps=steps, seed=seed)
            self._made_for = wanted
        return self._synthesizer

    def _own_voice(self, record: TurnRecord) -> Voice | None:
        """The voice of the person who spoke; the last one known when this recording is too short to tell."""
        samples = record.samples_16k
        fewest, most = _OWN_VOICE_SAMPLES
        if samples is not None and len(samples) >= fewest and self._own_from is not samples:
            self._own_from = samples
            try:
                self._own = self._speaking().analyse(samples[:most], 16_000, "own")
            except (VoiceError, SoundError) as error:
                log.info("no voice could be made of this recording: %s", error)
        return self._own


def _same(one: tuple[Voice, int | None, int], other: tuple[Voice, int | None, int]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
