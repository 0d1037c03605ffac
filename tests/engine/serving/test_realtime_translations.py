from __future__ import annotations

import base64
from itertools import groupby

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from tests.engine.serving.conftest import Served
from tests.engine.serving.realtime_client import RealtimeClient, realtime, said

PATH = "/v1/realtime/translations?model=gpt-realtime-translate"


def interpret(client: RealtimeClient, **audio: object) -> None:
    client.did("session.update", "session.updated", session={"audio": audio})


def append(client: RealtimeClient, sound: np.ndarray) -> None:
    data = (np.repeat(sound, 3)[::2] * 32767).astype("<i2").tobytes()  # 24 kHz, well enough for the detector
    client.send("session.input_audio_buffer.append", audio=base64.b64encode(data).decode())


def test_what_is_said_is_said_in_another_language(served: Served) -> None:
    vocabulary = served.engine.vocabulary
    speech = [vocabulary.speech[(41 * n) % 6561] for n in range(50)]
    served.llm.scripts[:] = [
        [*vocabulary.encode("Good morning."), vocabulary.eot],
        [*vocabulary.encode("Guten Morgen."), vocabulary.eot],
        [*speech, vocabulary.eot],
    ]
    with realtime(served, PATH) as client:
        interpret(client, input={"transcription": {"model": "whisper-1"}}, output={"language": "de"})
        assert client.seen[-1]["session"]["audio"]["output"]["language"] == "de"
        append(client, said(2.0))
        client.did("session.close", "session.closed")
        kinds = [event["type"] for event in client.seen if event["type"].endswith(".delta")]
        assert [kind for kind, _ in groupby(kinds)] == [
            "session.input_transcript.delta",
            "session.output_transcript.delta",
            "session.output_audio.delta",
        ]
        texts = [event["delta"] for event in client.seen if event["type"].endswith("transcript.delta")]
        assert texts == ["Good morning. ", "Guten Morgen. "]
        sound = [event["delta"] for event in client.seen if event["type"] == "session.output_audio.delta"]
        assert len(b"".join(map(base64.b64decode, sound))) == 50 * 960 * 2
        with pytest.raises(ConnectionClosed):
            client.until("anything")


def test_closing_interprets_what_was_begun(served: Served) -> None:
    served.llm.scripts[:] = [
        [*served.engine.vocabulary.encode("Hello."), served.engine.vocabulary.eot],
        [served.engine.vocabulary.speech[7], served.engine.vocabulary.eot],
    ]
    with realtime(served, PATH) as client:
        append(client, said(2.0, 0.0))
        client.did("session.close", "session.closed")
        texts = [event["delta"] for event in client.seen if event["type"] == "session.output_transcript.delta"]
        assert texts == ["Hello. "]


def test_errors_are_events(served: Served) -> None:
    with realtime(served, PATH) as client:
        error = client.did("session.update", "error", event_id="mine", session={"audio": {"output": {"language": "?"}}})
        assert error["error"]["event_id"] == "mine"
        assert client.did("response.create", "error")["error"]["code"] == "invalid_value"
        client.did("session.close", "session.closed")
