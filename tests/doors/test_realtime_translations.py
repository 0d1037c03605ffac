"""The official Python client has itself interpreted; every event that comes is one of its own classes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from conftest import Address, words
from openai import OpenAI
from realtime_helpers import FIRST, TRANSLATION_EVENT, as_wav, in_base64, pieces, question


def test_what_is_said_is_interpreted(openai: OpenAI, address: Address, hear: Callable[..., str]) -> None:
    """The starter knows one language, so it says again what it heard."""
    sound = question(openai, FIRST)
    seen: list[Any] = []
    with openai.realtime.translations.connect(model="gpt-realtime-translate") as line:
        heard: Any = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": "en"}}
        line.session.update(session={"audio": heard})
        for piece in pieces(sound):
            line.session.input_audio_buffer.append(audio=in_base64(piece))
        line.session.close()
        while not seen or seen[-1].type != "session.closed":
            seen.append(TRANSLATION_EVENT.validate_json(line.recv_bytes()))
            assert seen[-1].type != "error", seen[-1]
    assert {event.type for event in seen} == {
        "session.created",
        "session.updated",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "session.output_audio.delta",
        "session.closed",
    }
    for kind in ("input", "output"):
        said = "".join(event.delta for event in seen if event.type == f"session.{kind}_transcript.delta")
        assert words(said) == words(FIRST)
    spoken = [base64.b64decode(event.delta) for event in seen if event.type == "session.output_audio.delta"]
    assert hear(as_wav(b"".join(spoken))) == words(FIRST)
