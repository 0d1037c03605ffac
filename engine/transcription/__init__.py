"""Recordings of any length into text with times.

for event in transcribe(engine, "meeting.m4a", journal=Path("meeting.journal")):
    match event:
        case SegmentDone(segment=segment): print(segment.start_s, segment.text)
        case Finished(transcript=transcript): Path("meeting.srt").write_text(EXPORTS["srt"](transcript))
"""

from engine.transcription.exports import EXPORTS
from engine.transcription.journal import Journal
from engine.transcription.results import (
    Finished,
    Opened,
    Options,
    Segment,
    SegmentDone,
    Transcript,
    TranscriptionEvent,
)
from engine.transcription.transcriber import transcribe

__all__ = [
    "EXPORTS",
    "Finished",
    "Journal",
    "Opened",
    "Options",
    "Segment",
    "SegmentDone",
    "Transcript",
    "TranscriptionEvent",
    "transcribe",
]
