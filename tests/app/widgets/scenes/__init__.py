"""Scripted states of the real window, for pictures and for tests of how it looks."""

from __future__ import annotations

from collections.abc import Callable

from app.widgets.frame.window import Window
from tests.app.widgets.scenes import talk, transcribe

SCENES: dict[str, Callable[[Window], None]] = {
    "welcome": talk.welcome,
    "welcome-first": talk.welcome_first,
    "welcome-denied": talk.welcome_denied,
    "drawn": talk.drawn,
    "listening": talk.listening,
    "locked": talk.locked,
    "narrow": talk.narrow,
    "thinking": talk.thinking,
    "speaking": talk.speaking,
    "asking": talk.asking,
    "versions": talk.versions,
    "removed": talk.removed,
    "removed-recording": transcribe.removed_recording,
    "mixed": talk.mixed,
    "long-words": talk.long_words,
    "search": talk.search,
    "transcribe": transcribe.transcribe,
    "transcribe-empty": transcribe.transcribe_empty,
    "transcript": transcribe.transcript,
}
