"""A file on the way to its transcript, whoever asked for it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from engine import samples
from engine.serving.jobs import Host
from engine.serving.problems import ProblemError
from engine.serving.scribe import Scribe
from engine.transcription.results import Options, TranscriptionEvent
from engine.transcription.speakers import VoiceOf
from engine.transcription.transcriber import run


class Transcribing:
    """Transcribes files for others; windows of all of them are decoded together."""

    def __init__(self, host: Host) -> None:
        self._host, self.scribe = host, Scribe(host)

    def steps(
        self, path: Path, options: Options, *, details: bool = False, longest_s: float | None = None
    ) -> Generator[TranscriptionEvent]:
        """Events up to Finished, for a thread that may wait. Raises ProblemError for a recording over `longest_s`,
        and what `transcribe` raises.
        """
        about = self._host.about
        if longest_s is not None and samples.probe(path).duration_s > longest_s:
            raise ProblemError(413, "A request may hold one hour of sound: send the recording in parts.", param="file")
        voice_of: VoiceOf | None = None
        if options.speakers is not None:
            from engine.speaking.voice_networks import SpeakerNetwork

            voice_of = SpeakerNetwork(about.folder / "token2wav")
        yield from run(
            path,
            lambda windows: self.scribe.recognise(options, windows, details),
            model_folder=about.folder,
            options=options,
            voice_of=voice_of,
        )
