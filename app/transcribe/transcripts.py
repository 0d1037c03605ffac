"""What can be done with recordings that have a text, each object with one job."""

from __future__ import annotations

from dataclasses import dataclass

from app.transcribe.reader import TranscriptReader
from app.transcribe.search import TranscriptSearcher
from app.transcribe.waveforms import Waveforms


@dataclass(frozen=True)
class Transcripts:
    """What the controller has for a transcript's page."""

    waveforms: Waveforms
    searcher: TranscriptSearcher
    reader: TranscriptReader

    def close(self) -> None:
        """Nothing is wanted any more."""
        self.waveforms.close()
        self.searcher.close()
