"""Imported once, by the process that the others are forked from. Nothing runs yet: no Qt, no array, no thread."""

import app.build
import app.main
import engine.engine
import engine.session
import engine.transcription
import tests.app.fakes
import tests.app.running_sound
import tests.fakes

__all__ = ["app", "engine", "tests"]
