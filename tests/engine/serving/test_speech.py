from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from engine import samples
from engine.serving.sounds import MEDIA_TYPES
from engine.serving.stretch import TimeStretch
from engine.speaking import Synthesizer, Voice
from tests.engine.serving.conftest import Served

ROUTE = "/v1/audio/speech"
TOKENS = 30
LENGTH_S = TOKENS / 25


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_speech_is_a_file_of_the_wanted_kind(served: Served, client: httpx.Client, tmp_path: Path, form: str) -> None:
    served.reads(TOKENS)
    answer = client.post(
        ROUTE, json={"model": "tts-1", "input": "Hello there.", "voice": "nobody", "response_format": form}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[form]
    if form == "pcm":
        assert len(answer.content) == round(LENGTH_S * 24_000) * 2
        return
    path = tmp_path / f"speech.{form}"
    path.write_bytes(answer.content)
    heard = samples.read(path, 24_000)
    assert len(heard) / 24_000 == pytest.approx(LENGTH_S, abs=0.1)
    assert np.abs(heard).max() > 0


def test_speech_as_events_is_the_same_sound(served: Served, client: httpx.Client) -> None:
    asked = {"input": "Hello there.", "voice": {"id": "nobody"}, "response_format": "pcm"}
    served.reads(TOKENS)
    whole = client.post(ROUTE, json=asked).content
    served.reads(TOKENS)
    lines = client.post(ROUTE, json={**asked, "stream_format": "sse"}).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert events.pop()["type"] == "speech.audio.done"
    told = b"".join(base64.b64decode(event["audio"]) for event in events)
    assert len(told) == len(whole)
    assert told[:4800] == whole[:4800]  # later samples depend on how large the pieces are, which goes by the clock


def test_an_unknown_voice_is_the_models_own_and_no_file(
    served: Served, client: httpx.Client, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [voice["id"] for voice in client.get("/v1/audio/voices").json()["voices"]]
    assert names[0] == "nobody"
    speaking, spoken = served.engine.speaking, []
    made = speaking.synthesizer

    def noted(voice: Voice) -> Synthesizer:
        spoken.append(voice.name)
        return made(voice)

    monkeypatch.setattr(speaking, "synthesizer", noted)
    for voice in ("nobody", names[1], "alloy", str(recording), "../nobody", 7, None):
        served.reads(TOKENS)
        client.post(ROUTE, json={"input": "Hello.", "voice": voice, "response_format": "pcm"}).raise_for_status()
    assert spoken == ["nobody", *[names[1]] * 6]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": 7}, "input"),
        ({}, "input"),
        ({"input": "x" * 40_000}, "input"),
        ({"input": "\ud800"}, "input"),
        ({"input": "a", "response_format": "midi"}, "response_format"),
        ({"input": "a", "speed": 9}, "speed"),
        ({"input": "a", "speed": True}, "speed"),
        ({"input": "a", "speed": 10**400}, "speed"),
        ({"input": "a", "speed": float("nan")}, "speed"),
        ({"input": "a", "stream_format": ["sse"]}, "stream_format"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_field(
    client: httpx.Client, body: dict[str, object], param: str
) -> None:
    answer = client.post(ROUTE, content=json.dumps(body))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_stretched_speech_keeps_its_pitch(speed: float) -> None:
    rate_hz, seconds = 24_000, 2.0
    time = np.arange(round(rate_hz * seconds)) / rate_hz
    sound = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 6)).astype(np.float32) * 0.2
    stretch = TimeStretch(speed, rate_hz)
    pieces = [stretch.push(piece) for piece in np.array_split(sound, 7)]
    made = np.concatenate([*pieces, stretch.finish()])
    assert len(made) / rate_hz == pytest.approx(seconds / speed, abs=0.03)
    spectrum = np.abs(np.fft.rfft(made[2400:-2400] * np.hanning(len(made) - 4800)))
    hz = spectrum.argmax() * rate_hz / (len(made) - 4800)
    assert hz == pytest.approx(140, rel=0.02)
    level = np.sqrt(np.mean(made[2400:-2400] ** 2)) / np.sqrt(np.mean(sound**2))
    assert level == pytest.approx(1, abs=0.1)
